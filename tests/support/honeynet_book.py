"""Books of the honeynet, honeypots that report to them, and sightings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from zt.honeynet.collector.book.access import Honeypot
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import DAY, BookSettings, Family, Taken
from zt.honeynet.sighting import Kind, Sighting, SightingBatch

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND

START: Final = 20_700 * DAY + 9 * HOUR
"""A morning, in microseconds since 1970."""

_numbers = itertools.count(1)


def settings(**guard: object) -> BookSettings:
    """Settings with some of the guard's replaced."""
    usual = BookSettings()
    return replace(usual, guard=replace(usual.guard, **guard))  # type: ignore[arg-type]


def public(number: int) -> str:
    """One of some millions of public IPv4 addresses."""
    return f"{20 + (number >> 24)}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def seen(
    address: str,
    at: int,
    *,
    proven: bool = True,
    kind: Kind = Kind.SCAN,
    count: int = 1,
    tool: str = "",
    first: int | None = None,
) -> Sighting:
    """One sighting."""
    return Sighting(address, kind, proven, at if first is None else first, at, count, tool)


def batch(sightings: Iterable[Sighting], name: str = "") -> SightingBatch:
    """Sightings as a batch, of a name that was not used before."""
    return SightingBatch(name or f"test-{next(_numbers):08}", tuple(sightings))


class Net:
    """A book, and honeypots that report to it.

    Args:
        path: of the book's file.
        settings: of the book.
    """

    def __init__(self, path: Path, settings: BookSettings | None = None) -> None:
        self.book = Book.open(path, settings)

    def honeypot(self, name: str, region: str = "eu", owner: str = "") -> Honeypot:
        """The honeypot of this name, which is added if there is none."""
        if self.book.honeypot_named(name) is None:
            self.book.add_honeypot(name, region, START, owner)
        found = self.book.honeypot_named(name)
        assert found is not None
        return found

    def tell(self, name: str, *sightings: Sighting, now: int = START) -> Taken:
        """Have a honeypot report."""
        return self.book.take(self.honeypot(name), batch(sightings), now)

    def shared(self, family: Family = 4) -> list[str]:
        """The addresses that are shared."""
        return list(self.book.addresses(family))
