"""A bounded memory of which no sender can take more than a share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def owner_of(address: bytes) -> bytes:
    """Whose share an address uses; an IPv6 sender has all of its /64."""
    return address if len(address) == 4 else address[:8]


class _Entry(Generic[V]):
    __slots__ = ("owner", "size", "time", "value")

    def __init__(self, value: V, owner: bytes, time: int) -> None:
        self.value = value
        self.owner = owner
        self.size = 0
        self.time = time


class _Owner(Generic[K]):
    __slots__ = ("keys", "size")

    def __init__(self) -> None:
        self.keys: OrderedDict[K, None] = OrderedDict()
        self.size = 0


class SharedTable(Generic[K, V]):
    """Entries with an owner and a size, oldest first.

    Where an owner has more than its share, its own oldest entry leaves; where all have too much,
    the oldest of all. Every operation takes constant time, but for evictions, each of which was
    paid for by an insertion.

    Args:
        entries: held at most.
        size: bytes held at most, by the sizes that were told.
        share: one owner has at most 1/share of both.
    """

    def __init__(self, entries: int, size: int, share: int) -> None:
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._owners: dict[bytes, _Owner[K]] = {}
        self._max_entries, self._max_size = entries, size
        self._owner_entries = max(1, entries // share)
        self._owner_size = max(1, size // share)
        self.size = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return entry.value if entry is not None else None

    def add(self, key: K, value: V, owner: bytes, time: int) -> None:
        """Inserts an entry of size 0 whose key is new."""
        self._entries[key] = _Entry(value, owner, time)
        held = self._owners.get(owner)
        if held is None:
            held = self._owners[owner] = _Owner()
        held.keys[key] = None
        if len(held.keys) > self._owner_entries:
            self._evict(next(iter(held.keys)))
        elif len(self._entries) > self._max_entries:
            self._evict(next(iter(self._entries)))

    def touch(self, key: K, time: int) -> None:
        """Makes an entry the youngest."""
        entry = self._entries[key]
        entry.time = time
        self._entries.move_to_end(key)
        self._owners[entry.owner].keys.move_to_end(key)

    def resize(self, key: K, size: int) -> None:
        """Says how many bytes an entry holds now; it may have to leave for that itself."""
        entry = self._entries[key]
        held = self._owners[entry.owner]
        grown = size - entry.size
        entry.size = size
        held.size += grown
        self.size += grown
        while held.size > self._owner_size:
            self._evict(next(iter(held.keys)))
        while self.size > self._max_size:
            self._evict(next(iter(self._entries)))

    def remove(self, key: K) -> V | None:
        """Removes an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        held = self._owners[entry.owner]
        del held.keys[key]
        held.size -= entry.size
        if not held.keys:
            del self._owners[entry.owner]
        self.size -= entry.size
        return entry.value

    def pop_before(self, time: int) -> V | None:
        """Removes the oldest entry if it was added or touched before `time`."""
        for key, entry in self._entries.items():
            return self.remove(key) if entry.time < time else None
        return None

    def _evict(self, key: K) -> None:
        self.evicted += 1
        self.remove(key)
