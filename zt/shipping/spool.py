"""The spool: encrypted batches in order until they are delivered, bounded in bytes.

Invariants:
- A batch is written to the disk before it can leave, and removed from it once it was delivered;
  so whenever the process ends, it is on the disk or delivered, or both.
- It leaves as the bytes that were written.
- What does not fit is counted and said: the oldest batches go first, since what happens now is
  what can still be acted upon. A batch that is just being delivered stays.
- Where the disk refuses, or there is no folder, batches wait in memory, bounded as well.

One thread puts, one delivers, any may count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path
from typing import Final

from zt.shipping.counters import ShippingCounters
from zt.shipping.folder import ASIDE, DamagedError, SpoolFolder
from zt.shipping.parcel import Parcel
from zt.shipping.trouble import Trouble

RUN_BATCHES: Final = 256
RUN_BYTES: Final = 16 * 1024 * 1024
"""What is delivered in one step: to catch up after an outage in large pieces."""


class Spool:
    """Batches that wait.

    Args:
        folder: where they wait; None: in memory.
        limit: bytes on the disk.
        memory: bytes in memory, of batches that the disk did not take.
        say: is given what a person should know.

    Raises:
        SpoolError: see `SpoolFolder`.
    """

    def __init__(
        self, folder: Path | None, *, limit: int, memory: int, say: Callable[[str], None]
    ) -> None:
        self._folder = SpoolFolder(folder, limit) if folder is not None else None
        self._limit = limit
        self._memory = memory
        self._say = say
        self._trouble = Trouble(say, "the spool is written again")
        self._full = Trouble(say, "the spool has room again")
        self._changed = threading.Condition()
        self._waiting: dict[str, Parcel] = {}
        self._stored = self._held = 0  # bytes on the disk, and in memory
        self._counters = ShippingCounters()
        self._next = 1
        self._is_closing = False
        if self._folder is not None:
            self._take_over(self._folder)

    def _take_over(self, folder: SpoolFolder) -> None:
        """Begin with what an earlier run left."""
        parcels, others = folder.find()
        for name in others:
            moved = folder.set_aside(name)
            what = "was moved to" if moved else "should be moved to"
            self._say(f"{folder.path / name} is no batch of this spool: it {what} {ASIDE}/")
        for parcel in parcels:
            self._add(parcel)
        if parcels:
            self._next = parcels[-1].number + 1
            events = sum(parcel.events for parcel in parcels)
            self._say(f"the spool holds {events} events in {len(parcels)} batches: sending them")
        self._make_room(0)

    def resize(self, limit: int, memory: int) -> None:
        """Other bounds, from the next batch on."""
        self._limit, self._memory = limit, memory

    def put(self, events: int, data: bytes) -> None:
        """Add a batch; it is on the disk when this returns, if the disk takes it."""
        parcel = Parcel.of(self._next, events, data, time.time())
        self._next += 1
        if self._folder is None or not self._persist_held(self._folder):
            is_written = False
        else:
            self._make_room(parcel.size)
            is_written = parcel.size <= self._limit and self._write(self._folder, parcel)
        with self._changed:
            self._add(parcel)
            self._changed.notify_all()
        if not is_written:
            self._make_room_in_memory()

    def take(self, timeout: float) -> list[Parcel]:
        """The oldest batches, for delivery; none after so many seconds without any.

        They count as waiting until `settle` or `put_back`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing, timeout)
            taken: list[Parcel] = []
            size = 0
            for parcel in self._waiting.values():
                size += parcel.size
                if taken and (size > RUN_BYTES or len(taken) == RUN_BATCHES):
                    break
                parcel.is_leaving = True
                taken.append(parcel)
            return taken

    def read(self, parcel: Parcel) -> bytes | None:
        """The bytes of a batch that was taken; None if it is damaged and was set aside.

        Raises:
            OSError: the disk does not give them now.
        """
        if (data := parcel.data) is not None or self._folder is None:
            return data
        try:
            return self._folder.read(parcel)
        except DamagedError as error:
            self.set_aside(parcel, str(error))
            return None

    def settle(self, parcels: Iterable[Parcel]) -> None:
        """Remove batches that were delivered."""
        for parcel in parcels:
            self._remove(parcel)
        self._full.is_over()

    def put_back(self, parcels: Iterable[Parcel]) -> None:
        """Let batches that were taken wait on, in their place."""
        with self._changed:
            for parcel in parcels:
                parcel.is_leaving = False

    def set_aside(self, parcel: Parcel, reason: str) -> None:
        """Keep a batch apart that can't be delivered, and say why."""
        with self._changed:
            self._drop(parcel)
            self._counters.aside_batches += 1
            self._counters.aside_events += parcel.events
        folder = self._folder
        where = "it is lost"
        if folder is not None and parcel.data is not None:
            self._write(folder, parcel)
        if folder is not None and folder.set_aside(parcel.name):
            where = f"it is in {folder.path / ASIDE}"
        self._say(f"batch {parcel.number} of the spool, {parcel.events} events, {reason}: {where}")

    def wake(self) -> None:
        """End the wait of `take` for good."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def close(self) -> int:
        """Release the folder; how many events are lost, since they were in memory only."""
        if self._folder is not None:
            self._persist_held(self._folder)
            self._folder.close()
        return sum(p.events for p in self._waiting.values() if p.data is not None)

    def count(self, into: ShippingCounters) -> None:
        """Add what there is to say of the spool."""
        with self._changed:
            counters, waiting = self._counters, self._waiting
            into.dropped_batches = counters.dropped_batches
            into.dropped_events = counters.dropped_events
            into.aside_batches = counters.aside_batches
            into.aside_events = counters.aside_events
            into.spool_batches = len(waiting)
            into.spool_events = counters.spool_events
            into.spool_bytes = self._stored + self._held
            into.unsafe_batches = counters.unsafe_batches
            oldest = next(iter(waiting.values()), None)
            into.spool_age = max(0.0, time.time() - oldest.time) if oldest else 0.0

    def _add(self, parcel: Parcel) -> None:
        self._waiting[parcel.name] = parcel
        self._counters.spool_events += parcel.events
        if parcel.data is None:
            self._stored += parcel.size
        else:
            self._held += parcel.size
            self._counters.unsafe_batches += 1

    def _drop(self, parcel: Parcel) -> bool:
        """Take a batch out of the books; False if it is not in them any more."""
        if self._waiting.pop(parcel.name, None) is None:
            return False
        self._counters.spool_events -= parcel.events
        if parcel.data is None:
            self._stored -= parcel.size
        else:
            self._held -= parcel.size
            self._counters.unsafe_batches -= 1
        return True

    def _remove(self, parcel: Parcel) -> None:
        with self._changed:
            self._drop(parcel)
        if self._folder is not None:
            self._folder.remove(parcel)

    def _persist_held(self, folder: SpoolFolder) -> bool:
        """Write what the disk did not take before; whether nothing is left in memory."""
        with self._changed:
            held = [p for p in self._waiting.values() if p.data is not None]
        for parcel in held:
            self._make_room(parcel.size)
            if parcel.size > self._limit or not self._write(folder, parcel, keep=True):
                return False
            with self._changed:
                if parcel.name in self._waiting:
                    self._held -= parcel.size
                    self._stored += parcel.size
                    self._counters.unsafe_batches -= 1
                    parcel.data = None
                    continue
            folder.remove(parcel)  # it was delivered meanwhile
        return True

    def _write(self, folder: SpoolFolder, parcel: Parcel, *, keep: bool = False) -> bool:
        """Write a batch; whether it is on the disk."""
        data = parcel.data
        assert data is not None
        try:
            folder.write(parcel, data)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._trouble.tell(
                reason,
                f"can't write to the spool {folder.path}: {reason}; batches wait in memory, "
                "where a crash would lose them: make room, or give it its rights back",
            )
            return False
        self._trouble.is_over()
        if not keep:
            parcel.data = None
        return True

    def _make_room(self, size: int) -> None:
        """Let the oldest batches go until so many bytes fit on the disk."""
        with self._changed:
            excess = self._stored + size - self._limit
            victims = self._oldest(excess, lambda parcel: parcel.data is None)
        self._let_go(victims, "the spool is full")

    def _make_room_in_memory(self) -> None:
        with self._changed:
            excess = self._held - self._memory
            victims = self._oldest(excess, lambda parcel: parcel.data is not None)
        self._let_go(victims, "the memory for batches is full")

    def _oldest(self, excess: int, is_meant: Callable[[Parcel], bool]) -> list[Parcel]:
        """The oldest batches that take so many bytes together, taken out of the books."""
        if excess <= 0:
            return []
        freed = 0

        def more(parcel: Parcel) -> bool:
            nonlocal freed
            is_more = freed < excess
            freed += parcel.size
            return is_more

        free = (p for p in self._waiting.values() if is_meant(p) and not p.is_leaving)
        victims = list(takewhile(more, free))
        for parcel in victims:
            self._drop(parcel)
            self._counters.dropped_batches += 1
            self._counters.dropped_events += parcel.events
        return victims

    def _let_go(self, victims: list[Parcel], why: str) -> None:
        if not victims:
            return
        for parcel in victims:
            if self._folder is not None:
                self._folder.remove(parcel)
        self._full.tell(
            why,
            f"{why}: the oldest batches are dropped; dropped_events counts their events. "
            "Bring the store back, or give the spool more room",
        )
