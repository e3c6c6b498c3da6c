"""A probe that runs as users start it, fed by HEP."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from support.hep_messages import chunks, v3
from support.shipping import BOUND
from support.sip_packets import PHONE, SERVER, answer, ask

_PORT = re.compile(rb"takes HEP on 127\.0\.0\.1 port (\d+)")


class RunningProbe:
    """`zt probe hep` on a port of its own.

    Attributes:
        said: what came on stderr so far.
        port: where it takes HEP.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = b""
        self.port = int(self.wait_for(_PORT)[1])
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._calls = 0

    def send(self, payload: str, src: str = PHONE, dst: str = SERVER) -> None:
        """A SIP message as an agent mirrors it, now."""
        moment = time.time_ns() // 1_000
        message = v3(chunks(payload.encode(), src=src, dst=dst, time=moment))
        self._socket.sendto(message, ("127.0.0.1", self.port))

    def register(self, user: str) -> None:
        """A phone that registers, which is one event."""
        self._calls += 1
        request = ask("REGISTER", user=user, call=f"reg-{user}-{self._calls}")
        self.send(request)
        contact = f"Contact: <sip:{user}@{PHONE}:5060>;expires=3600"
        self.send(answer(request, 200, tag="server", extra=[contact]), SERVER, PHONE)

    def wait_for(self, pattern: re.Pattern[bytes] | str) -> re.Match[bytes]:
        """Wait until something was said."""
        wanted = re.compile(pattern.encode()) if isinstance(pattern, str) else pattern
        assert self.process.stderr is not None
        deadline = time.monotonic() + BOUND
        while not (found := wanted.search(self.said)):
            block = _read(self.process.stderr, deadline)
            assert block, f"it ended, and said {self.said.decode()}"
            self.said += block
        return found

    def line(self) -> bytes:
        """A line of its stdout."""
        assert self.process.stdout is not None
        line = b""
        deadline = time.monotonic() + BOUND
        while not line.endswith(b"\n"):
            line += _read(self.process.stdout, deadline, 1)
        return line

    def end(self, number: int = signal.SIGTERM) -> tuple[int, bytes]:
        """Ask for the end: the exit code, and the rest of stdout."""
        self.process.send_signal(number)
        out, said = self.process.communicate(timeout=BOUND)
        self.said += said
        return self.process.returncode, out

    def close(self) -> None:
        """End it, however it is."""
        self._socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def _read(stream: IO[bytes], deadline: float, size: int = 65_536) -> bytes:
    assert select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0], "silence"
    return os.read(stream.fileno(), size)


@contextmanager
def running_probe(
    *options: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> Iterator[RunningProbe]:
    """`zt probe hep` with these options, until the end of the block."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ZT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "zt", "probe", "hep", "127.0.0.1:0", *map(str, options)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
        env=clean | {"XDG_STATE_HOME": str(cwd / "state")} | (env or {}),
    )  # fmt: skip
    try:
        probe = RunningProbe(process)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    try:
        yield probe
    finally:
        probe.close()
