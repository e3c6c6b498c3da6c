"""How fast something comes, over a second, a minute and an hour at once.

Each period is cut into windows that begin at its multiples. What came in a period is estimated as
the count of the current window, and the part of the last one's count that the period still
overlaps. So each limit costs two numbers, whatever comes; for an even rate the estimate is right to
one, and in no case does more than the limit go through in one window.
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


class Limits:
    """The limits of many meters.

    Attributes:
        all: those that are set, shortest period first.
        shortest: the first of them.
        next_period: the next one's period.
        least: what none of them forbids.
    """

    __slots__ = ("all", "least", "next_period", "shortest")

    def __init__(self, rates: Rates) -> None:
        given = ((period, getattr(rates, name)) for name, period in _PERIODS)
        self.all = tuple(Limit(period, most) for period, most in given if most)
        self.shortest = self.all[0] if self.all else Limit(NEVER, NEVER)
        self.next_period = self.all[1].period if len(self.all) > 1 else NEVER
        self.least = min((limit.most for limit in self.all), default=NEVER)


class RateMeter:
    """Counts, and says whether a limit is exceeded. Times must not decrease from call to call.

    Most calls must be cheap. Up to the count `_free`, no limit can be exceeded before `until`; up
    to `_free_long`, none but the shortest before `_until_long`. Before `_sure` one stays
    exceeded, whatever comes.

    Args:
        limits: what is allowed.
        now: microseconds; when the first comes.
    """

    __slots__ = (
        "_before", "_begun", "_count", "_free", "_free_long", "_limits", "_looked", "_sure",
        "_until_long", "until",
    )  # fmt: skip

    def __init__(self, limits: Limits, now: int) -> None:
        self._limits = limits
        self._count = 0
        # For each limit: the count when its window began, and what came in the window before.
        self._begun = [0] * len(limits.all)
        self._before = [0] * len(limits.all)
        self._looked = now
        self._free = self._free_long = limits.least
        self._sure = 0
        self.until = _end(now, limits.shortest.period)  # of the shortest window
        self._until_long = _end(now, limits.next_period)

    def hit(self, now: int) -> bool:
        """Counts one at microsecond `now`; True if a limit is exceeded by it."""
        count = self._count = self._count + 1
        if now < self.until:
            if count <= self._free:
                return False
            if now < self._sure:
                return True
        elif now < self._until_long and count <= self._free_long:
            period, most = self._limits.shortest
            before = count - 1 - self._begun[0] if now < self.until + period else 0
            rest = -(-before * (period - now % period) // period)
            if rest < most:
                self._begun[0] = count - 1
                self._before[0] = before
                self._looked = now
                self.until = now - now % period + period
                self._free = min(count - 1 + most - rest, self._free_long)
                return False
        return self._look(now, count - 1)

    def exceeded(self, now: int) -> bool:
        """Whether a limit is exceeded at `now`; counts nothing."""
        if now < self.until and self._count <= self._free:
            return False
        return now < self._sure or self._look(now, self._count)

    def measure(self, now: int) -> Measure | None:
        """The limit that is exceeded most at `now`, or comes closest to it; None without limits."""
        if now >= self.until:
            self._look(now, self._count)
        found = []
        for index, limit in enumerate(self._limits.all):
            rest = self._before[index] * (limit.period - now % limit.period) // limit.period
            found.append(Measure(self._count - self._begun[index] + rest, limit))
        return max(found, key=lambda one: one.current / one.limit.most, default=None)

    def _look(self, now: int, counted: int) -> bool:
        """Moves the windows on; `counted` is the count before the one that comes at `now`."""
        begun, before, looked, count = self._begun, self._before, self._looked, self._count
        free = free_long = until = until_long = NEVER
        sure = 0
        over = False
        for index, (period, most) in enumerate(self._limits.all):
            start = now - now % period
            if looked < start:  # a new window: what was counted so far came before it
                before[index] = counted - begun[index] if looked >= start - period else 0
                begun[index] = counted
            end = start + period
            # Rounded up. It only falls while the window lasts, and so the room grows.
            rest = -(-before[index] * (end - now) // period)
            room = begun[index] + most - rest
            free = min(free, room)
            if index:
                free_long, until_long = min(free_long, room), min(until_long, end)
            else:
                until = end
            if count > room:
                over = True
                if count > begun[index] + most:
                    sure = max(sure, end)
        self._looked = now
        self._free, self._free_long, self._sure = free, free_long, sure
        self.until, self._until_long = until, until_long
        return over


def _end(now: int, period: int) -> int:
    """When the window ends that `now` is in."""
    return now - now % period + period
