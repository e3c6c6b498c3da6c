"""Texts of many events put together from pieces, of which most are the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

CHUNK = 500
"""Events that go through the columns at once: enough to amortise the calls, few enough that what
one step leaves is in the processor's cache when the next one comes."""

Texts = Sequence[bytes]
"""A text for each event of a group."""


def joined(pieces: Sequence[bytes | Texts], count: int) -> list[bytes]:
    """The text of each of so many events: what is the same in all of them, and its own."""
    rows = zip(
        *[repeat(piece, count) if isinstance(piece, bytes) else piece for piece in pieces],
        strict=True,
    )
    return list(map(b"".join, rows))
