"""The memory that the probe has: bounded in number and in time.

Whatever a sender makes the probe remember goes into one of these tables, so that no traffic,
however hostile, can make it grow without end. An `ExpiringTable` is for what lives equally long, a
`DeadlineTable` for what has a deadline of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SECOND = 1_000_000  # microseconds, the unit of all times here
NEVER = 1 << 62  # a time after all others
_FEW = 64  # void alarms that are not worth the tidying


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

    def pop_oldest(self) -> V:
        """Removes the entry that was put longest ago; there must be one."""
        return self._entries.popitem(last=False)[1][1]

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


class _Entry(Generic[V]):
    """One value of a `DeadlineTable`, when it ends, and which of its alarms is the valid one."""

    __slots__ = ("alarm", "deadline", "value")

    def __init__(self, value: V, deadline: int) -> None:
        self.value = value
        self.deadline = deadline
        self.alarm = 0


class DeadlineTable(Generic[K, V]):
    """A mapping whose entries each have a deadline of their own, which may be moved.

    When it is full, the oldest *doubtful* entry leaves first: what somebody may have made up
    can't push out what is confirmed. Times must not decrease from call to call. Every operation
    takes logarithmic time; there are at most twice as many alarms as entries.

    Args:
        limit: entries held at most.
    """

    __slots__ = ("_alarms", "_confirmed", "_doubtful", "_limit", "_number")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._doubtful: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._confirmed: OrderedDict[K, _Entry[V]] = OrderedDict()
        # (time, number, key); an alarm whose number is not its entry's is void. An entry that is
        # renewed keeps its alarm, which is set again when it rings too early.
        self._alarms: list[tuple[int, int, K]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._doubtful) + len(self._confirmed)

    def __contains__(self, key: K) -> bool:
        return key in self._confirmed or key in self._doubtful

    def get(self, key: K) -> V | None:
        entry = self._confirmed.get(key) or self._doubtful.get(key)
        return entry.value if entry is not None else None

    def pop(self, key: K) -> V | None:
        entry = self._confirmed.pop(key, None) or self._doubtful.pop(key, None)
        if entry is None:
            return None
        self._tidy()
        return entry.value

    def put(self, key: K, value: V, deadline: int, *, confirmed: bool) -> V | None:
        """Inserts or replaces an entry; gives the value that had to leave for it."""
        replaced = self._confirmed.pop(key, None) or self._doubtful.pop(key, None)
        evicted = None
        if replaced is None and len(self) >= self._limit:
            evicted = (self._doubtful or self._confirmed).popitem(last=False)[1].value
        entry = _Entry(value, deadline)
        (self._confirmed if confirmed else self._doubtful)[key] = entry
        self._set_alarm(key, entry)
        return evicted

    def confirm(self, key: K) -> None:
        """An entry is doubtful no longer."""
        entry = self._doubtful.pop(key, None)
        if entry is not None:
            self._confirmed[key] = entry

    def move(self, key: K, deadline: int) -> None:
        """Gives an entry another deadline."""
        entry = self._confirmed.get(key) or self._doubtful.get(key)
        if entry is None:
            return
        earlier = deadline < entry.deadline
        entry.deadline = deadline
        if earlier:
            self._set_alarm(key, entry)

    def deadline(self) -> int:
        """When `expire` has something to do next, or `NEVER`."""
        return self._alarms[0][0] if self._alarms else NEVER

    def expire(self, now: int) -> Iterator[tuple[int, V]]:
        """Removes what has expired by `now`, and yields it with its deadline, in their order."""
        alarms = self._alarms
        while alarms and alarms[0][0] <= now:
            _, number, key = heappop(alarms)
            entry = self._confirmed.get(key) or self._doubtful.get(key)
            if entry is None or entry.alarm != number:
                continue
            if entry.deadline > now:
                self._set_alarm(key, entry)
                continue
            self._confirmed.pop(key, None)
            self._doubtful.pop(key, None)
            yield entry.deadline, entry.value

    def _set_alarm(self, key: K, entry: _Entry[V]) -> None:
        self._number += 1
        entry.alarm = self._number
        heappush(self._alarms, (entry.deadline, self._number, key))
        self._tidy()

    def _tidy(self) -> None:
        """Drops void alarms once they outnumber the others: constant time for each, in all."""
        if len(self._alarms) <= 2 * len(self) + _FEW:
            return
        self._alarms[:] = [
            (entry.deadline, entry.alarm, key)
            for table in (self._doubtful, self._confirmed)
            for key, entry in table.items()
        ]
        heapify(self._alarms)
