"""Running other programs: every wait is bounded, every process is ended by its own pid."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from config import RUN
from errors import LabError

STEP_SECONDS = 90  # no program needs half of it; a hung one must not hang the lab


def run(*command: str) -> str:
    """Run a command that has to succeed.

    Returns:
        Its stdout.

    Raises:
        LabError: it failed or took too long.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=STEP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{' '.join(command)}` did not end") from error
    if done.returncode != 0:
        raise LabError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def inside(namespace: str, command: Sequence[str]) -> list[str]:
    """The same command in a network namespace; `ip` becomes it, so the pid is the command's."""
    return ["ip", "netns", "exec", namespace, *command]


def start(name: str, namespace: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a program in the background; what it prints goes to `run/NAME.log`.

    It gets a session of its own: Ctrl-C must reach the lab, which then ends things in order.
    """
    home = RUN / "home"  # keeps tools from reading or writing the caller's settings
    home.mkdir(parents=True, exist_ok=True)
    with log(name).open("wb") as out:
        return subprocess.Popen(
            inside(namespace, command),
            cwd=RUN,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def log(name: str) -> Path:
    """Where `start` sends the output of the program of that name."""
    return RUN / f"{name}.log"


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End a process that we started: ask, wait a little, then insist."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
