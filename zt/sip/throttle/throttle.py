"""The throttle: a flood of events becomes a few that say how many there were.

First each source is held to the rates of one source. What then would still be reported counts
towards the rate of the type over all sources; while that is exceeded, each source reports once,
and everything else goes into events without a source. So one attacker is reported as one, with
exact counts, and a million forged senders as a flood.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from zt.sip.events import Agent, Event
from zt.sip.tables import NEVER, SECOND
from zt.sip.throttle.clock import Clock
from zt.sip.throttle.excess import Excess, rate_fields
from zt.sip.throttle.kinds import Everyone, Kind
from zt.sip.throttle.rates import RateMeter
from zt.sip.throttle.settings import ThrottleSettings
from zt.sip.throttle.sources import Sources

_LONG_AGO: Final = -NEVER
_Key: TypeAlias = tuple[str, str, bool]  # event type, source, proven


class _Source:
    """One event type from one source, whose address is proven or not.

    The two are apart, so that no event with a proven sender ever stands for forged ones.

    Attributes:
        everyone: all sources of the sort.
        meter: its rate.
        excess: what was held back; None while nothing was.
        held: the latest event that was, while something is pending.
        reported: microseconds; when its last report was sent.
    """

    __slots__ = ("everyone", "excess", "held", "key", "kind", "meter", "reported")

    def __init__(self, kind: Kind, key: _Key, now: int) -> None:
        self.kind = kind
        self.key = key
        self.everyone = kind.proven if key[2] else kind.others
        self.meter = RateMeter(kind.limits, now)
        self.excess: Excess | None = None
        self.held: Event | None = None
        self.reported = _LONG_AGO


class Throttle:
    """Holds events back, and accounts for each of them.

    At every moment, for each event type: the events taken are the sum of `1 + rate.ex_diff` over
    those given out, and `pending`. After `finish`, nothing is pending. Memory is bounded by
    `states` and `held` of the settings, and an event takes constant time.

    Args:
        settings: rates, lists and limits.
        agent: who makes the events over all sources.
    """

    def __init__(self, settings: ThrottleSettings, agent: Agent) -> None:
        self._settings = settings
        self._agent = agent
        self._clock = Clock()
        self._quiet = settings.quiet * SECOND
        self._sources = Sources(settings.never_throttle, settings.ipv6_prefix)
        self._kinds: dict[str, Kind] = {}
        self._states: OrderedDict[_Key, _Source] = OrderedDict()  # unused for longest first
        self._waiting: OrderedDict[_Key, _Source] = OrderedDict()  # pending, quiet longest first

    @property
    def pending(self) -> int:
        """Events that nothing given out so far stands for."""
        waiting = sum(one.excess.pending for one in self._waiting.values() if one.excess)
        return waiting + sum(everyone.excess.pending for _, everyone in self._everyone())

    def sent(self) -> dict[str, int]:
        """Events given out, by type."""
        return {kind.name: kind.sent for kind in self._kinds.values() if kind.sent}

    def suppressed(self) -> dict[str, int]:
        """Events that those given out stand for beside themselves, by type."""
        return {kind.name: kind.suppressed for kind in self._kinds.values() if kind.suppressed}

    def sizes(self) -> dict[str, int]:
        """Entries of its tables."""
        return {"throttle_states": len(self._states), "throttle_held": len(self._waiting)}

    def take(self, events: Iterable[Event], time: int) -> list[Event]:
        """Takes events that were decided at capture time `time`; gives what is to be sent.

        An event given out may be one taken, with a `rate` added to it.
        """
        now = self._clock.at(time)
        out: list[Event] = []
        for event in events:
            self._take(event, now, out)
        return out

    def advance(self, time: int) -> list[Event]:
        """Lets time pass; gives the reports that were waiting for it to be quiet."""
        now = self._clock.at(time)
        out: list[Event] = []
        while (first := self._longest_waiting()) and first.excess and not first.excess.waits(now):
            self._report_held(first, now, out)
        for kind, everyone in self._everyone():
            if everyone.excess.pending and not everyone.excess.waits(now):
                self._send(kind, everyone.event(self._agent.fields(), now), out)
        return out

    def successor(self, settings: ThrottleSettings) -> Throttle:
        """A throttle with other settings, which goes on with these totals; `finish` this before."""
        other = Throttle(settings, self._agent)
        other._clock = self._clock
        for name, kind in self._kinds.items():
            other._kinds[name] = taken = Kind(settings, name)
            taken.sent, taken.suppressed = kind.sent, kind.suppressed
        return other

    def finish(self) -> list[Event]:
        """Ends the capture: reports everything that is pending, and forgets all sources."""
        now = self._clock.now
        out: list[Event] = []
        while first := self._longest_waiting():
            self._report_held(first, now, out)
        for kind, everyone in self._everyone():
            if everyone.excess.pending:
                self._send(kind, everyone.event(self._agent.fields(), now), out)
        self._states.clear()
        return out

    def _everyone(self) -> Iterator[tuple[Kind, Everyone]]:
        for kind in self._kinds.values():
            yield kind, kind.proven
            yield kind, kind.others

    def _longest_waiting(self) -> _Source | None:
        return next(iter(self._waiting.values()), None)

    def _take(self, event: Event, now: int, out: list[Event]) -> None:
        name = event["type"]
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = Kind(self._settings, name)
        client = event.get("client")
        if kind.always or client is None:
            self._send(kind, event, out)
            return
        origin = self._sources.find(client["ip"])
        if origin.listed:
            self._send(kind, event, out)
            return
        key = (name, origin.name, client["proven"])
        source = self._states.get(key)
        if source is None:
            source = self._remember(kind, key, now, out)
        elif now >= source.meter.until:  # once a second is often enough
            self._states.move_to_end(key)
        if source.meter.hit(now):
            self._over(source, event, now, out)
        elif source.held is None:
            self._report(source, event, None, 0, now, out)
        else:  # back to normal
            others = self._settle(source)
            self._report(source, event, self._rate(source, 0, others, now), others, now, out)

    def _remember(self, kind: Kind, key: _Key, now: int, out: list[Event]) -> _Source:
        """Makes room for a source: what the oldest one held back goes into its type's sum."""
        if len(self._states) >= self._settings.states:
            oldest = self._states.popitem(last=False)[1]
            if (event := oldest.held) is not None:
                self._absorb(oldest, event, self._settle(oldest), now, out)
        source = self._states[key] = _Source(kind, key, now)
        return source

    def _over(self, source: _Source, event: Event, now: int, out: list[Event]) -> None:
        """Judges an event of a source that is over its own limit."""
        settings = self._settings
        excess = source.excess
        if excess is None:
            excess = source.excess = Excess(settings.first, settings.step, self._quiet)
        due = excess.add(1, now)
        everyone = source.everyone
        if everyone.heard(source.reported, now) and everyone.meter.exceeded(now):
            self._absorb(source, event, self._settle(source), now, out)
        elif due:
            others = self._settle(source) - 1
            rate = self._rate(source, excess.count, others, now)
            self._report(source, event, rate, others, now, out)
        else:
            source.held = event
            self._waiting[source.key] = source
            self._waiting.move_to_end(source.key)
            if len(self._waiting) > settings.held and (first := self._longest_waiting()):
                self._report_held(first, now, out)

    def _settle(self, source: _Source) -> int:
        """Takes what a source has pending."""
        if source.held is not None:
            source.held = None
            del self._waiting[source.key]
        return source.excess.settle() if source.excess is not None else 0

    def _report_held(self, source: _Source, now: int, out: list[Event]) -> None:
        """Reports what a source has pending by the latest event that it held back."""
        event, excess = source.held, source.excess
        assert event is not None
        assert excess is not None
        others = self._settle(source) - 1
        rate = self._rate(source, excess.count, others, now)
        self._report(source, event, rate, others, now, out)

    def _report(
        self,
        source: _Source,
        event: Event,
        rate: dict[str, Any] | None,
        others: int,
        now: int,
        out: list[Event],
    ) -> None:
        """Sends a source's report, if its type's rate over all sources lets it."""
        everyone = source.everyone
        if everyone.exceeded(now):
            if everyone.heard(source.reported, now) or not everyone.admits(now):
                self._absorb(source, event, 1 + others, now, out)
                return
            rate = rate or everyone.fields(now, others)
        source.reported = now
        kind = source.kind
        if rate is not None:
            event["rate"] = rate
            kind.suppressed += others
        kind.sent += 1
        out.append(event)

    def _absorb(
        self, source: _Source, event: Event, number: int, now: int, out: list[Event]
    ) -> None:
        """Adds so many events, of which this is the latest, to the sum over all sources."""
        everyone = source.everyone
        if everyone.absorb(number, event["@timestamp"], now):
            self._send(source.kind, everyone.event(self._agent.fields(), now), out)

    @staticmethod
    def _rate(source: _Source, exceeded: int, others: int, now: int) -> dict[str, Any]:
        kind, name, _ = source.key
        return rate_fields(exceeded, others, source.meter.measure(now), f"{kind}:{name}")

    @staticmethod
    def _send(kind: Kind, event: Event, out: list[Event]) -> None:
        kind.sent += 1
        if "rate" in event:
            kind.suppressed += event["rate"]["ex_diff"]
        out.append(event)
