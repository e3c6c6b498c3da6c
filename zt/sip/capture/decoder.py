"""From frames to datagrams: the one object that a source of frames needs."""

from __future__ import annotations

from zt.sip.capture.counters import CaptureCounters
from zt.sip.capture.link import LINK_TYPES, Datagram, Skip, decode
from zt.sip.capture.source import Frame

_COUNTERS = {
    Skip.NOT_IP: "not_ip",
    Skip.OTHER_TRANSPORT: "other_transport",
    Skip.TCP: "tcp_foreign",
    Skip.FRAGMENT: "fragments",
    Skip.MALFORMED: "malformed",
}


class Decoder:
    """Finds the datagrams in the frames of one source; never raises."""

    def __init__(self) -> None:
        self.counters = CaptureCounters()

    def feed(self, frame: Frame) -> list[Datagram]:
        """Takes one frame; gives what it completed, often nothing, sometimes several."""
        time, link_type, data, cut = frame
        counters = self.counters
        counters.frames += 1
        datagram = decode(time, link_type, data)
        if not isinstance(datagram, Skip):
            counters.carried += 1
            return [datagram]
        if link_type not in LINK_TYPES:
            counters.unsupported_link += 1
        elif cut and datagram is Skip.MALFORMED:
            counters.cut_short += 1
        else:
            name = _COUNTERS[datagram]
            setattr(counters, name, getattr(counters, name) + 1)
        return []

    def expire(self, now: int) -> list[Datagram]:
        """Lets time pass, to microsecond `now`; gives what need not wait any longer."""
        return []

    def finish(self) -> list[Datagram]:
        """Ends the capture; gives what need not wait any longer."""
        return []
