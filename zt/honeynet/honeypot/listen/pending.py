"""Replies that wait for their time: bounded in number and bytes, and for each source."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, NamedTuple, Protocol, TypeAlias

from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.sources import source_of
from zt.sip import Datagram
from zt.sip.tables import NEVER, SECOND

LONGEST: Final = 120 * SECOND
"""No reply waits longer, whatever is asked for."""


class Way(Protocol):
    """How to reach the sender of a message."""

    def send(self, payload: bytes) -> bool:
        """Sends it or loses it, at once; False: lost, since the way is closed or full."""


Take: TypeAlias = Callable[[Datagram, Way], None]
"""What is done with a message that came."""


class Waiting(NamedTuple):
    """A reply, the request it answers, and the way back."""

    request: Datagram
    payload: bytes
    way: Way


class Pending:
    """A heap of replies by their time.

    Args:
        limits: how many.
    """

    def __init__(self, limits: ListenLimits) -> None:
        self._limits = limits
        self._heap: list[tuple[int, int, Waiting]] = []
        self._number = 0  # replies of the same time leave in the order of their coming
        self._by_source: dict[bytes, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, reply: Waiting, due: int) -> bool:
        """Takes a reply for microsecond `due`; False: there is no place for it."""
        source = source_of(reply.request.src)
        of_source = self._by_source.get(source, 0)
        size = _size(reply)
        limits = self._limits
        if (
            len(self._heap) >= limits.pending
            or of_source >= limits.pending_per_source
            or self._bytes + size > limits.pending_bytes
        ):
            return False
        self._by_source[source] = of_source + 1
        self._bytes += size
        self._number += 1
        heappush(self._heap, (due, self._number, reply))
        return True

    def next(self) -> int:
        """When the first one is due, or `NEVER`."""
        return self._heap[0][0] if self._heap else NEVER

    def pop_due(self, now: int) -> Waiting | None:
        """The next reply whose time has come at microsecond `now`, if there is one."""
        if not self._heap or self._heap[0][0] > now:
            return None
        reply = heappop(self._heap)[2]
        self._bytes -= _size(reply)
        source = source_of(reply.request.src)
        if left := self._by_source[source] - 1:
            self._by_source[source] = left
        else:
            del self._by_source[source]
        return reply

    def clear(self) -> None:
        """Forgets all of them."""
        self._heap.clear()
        self._by_source.clear()
        self._bytes = 0


def _size(reply: Waiting) -> int:
    """Bytes that it holds: the request's as well, which it keeps alive."""
    return len(reply.payload) + len(reply.request.payload)
