"""A probe at work: a source is read, time passes, events go where they should.

Time is the traffic's own. While nothing comes it goes on by the steady clock from the newest
datagram: a backlog is not outrun by the time of day, a clock that is set does not end calls, and
agents whose clocks differ from ours are timed by their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from zt.sip.events import Event
from zt.sip.load import Load
from zt.sip.probe import Probe
from zt.sip.source import Source
from zt.sip.tables import SECOND

WAIT: Final = 0.05
"""Seconds that a turn waits for datagrams; signals and timers wait as long."""

_GRACE: Final = 1 * SECOND
"""Microseconds by which time is held back, for datagrams that are on their way in buffers."""

_ADVANCE: Final = 0.1  # seconds between two times when time passes by itself

_LAST: Final = 5.0  # seconds at most for what is still in the buffers at the end

Send = Callable[[list[Event]], None]


class Watch:
    """Turns what a source delivers into events, turn by turn; each is bounded in work.

    Args:
        source: where datagrams come from.
        probe: what makes events of them.
        send: is given the events of each turn, if there are any.
        clock: nanoseconds since 1970.
        steady: seconds; never set.
        worked: seconds that this thread has computed.

    Attributes:
        lag: seconds by which the last datagram was older than the time of day when it was worked
            on. It grows when the probe is too slow, and where clocks differ.
    """

    def __init__(
        self,
        source: Source,
        probe: Probe,
        send: Send,
        *,
        clock: Callable[[], int] = time.time_ns,
        steady: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self.lag = 0.0
        self._source = source
        self._probe = probe
        self._send = send
        self._clock = clock
        self._steady = steady
        self._worked = worked
        self._load = Load(steady(), worked())
        self._newest: int | None = None  # microseconds since 1970; of a datagram
        self._seen = self._advanced = steady()  # when the newest came, when time passed last

    def run(self, is_over: Callable[[], bool], between: Callable[[], None]) -> None:
        """Take turns until it is over; `between` is called after each.

        Raises:
            ZtError: the source can't go on.
        """
        while not is_over():
            self.turn()
            between()

    def turn(self, wait: float = WAIT) -> bool:
        """Read once, and let time pass; whether anything came.

        Args:
            wait: seconds.
        """
        datagrams = self._source.read(wait)
        now = self._steady()
        events: list[Event] = []
        if datagrams:
            feed = self._probe.feed
            newest = 0
            for datagram in datagrams:
                if datagram.time > newest:
                    newest = datagram.time
                events += feed(datagram)
            if self._newest is None or newest > self._newest:
                self._newest, self._seen = newest, now
            self.lag = max(0.0, self._clock() / 1e9 - newest / SECOND)
        if now - self._advanced >= _ADVANCE:
            self._advanced = now
            events += self._probe.advance(self._time(now))
        if events:
            self._send(events)
        if self._load.is_due(now) and (sampler := self._probe.sampler) is not None:
            drops = self._source.counters().get("kernel_drops", 0)
            self._load.judge(sampler, now, self._worked(), drops)
        return bool(datagrams)

    def finish(self) -> None:
        """Read what came before the end was asked for, and end what is open: its events are sent,
        with that as their reason.
        """
        end = self._steady() + _LAST
        while self.turn(0) and self._steady() < end:
            pass
        if events := self._probe.finish():
            self._send(events)

    def _time(self, now: float) -> int:
        """Microseconds since 1970, as the traffic tells it."""
        if self._newest is None:
            return self._clock() // 1_000 - _GRACE
        return max(self._newest, self._newest + int((now - self._seen) * SECOND) - _GRACE)
