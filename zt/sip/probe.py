"""The probe: captures and datagrams go in, events come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from zt.sip.capture import Datagram, Decoder, read_frames
from zt.sip.events import Agent, Event
from zt.sip.geoip import Places
from zt.sip.parse import Message
from zt.sip.rules import Rules
from zt.sip.stats import Limits, Stats
from zt.sip.tables import SECOND
from zt.sip.throttle import Counters, Sampler, SamplerSettings, Throttle, ThrottleSettings
from zt.sip.timers import Timers

THROTTLED: Final = ThrottleSettings()


class Probe:
    """Turns datagrams into events; knows no clock but theirs.

    A datagram goes through the sampler, the rules and the throttle, and is counted. Datagrams are
    fed in the order of their capture. `read_capture` does so with a file; several files that
    continue each other go through one probe, and `finish` comes after the last.

    Args:
        agent: who makes the events.
        limits: how much to remember.
        timers: how long to wait.
        places: where addresses are, for `geoip`; None adds nothing.
        throttle: when events are held back; None sends them all.
        sampler: when messages are shed before they are parsed; None, the default, parses them
            all. A live probe must keep up and so should have one, a file can wait.
        counters_every: seconds of capture time from one `counters` event to the next; 0, the
            default, makes none. They are for long runs: of a file, `stats` tells the same.
    """

    def __init__(
        self,
        agent: Agent,
        limits: Limits | None = None,
        *,
        timers: Timers | None = None,
        places: Places | None = None,
        throttle: ThrottleSettings | None = THROTTLED,
        sampler: SamplerSettings | None = None,
        counters_every: int = 0,
    ) -> None:
        self._decoder = Decoder()
        self._stats = Stats(capture=self._decoder.counters)
        self._rules = Rules(agent, limits or Limits(), self._stats, timers, places)
        self._throttle = Throttle(throttle, agent) if throttle is not None else None
        self._sampler = Sampler(sampler, agent, self._rules.proven) if sampler is not None else None
        self._counters = self._counting(agent, counters_every) if counters_every else None
        self._second = -1  # of the last datagram; once in each, what waits for time is asked
        self._time = 0

    @property
    def stats(self) -> Stats:
        """The counters as of now; `events` are those before the throttle."""
        self._rules.count()
        return self._stats

    @property
    def throttle(self) -> Throttle | None:
        """What it sent and holds back, for counters."""
        return self._throttle

    @property
    def sampler(self) -> Sampler | None:
        """What it shed, for counters; its `level` may be set."""
        return self._sampler

    def sizes(self) -> Mapping[str, int]:
        """Entries of all tables at this moment."""
        sizes = self._rules.sizes()
        if self._throttle is not None:
            sizes |= self._throttle.sizes()
        return sizes | (self._sampler.sizes() if self._sampler is not None else {})

    def proven(self, client: bytes, server: bytes) -> bool:
        """Whether a client proved its address towards a server in the hour before."""
        return self._rules.proven(client, server)

    def include(self, name: str, read: Callable[[], Mapping[str, Any]]) -> None:
        """Adds a source's own counters to the `counters` events, as `counters.NAME`.

        Args:
            name: for instance `capture`.
            read: gives the numbers as of now, which only grow.
        """
        if self._counters is not None:
            self._counters.include(name, read)

    def read_capture(self, source: BinaryIO, name: str) -> Iterator[Event]:
        """Feeds a pcap or pcapng capture.

        Args:
            source: the capture, read forwards only.
            name: what to call it in messages.

        Yields:
            Events; what is still open at its end waits for `finish`.

        Raises:
            CaptureError: no capture, an unsupported link type, damaged or cut off. Everything
                before the cut has been fed by then.
        """
        for frame in read_frames(source, name):
            for datagram in self._decoder.feed(frame):
                yield from self.feed(datagram)

    def feed(self, datagram: Datagram, message: Message | None = None) -> list[Event]:
        """Takes one datagram; gives the events that it, or the time it came at, decided.

        Args:
            datagram: what came.
            message: the same, if somebody has parsed it already; it must not be altered.
        """
        time = datagram.time
        out: list[Event] = []
        if time // SECOND != self._second:
            self._turn(time, out)
        if self._counters is not None:
            self._counters.count(datagram.payload)
        if self._sampler is not None and not self._sampler.passes(datagram, out):
            found = self._rules.advance(time)
        else:
            found = self._rules.feed(datagram, message)
        if found:
            self._send(found, time, out)
        self._time = time
        return out

    def advance(self, time: int) -> list[Event]:
        """Lets time pass where nothing comes, to microsecond `time`; gives what this decides."""
        out: list[Event] = []
        if found := self._rules.advance(time):
            self._send(found, time, out)
        self._turn(time, out)
        self._time = time
        return out

    def retune(self, throttle: ThrottleSettings, sampler: SamplerSettings) -> list[Event]:
        """Goes on with other settings of what it has of these two: sources are counted anew.

        Gives the reports of all that was held back until now, so that totals stay exact.
        """
        out: list[Event] = []
        if self._throttle is not None:
            out += self._throttle.finish()
            self._throttle = self._throttle.successor(throttle)
        if self._sampler is not None:
            out += self._sampler.finish()
            self._sampler = self._sampler.successor(sampler)
        return out

    def finish(self) -> list[Event]:
        """Ends the capture: what is still open gets its event, with that as its reason, and what
        was held back is reported."""
        out = [event for datagram in self._decoder.finish() for event in self.feed(datagram)]
        self._send(self._rules.finish(), self._time, out)
        if self._throttle is not None:
            out += self._throttle.finish()
        if self._sampler is not None:
            out += self._sampler.finish()
        if self._counters is not None:
            out += self._counters.finish(self._time)
        return out

    def _send(self, found: list[Event], time: int, out: list[Event]) -> None:
        """Passes events on as far as the throttle lets them."""
        out += found if self._throttle is None else self._throttle.take(found, time)

    def _turn(self, time: int, out: list[Event]) -> None:
        """Does what is due at a time, not for a datagram."""
        self._second = time // SECOND
        if self._throttle is not None:
            out += self._throttle.advance(time)
        if self._sampler is not None:
            out += self._sampler.advance(time)
        if self._counters is not None:
            out += self._counters.advance(time)

    def _counting(self, agent: Agent, every: int) -> Counters:
        counters = Counters(agent, every)
        counters.include("", self._read_shed)
        counters.include("sip", self._read_stats)
        counters.include("events", self._read_events)
        counters.include_states("tables", self.sizes)
        return counters

    def _read_stats(self) -> Mapping[str, Any]:
        return {name: value for name, value in self.stats.as_dict().items() if name != "events"}

    def _read_shed(self) -> Mapping[str, Any]:
        return {"shed": self._sampler.shed if self._sampler is not None else 0}

    def _read_events(self) -> Mapping[str, Any]:
        made = dict(self._stats.events)
        if self._throttle is None:
            return {"made": made, "sent": made}
        sent, suppressed = self._throttle.sent(), self._throttle.suppressed()
        return {"made": made, "sent": sent, "suppressed": suppressed}
