"""The one kind of memory that the probe has: bounded in number and in time.

Whatever a sender makes the probe remember goes into an `ExpiringTable`, so that no traffic,
however hostile, can make it grow without end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SECOND = 1_000_000  # microseconds, the unit of all times here
NEVER = 1 << 62  # a time after all others


class ExpiringTable(Generic[K, V]):
    """A mapping whose entries leave after a fixed time, or earlier when it is full.

    All entries live equally long, so their order of insertion is their order of expiry: every
    operation takes constant time. Times must not decrease from call to call.

    Args:
        lifetime: microseconds from the last `put` of an entry to its expiry.
        limit: entries held at most.
    """

    __slots__ = ("_entries", "_lifetime", "_limit")

    def __init__(self, lifetime: int, limit: int) -> None:
        self._lifetime = lifetime
        self._limit = limit
        # Not a dict: popping the first entry of a dict over and over takes quadratic time.
        self._entries: OrderedDict[K, tuple[int, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return entry[1] if entry is not None else None

    def pop(self, key: K) -> V | None:
        entry = self._entries.pop(key, None)
        return entry[1] if entry is not None else None

    def put(self, key: K, value: V, now: int) -> V | None:
        """Inserts or renews an entry; gives the oldest value if it had to leave for it."""
        if self._entries.pop(key, None) is None and len(self._entries) >= self._limit:
            evicted = self._entries.popitem(last=False)[1][1]
        else:
            evicted = None
        self._entries[key] = (now + self._lifetime, value)
        return evicted

    def deadline(self) -> int:
        """When the oldest entry expires, or `NEVER`."""
        for deadline, _ in self._entries.values():
            return deadline
        return NEVER

    def expire(self, now: int) -> Iterator[tuple[int, V]]:
        """Removes what has expired by `now`, oldest first, and yields it with its deadline."""
        while self._entries and self.deadline() <= now:
            yield self._entries.popitem(last=False)[1]

    def drain(self) -> Iterator[V]:
        """Removes everything, oldest first."""
        while self._entries:
            yield self._entries.popitem(last=False)[1][1]
