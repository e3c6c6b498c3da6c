"""The probe: captures and datagrams go in, events come out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from zt.sip.capture import Datagram, Decoder, read_frames
from zt.sip.events import Agent, Event
from zt.sip.rules import Rules
from zt.sip.stats import Limits, Stats


class Probe:
    """Turns datagrams into events; knows no clock but theirs.

    Datagrams are fed in the order of their capture. `read_capture` does so with a file; several
    files that continue each other go through one probe, and `finish` comes after the last.

    Args:
        agent: who makes the events.
        limits: how much to remember.
    """

    def __init__(self, agent: Agent, limits: Limits | None = None) -> None:
        self._decoder = Decoder()
        self._stats = Stats(capture=self._decoder.counters)
        self._rules = Rules(agent, limits or Limits(), self._stats)

    @property
    def stats(self) -> Stats:
        """The counters as of now."""
        self._rules.count()
        return self._stats

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

    def feed(self, datagram: Datagram) -> list[Event]:
        """Takes one datagram; gives the events that it, or the time it came at, decided."""
        return self._rules.feed(datagram)

    def advance(self, time: int) -> list[Event]:
        """Lets time pass where nothing comes, to microsecond `time`; gives what this decides."""
        return self._rules.advance(time)

    def finish(self) -> list[Event]:
        """Ends the capture: what is still open gets its event, with that as its reason."""
        found = [e for datagram in self._decoder.finish() for e in self.feed(datagram)]
        return found + self._rules.finish()
