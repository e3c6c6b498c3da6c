"""One capture file from beginning to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from zt.errors import CaptureError
from zt.sip.events import Agent, Event
from zt.sip.probe import THROTTLED, Probe
from zt.sip.stats import Stats
from zt.sip.throttle import ThrottleSettings


class CaptureEvents(Iterator[Event]):
    """The events of one capture, made while they are asked for; `stats` counts along."""

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        agent: Agent,
        throttle: ThrottleSettings | None = THROTTLED,
    ) -> None:
        self._probe = Probe(agent, throttle=throttle)
        self._events = self._run(source, name)

    @property
    def stats(self) -> Stats:
        """The counters as of now; complete when the events are exhausted."""
        return self._probe.stats

    def __next__(self) -> Event:
        return next(self._events)

    def _run(self, source: BinaryIO, name: str) -> Iterator[Event]:
        try:
            yield from self._probe.read_capture(source, name)
        except CaptureError:
            # What came before the damage is as good as ever.
            yield from self._probe.finish()
            raise
        yield from self._probe.finish()


def probe_capture(
    source: BinaryIO,
    *,
    name: str,
    agent: Agent,
    throttle: ThrottleSettings | None = THROTTLED,
) -> CaptureEvents:
    """Turns one pcap or pcapng capture into events.

    Args:
        source: the capture, opened in binary mode, read forwards only and not closed.
        name: what to call it in messages.
        agent: who makes the events.
        throttle: when floods of events are held back; None gives every event.

    Returns:
        An iterator of events with `stats`. It raises `CaptureError` for a file that is no
        capture, of an unsupported link type, damaged, or cut off; in the last two cases after
        all events of what came before.
    """
    return CaptureEvents(source, name, agent, throttle)
