"""The collector under questions: a book of many addresses, and clients that ask without a pause.

It is the real command, in a process of its own, over plain HTTP on loopback, as behind a proxy.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import NamedTuple

from zt.honeynet.collector.book.access import Rate
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.guard import GuardSettings
from zt.honeynet.collector.book.model import BookSettings
from zt.honeynet.sighting import MAX_SIGHTINGS, Kind, Sighting, SightingBatch
from zt.sip.tables import SECOND

from .asking import Asked, ask, get

_FIRST = int(IPv4Address("11.0.0.0"))  # numbers to count with; nobody is spoken to
_APART = 97
_NEVER_TOO_OFTEN = Rate(100_000_000, SECOND)
_BATCH = 250  # addresses in one answer of APIBAN's list
_START = 30  # seconds


class Filled(NamedTuple):
    """How long it took to take all sightings, and what they are now.

    Attributes:
        seconds: for all of them.
        size: bytes of the book's file.
        key: a client's.
    """

    seconds: float
    size: int
    key: str


def address(number: int) -> str:
    """One of the addresses in the book."""
    return str(IPv4Address(_FIRST + number * _APART))


def fill(path: Path, addresses: int) -> Filled:
    """Make a book with so many addresses, as a honeypot reports them."""
    now = time.time_ns() // 1_000
    settings = BookSettings(guard=GuardSettings(share=1.0))  # one honeypot fills it all
    with Book.open(path, settings) as book:
        key = book.add_key("client", now, _NEVER_TOO_OFTEN)
        book.add_honeypot("bench", "bench", now)
        honeypot = book.honeypot_named("bench")
        assert honeypot is not None
        begun = time.perf_counter()
        for first in range(0, addresses, MAX_SIGHTINGS):
            numbers = range(first, min(first + MAX_SIGHTINGS, addresses))
            sightings = tuple(
                Sighting(address(number), Kind.GUESS, True, now, now, 5, "friendly-scanner")
                for number in numbers
            )
            book.take(honeypot, SightingBatch(f"batch-{first:08d}", sightings), now)
        took = time.perf_counter() - begun
    return Filled(took, path.stat().st_size, key)


def asked(path: Path, addresses: int, key: str, requests: int) -> dict[str, Asked]:
    """Ask the collector of all kinds of things, each by its name in the table."""
    found: dict[str, Asked] = {}
    with _serving(path) as place:
        host = f"{place[0]}:{place[1]}"

        def gets(*paths: str) -> Iterator[bytes]:
            made = [get(path, host) for path in paths]
            return (made[number % len(made)] for number in count())

        steps = [number * 7919 % addresses for number in range(10_000)]
        listed = [f"/api/{key}/check/{address(number)}" for number in steps]
        others = [
            f"/api/{key}/check/{IPv4Address(_FIRST + number * _APART + 1)}" for number in steps
        ]
        pages = [f"/api/{key}/banned/{100 + first}" for first in range(0, addresses - 1, _BATCH)]
        found["check of an address that is listed"] = ask(place, gets(*listed), requests)
        found["check of one that is not"] = ask(place, gets(*others), requests, status=b"400")
        found[f"{_BATCH} addresses of the list"] = ask(place, gets(*pages), requests // 4)
        nothing_new = gets(f"/api/{key}/banned/{100 + addresses}")
        found["no new addresses"] = ask(place, nothing_new, requests, status=b"400")
        whole = gets(f"/lists/ipv4.txt?token={key}")
        found["the whole list as text"] = ask(place, whole, max(requests // 100, 8))
        found["the front page"] = ask(place, gets("/"), requests // 4)
    return found


@contextmanager
def _serving(path: Path) -> Iterator[tuple[str, int]]:
    """`zt honeynet serve` on a free port of loopback; gives its place."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place: tuple[str, int] = free.getsockname()
    command = (sys.executable, "-m", "zt", "honeynet", "serve", "--db", str(path))
    said = path.with_suffix(".log")
    with said.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--listen", f"{place[0]}:{place[1]}"],
            stdout=out, stderr=out, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
    try:
        _await(place, process, said)
        yield place
    finally:
        process.terminate()
        process.wait(_START)


def _await(place: tuple[str, int], process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            socket.create_connection(place).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the collector does not start: {said.read_text()}") from None
            time.sleep(0.05)
