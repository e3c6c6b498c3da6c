"""One event type: its limits, what was sent of it, and its rate over all sources."""

from __future__ import annotations

from typing import Any, Final

from zt.sip.tables import SECOND
from zt.sip.throttle.excess import Excess, rate_fields
from zt.sip.throttle.rates import Limits, RateMeter
from zt.sip.throttle.settings import ThrottleSettings

_LATELY: Final = 60 * SECOND


class Everyone:
    """One event type over all sources whose addresses are proven, or over all others.

    The two are counted apart: a forged flood can't use up what honest senders have.

    Args:
        settings: limits and budgets.
        kind: the event type.
        proven: of which senders.

    Attributes:
        meter: the rate of the reports that single sources make.
        excess: what they were not allowed to report.
    """

    def __init__(self, settings: ThrottleSettings, kind: str, proven: bool) -> None:
        self._kind = kind
        self._proven = proven
        self._once = settings.once * SECOND
        self._budget = settings.new_sources
        self._left = 0
        self._window = -1
        self._timestamp = ""
        self._since = 0  # when it went over its limit
        self._over = -_LATELY  # when it was over its limit last
        self.meter = RateMeter(Limits(settings.all_sources_of.get(kind, settings.all_sources)), 0)
        self.excess = Excess(settings.first, settings.step, settings.quiet * SECOND)

    def exceeded(self, now: int) -> bool:
        """Counts a report; True if the type is over its limit."""
        if not self.meter.hit(now):
            return False
        if now - self._over > _LATELY:
            self._since = now
        self._over = now
        return True

    def heard(self, reported: int, now: int) -> bool:
        """Whether a source that reported last at `reported` had its report of this flood.

        What it reported long before does not count: an honest sender must not vanish because it
        was known.
        """
        return reported >= self._since - _LATELY and now - reported < self._once

    def admits(self, now: int) -> bool:
        """Whether one more source may report while the type is over its limit; takes its place."""
        if self._proven:
            return True
        window = now // self._once
        if window != self._window:
            self._window = window
            self._left = self._budget
        if not self._left:
            return False
        self._left -= 1
        return True

    def fields(self, now: int, others: int) -> dict[str, Any]:
        """The `rate` object of a source's only report."""
        exceeded = max(self.excess.count, 1)
        return rate_fields(exceeded, others, self.meter.measure(now), f"{self._kind}:*")

    def absorb(self, number: int, timestamp: str, now: int) -> bool:
        """Takes so many events over, the last one of that time; True if `event` is due."""
        self._timestamp = timestamp
        return self.excess.add(number, now)

    def event(self, agent: dict[str, Any], now: int) -> dict[str, Any]:
        """The event that stands for all that is pending; it has no source."""
        others = self.excess.settle() - 1
        return {
            "@timestamp": self._timestamp,
            "type": self._kind,
            "client": {"proven": self._proven},
            "agent": agent,
            "rate": self.fields(now, others),
        }


class Kind:
    """One event type.

    Attributes:
        name: the type.
        limits: those of one source.
        always: all of its events are sent.
        proven, others: over all sources of each sort.
        sent: events sent, those over all sources included.
        suppressed: events that these stand for beside themselves.
    """

    __slots__ = ("always", "limits", "name", "others", "proven", "sent", "suppressed")

    def __init__(self, settings: ThrottleSettings, name: str) -> None:
        self.name = name
        self.limits = Limits(settings.rates_of.get(name, settings.rates))
        self.always = name in settings.always_report
        self.proven = Everyone(settings, name, proven=True)
        self.others = Everyone(settings, name, proven=False)
        self.sent = 0
        self.suppressed = 0
