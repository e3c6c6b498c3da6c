"""Asks an HTTP server as fast as it answers, over connections that stay open."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_END = b"\r\n\r\n"
_PATIENCE = 60.0  # seconds without any answer


class Asked(NamedTuple):
    """How it went.

    Attributes:
        rate: requests a second.
        middle, most: milliseconds that one waited; half of them, and 99 of 100, waited less.
        size: bytes of an answer at the mean, its head included.
    """

    rate: float
    middle: float
    most: float
    size: float


class _Connection:
    """One that waits for the answer to its question before it asks the next one."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = bytearray()

    def ask(self, question: bytes) -> None:
        self._begun = time.perf_counter()
        self._answer.clear()
        self.socket.sendall(question)

    def read(self, status: bytes) -> tuple[float, int] | None:
        """Seconds that the answer took and its bytes, once it is complete."""
        more = self.socket.recv(1 << 18)
        if not more:
            raise SystemExit("the server closed a connection")
        self._answer += more
        head, end, body = bytes(self._answer).partition(_END)
        if not end:
            return None
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 " + status) or length is None:
            raise SystemExit(f"unexpected answer: {head[:200]!r}")
        if len(body) < int(length[1]):
            return None
        return time.perf_counter() - self._begun, len(self._answer)


def get(path: str, host: str) -> bytes:
    """A question."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def ask(
    address: tuple[str, int],
    questions: Iterator[bytes],
    count: int,
    *,
    connections: int = 8,
    status: bytes = b"200",
) -> Asked:
    """Ask so many of the questions.

    Args:
        address: of the server, plain HTTP.
        questions: as many as asked for, at least.
        count: how many to ask.
        connections: how many wait for an answer at once.
        status: that each answer must have.

    Raises:
        SystemExit: an answer was another one.
    """
    times: list[float] = []
    size = 0
    left = islice(questions, count)
    with selectors.DefaultSelector() as waiting:
        begun = time.perf_counter()
        for _ in range(connections):
            if question := next(left, None):
                connection = _Connection(address)
                waiting.register(connection.socket, selectors.EVENT_READ, connection)
                connection.ask(question)
        while waiting.get_map():
            if not (ready := waiting.select(_PATIENCE)):
                raise SystemExit("the server does not answer any more")
            for key, _ in ready:
                connection = key.data
                if (done := connection.read(status)) is None:
                    continue
                times.append(done[0])
                size += done[1]
                if question := next(left, None):
                    connection.ask(question)
                else:
                    waiting.unregister(connection.socket)
                    connection.socket.close()
        took = time.perf_counter() - begun
    times.sort()
    return Asked(
        len(times) / took,
        1_000 * times[len(times) // 2],
        1_000 * times[len(times) * 99 // 100],
        size / len(times),
    )
