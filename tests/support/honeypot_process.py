"""A honeypot that runs as users start it, on ports of loopback, and somebody who attacks it."""

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

from support.shipping import BOUND
from support.sip_packets import ask

_PLACE = re.compile(rb"listens on (udp|tcp|tls):127\.0\.0\.1:(\d+)\n")


class RunningHoneypot:
    """`zt honeypot run` on ports of its own.

    Attributes:
        said: what came on stderr so far.
        ports: by transport.
    """

    def __init__(self, process: subprocess.Popen[bytes], endpoints: int) -> None:
        self.process = process
        self.said = b""
        deadline = time.monotonic() + BOUND
        while len(places := _PLACE.findall(self.said)) < endpoints:
            self._hear(deadline)
        self.ports = {transport.decode(): int(port) for transport, port in places}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(BOUND)
        self._number = 0

    def ask(self, method: str, *, to: str = "100", extra: tuple[str, ...] = ()) -> bytes:
        """A request over UDP, and its answer."""
        self._number += 1
        request = ask(method, to=to, call=f"call-{self._number}", extra=extra)
        self._socket.sendto(request.encode(), ("127.0.0.1", self.ports["udp"]))
        return self._socket.recv(65_536)

    def ask_by_connection(self, method: str) -> bytes:
        """The same over a TCP connection, so that the sender is proven."""
        self._number += 1
        request = ask(method, to="100", call=f"call-{self._number}").replace("/UDP", "/TCP")
        place = ("127.0.0.1", self.ports["tcp"])
        with socket.create_connection(place, timeout=BOUND) as connection:
            connection.sendall(request.encode())
            return connection.recv(65_536)

    def wait_for(self, pattern: re.Pattern[bytes] | str) -> re.Match[bytes]:
        """Wait until something was said."""
        wanted = re.compile(pattern.encode()) if isinstance(pattern, str) else pattern
        deadline = time.monotonic() + BOUND
        while not (found := wanted.search(self.said)):
            self._hear(deadline)
        return found

    def _hear(self, deadline: float) -> None:
        """Read on in what it says."""
        assert self.process.stderr is not None
        left = max(0.0, deadline - time.monotonic())
        assert select.select([self.process.stderr], [], [], left)[0], self.said.decode()
        block = os.read(self.process.stderr.fileno(), 65_536)
        assert block, f"it ended, and said {self.said.decode()}"
        self.said += block

    def end(self, number: int = signal.SIGTERM) -> tuple[int, bytes]:
        """Ask for the end: the exit code, and what is on stdout."""
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


@contextmanager
def running_honeypot(
    *options: str | Path, folder: Path, settings: str = "", transports: tuple[str, ...] = ("udp",)
) -> Iterator[RunningHoneypot]:
    """`zt honeypot run` with these options and settings, until the end of the block."""
    listen = ", ".join(f"'{transport}:127.0.0.1:0'" for transport in transports)
    config = folder / "honeypot.yaml"
    config.write_text(f"name: hp-1\nlisten: [{listen}]\n{settings}")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ZT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "zt", "honeypot", "run", "-c", config, *map(str, options)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
        env=clean | {"XDG_STATE_HOME": str(folder / "state")},
    )  # fmt: skip
    try:
        honeypot = RunningHoneypot(process, len(transports))
    except BaseException:
        process.kill()
        process.communicate()
        raise
    try:
        yield honeypot
    finally:
        honeypot.close()
