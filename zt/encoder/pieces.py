"""Texts of many events put together from pieces, of which most are the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import TypeVar

CHUNK = 500
"""Events that go through the columns at once: enough to amortise the calls, few enough that what
one step leaves is in the processor's cache when the next one comes."""

CHUNK_BYTES = 4 * 1024 * 1024
"""And fewer of long lines, since the objects of an event take many times its bytes."""

WINDOW = 4
"""Chunks whose new values are encrypted together: ciphers that run by column take as long for a
few values as for hundreds."""

WINDOW_BYTES = 4 * 1024 * 1024

Item = TypeVar("Item")

Texts = Sequence[bytes]
"""A text for each event of a group."""


def cut(
    items: Iterable[Item], size: Callable[[Item], int], most: int, most_bytes: int
) -> Iterator[list[Item]]:
    """Runs of at most so many items, each of which ends once it has so many bytes."""
    run: list[Item] = []
    total = 0
    for item in items:
        run.append(item)
        total += size(item)
        if len(run) == most or total >= most_bytes:
            yield run
            run, total = [], 0
    if run:
        yield run


def joined(pieces: Sequence[bytes | Texts], count: int) -> list[bytes]:
    """The text of each of so many events: what is the same in all of them, and its own."""
    rows = zip(
        *[repeat(piece, count) if isinstance(piece, bytes) else piece for piece in pieces],
        strict=True,
    )
    return list(map(b"".join, rows))
