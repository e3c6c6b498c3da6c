"""Exponential back-off: what is over a limit is counted, and seldom reported.

Reported are the first, number 100, 200, 400 ... 6,400, and from 10,000 on every 10,000th: a flood
of a million events makes 108 reports, and the first of them at once.
"""

from __future__ import annotations

from typing import Any

from zt.sip.throttle.rates import Measure


class Excess:
    """What came over a limit, until it is quiet again.

    Args:
        first, step: see `ThrottleSettings`.
        quiet: microseconds without anything after which a new count begins.

    Attributes:
        count: all of it.
        pending: what no report stands for yet.
        last: microseconds; when the latest came.
    """

    __slots__ = ("_due", "_first", "_quiet", "_step", "count", "last", "pending")

    def __init__(self, first: int, step: int, quiet: int) -> None:
        self._first = first
        self._step = step
        self._quiet = quiet
        self._due = 1
        self.count = 0
        self.pending = 0
        self.last = 0

    def add(self, number: int, now: int) -> bool:
        """Counts so many more; True if a report is due, which then stands for all `pending`."""
        if now - self.last > self._quiet and not self.pending:
            self.count = 0
            self._due = 1
        self.count += number
        self.pending += number
        self.last = now
        if self.count < self._due:
            return False
        self._due = self._next()
        return True

    def settle(self) -> int:
        """Takes what is pending, for a report that stands for it."""
        pending, self.pending = self.pending, 0
        return pending

    def waits(self, now: int) -> bool:
        """Whether something is pending that has not been quiet for long enough."""
        return now - self.last < self._quiet

    def _next(self) -> int:
        """The count at which the next report is due."""
        due = self._first
        while due <= self.count and due < self._step:
            due *= 2
        if due < self._step:
            return due
        return (self.count // self._step + 1) * self._step


def rate_fields(exceeded: int, others: int, measure: Measure | None, key: str) -> dict[str, Any]:
    """The `rate` object of an event.

    Args:
        exceeded: how many in a row were over the limit.
        others: how many events it stands for beside itself.
        measure: how fast they come, if there is a limit.
        key: what is counted.
    """
    fields: dict[str, Any] = {"exceeded": exceeded, "ex_diff": others}
    if measure is not None:
        fields["crt"] = measure.current
        fields["lim"] = measure.limit.most
        fields["period"] = measure.limit.period // 1_000
    fields["key"] = key
    return fields
