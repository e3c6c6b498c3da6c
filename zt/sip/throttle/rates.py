"""How fast something comes, over a second, a minute and an hour at once.

Each period is cut into windows that begin at its multiples. What came in a period is estimated as
the count of the current window, and the part of the last one's count that the period still
overlaps. So each limit costs two numbers, whatever comes; the estimate is exact for an even rate,
and never lets more than the limit through in one window.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from zt.sip.tables import NEVER, SECOND
from zt.sip.throttle.settings import Rates

_PERIODS: Final = (("second", SECOND), ("minute", 60 * SECOND), ("hour", 3_600 * SECOND))


class Limit(NamedTuple):
    """At most `most` in `period` microseconds."""

    period: int
    most: int


class Measure(NamedTuple):
    """How many came in a period up to now, beside what is allowed."""

    current: int
    limit: Limit


def limits(rates: Rates) -> tuple[Limit, ...]:
    """The limits that are set, shortest period first."""
    given = ((period, getattr(rates, name)) for name, period in _PERIODS)
    return tuple(Limit(period, most) for period, most in given if most)


class RateMeter:
    """Counts, and says whether a limit is exceeded. Times must not decrease from call to call.

    Between two windows most calls are two comparisons: below `_free` counts no limit can be
    exceeded before `_until`, and up to `_sure` one certainly is.
    """

    __slots__ = ("_count", "_free", "_limits", "_looked", "_marks", "_sure", "_until")

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self._limits = limits
        self._count = 0
        # For each limit: the count at which its window began, and what came in the window before.
        self._marks = [0] * (2 * len(limits))
        self._looked = 0
        self._free = 0
        self._until = 0
        self._sure = 0

    @property
    def until(self) -> int:
        """When the shortest of the current windows ends."""
        return self._until

    def hit(self, now: int) -> bool:
        """Counts one at microsecond `now`; True if a limit is exceeded by it."""
        self._count += 1
        if now < self._until:
            if self._count <= self._free:
                return False
            if now < self._sure:
                return True
        return self._look(now, self._count - 1)

    def exceeded(self, now: int) -> bool:
        """Whether a limit is exceeded at `now`; counts nothing."""
        if now < self._until and self._count <= self._free:
            return False
        return now < self._sure or self._look(now, self._count)

    def measure(self, now: int) -> Measure | None:
        """The limit that is exceeded most at `now`, or comes closest to it; None without limits."""
        if now >= self._until:
            self._look(now, self._count)
        found = [
            Measure(self._in_period(index, limit, now) // limit.period, limit)
            for index, limit in enumerate(self._limits)
        ]
        return max(found, key=lambda one: one.current / one.limit.most, default=None)

    def _in_period(self, index: int, limit: Limit, now: int) -> int:
        """What came in the period before `now`, times the period."""
        begun, before = self._marks[2 * index : 2 * index + 2]
        period = limit.period
        return (self._count - begun) * period + before * (period - now % period)

    def _look(self, now: int, counted: int) -> bool:
        """Moves the windows on; `counted` is the count before the one that comes at `now`."""
        marks, looked, count = self._marks, self._looked, self._count
        free = until = NEVER
        sure = 0
        over = False
        for index, limit in enumerate(self._limits):
            period, most = limit
            start = now - now % period
            if looked < start:  # a new window: what was counted so far came before it
                last = looked >= start - period
                marks[2 * index + 1] = counted - marks[2 * index] if last else 0
                marks[2 * index] = counted
            begun = marks[2 * index]
            end = start + period
            free = min(free, begun + most - marks[2 * index + 1])
            until = min(until, end)
            if self._in_period(index, limit, now) > most * period:
                over = True
                if count - begun > most:
                    sure = max(sure, end)
        self._looked = now
        self._free, self._until, self._sure = free, until, sure
        return over
