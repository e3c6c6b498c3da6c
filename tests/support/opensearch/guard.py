"""Ends a node when nobody uses it any more, however its users ended.

    python guard.py LOCK HOME

Users hold a shared lock on the file LOCK, which the kernel takes from them when they die. As soon
as there are none the guard kills the process group that HOME/process names, and removes HOME. It
waits for the lock without any polling, and imports nothing of this repository.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

PATIENCE = 10  # seconds


def end(group: int) -> None:
    """Kill a process group and wait until it is gone: only then can its files be removed."""
    deadline = time.monotonic() + PATIENCE
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)


def main(lock: str, home: Path) -> None:
    """Wait, then end the node."""
    with Path(lock).open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            end(int((home / "process").read_text()))
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
