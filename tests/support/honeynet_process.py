"""A collector that runs as users start it."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from support.commands import ok

BOUND: Final = 60.0  # seconds that anything may take on a busy machine
_PORT: Final = re.compile(r"serves https? on \S+ port (\d+)")


class RunningCollector:
    """`zt honeynet serve` on a port of its own.

    Attributes:
        said: what came on stderr so far.
        port: where it serves.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = ""
        self.port = int(self.wait_for(_PORT)[1])

    def wait_for(self, pattern: re.Pattern[str] | str) -> re.Match[str]:
        """Wait until something was said."""
        wanted = re.compile(pattern)
        assert self.process.stderr is not None
        deadline = time.monotonic() + BOUND
        while not (found := wanted.search(self.said)):
            ready, _, _ = select.select([self.process.stderr], [], [], deadline - time.monotonic())
            block = os.read(self.process.stderr.fileno(), 65_536) if ready else b""
            assert block, f"it ended or took too long, and said {self.said}"
            self.said += block.decode()
        return found

    def connect(self) -> socket.socket:
        """A connection of TCP."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=BOUND)

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        secret: str = "",
        context: ssl.SSLContext | None = None,
    ) -> tuple[int, bytes]:
        """One request over a connection of its own: the status, and the body."""
        head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: x\r\n"
        head += "Connection: close\r\n"
        if secret:
            head += f"Authorization: Bearer {secret}\r\n"
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        with self.connect() as plain:
            connection = (
                context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain
            )
            connection.sendall(head.encode() + b"\r\n" + (body or b""))
            answer = read_all(connection)
            connection.close()
        top, _, rest = answer.partition(b"\r\n\r\n")
        return int(top.split(b" ", 2)[1]), rest

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask for the end: the exit code."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=BOUND)
        self.said += said.decode()
        return self.process.returncode


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes, or breaks off."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


@contextmanager
def running_collector(
    db: Path, *options: str | Path, listen: str = "127.0.0.1:0", files: int | None = None
) -> Iterator[RunningCollector]:
    """A collector that serves a book; it is killed at the end if it has not ended.

    Args:
        files: how many it may open.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ZT_")}
    command = [sys.executable, "-m", "zt", "honeynet", "serve", "--db", db, "--listen", listen]
    if files is not None:
        command = ["prlimit", f"--nofile={files}:{files}", *command]
    process = subprocess.Popen(
        [*map(str, command), *map(str, options)], stderr=subprocess.PIPE, env=clean
    )
    try:
        yield RunningCollector(process)
    finally:
        process.kill()
        process.communicate()


def add_key(db: Path, name: str = "client", rate: str = "1000000/1m") -> str:
    """A new key's secret."""
    made = ok("zt", "honeynet", "keys", "add", name, "--rate", rate, "--db", db)
    return made.out.decode().strip()


def add_honeypot(db: Path, name: str = "fra1", region: str = "fra") -> str:
    """A new honeypot's token."""
    made = ok("zt", "honeynet", "honeypots", "add", name, "--region", region, "--db", db)
    return made.out.decode().strip()
