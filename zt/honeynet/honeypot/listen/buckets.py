"""Limits of rates: token buckets, in constant time and bounded memory.

A bucket is one number, the time at which it will be full again: what is taken moves that time on,
and a bucket is empty when it lies too far ahead (the generic cell rate algorithm of ITU-T I.371).
A full bucket is no number at all, so only those who take something are remembered.
"""

from __future__ import annotations

from collections import OrderedDict

from zt.sip.tables import SECOND


class Bucket:
    """A rate of one thing. Times must not decrease from call to call.

    Args:
        rate: tokens a second.
        burst: seconds' worth of tokens that it holds when it is full.
    """

    __slots__ = ("_depth", "_full", "_rate")

    def __init__(self, rate: float, burst: float = 2.0) -> None:
        self._rate = rate
        self._depth = burst * SECOND
        self._full = 0.0

    def take(self, now: int, tokens: int = 1) -> bool:
        """Takes tokens at microsecond `now` if so many are there."""
        full = max(self._full, now) + tokens * SECOND / self._rate
        if full > now + self._depth:
            return False
        self._full = full
        return True


class Buckets:
    """The rates of many sources, each the same.

    Whoever was heard longest ago is forgotten first. To be forgotten before its bucket is full,
    and so get more than the rate, a source needs `limit` others in that time.

    Args:
        rate: tokens a second.
        limit: sources remembered.
        burst: seconds' worth of tokens in a full bucket.
    """

    __slots__ = ("_cost", "_depth", "_full", "_limit")

    def __init__(self, rate: float, limit: int, burst: float = 2.0) -> None:
        self._cost = SECOND / rate
        self._depth = burst * SECOND
        self._limit = limit
        self._full: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full)

    def take(self, source: bytes, now: int) -> bool:
        """Takes a source's token at microsecond `now` if there is one."""
        known = self._full
        full = max(known.get(source, 0.0), now) + self._cost
        if full > now + self._depth:
            known.move_to_end(source)
            return False
        known[source] = full
        known.move_to_end(source)
        if len(known) > self._limit:
            known.popitem(last=False)
        return True

    def expire(self, now: int) -> None:
        """Forgets those heard longest ago whose buckets are full."""
        known = self._full
        while known:
            source = next(iter(known))
            if known[source] > now:
                return
            del known[source]
