"""One connection: two flows, and whether it is established."""

from __future__ import annotations

from zt.sip.capture.tcp.flow import Flow
from zt.sip.capture.tcp.framing import Found, SipFraming
from zt.sip.capture.tcp.reader import StreamReader
from zt.sip.capture.tcp.segment import ACK, RST, Segment
from zt.sip.capture.tcp.websocket import WebSocketFraming


class Connection:
    """Both directions of a connection.

    It is `established` when one side has acknowledged bytes of the other one, or the client the
    server's SYN: who sends from an address that is not his never sees what he would have to
    acknowledge, and nobody acknowledges what he sends. (A refusal by RST is no acknowledgement.)

    Args:
        flows: by direction; None where nothing of it was seen yet.
        time: of its last segment so far.
    """

    __slots__ = ("established", "flows", "time")

    def __init__(self, flows: list[Flow | None], time: int) -> None:
        self.flows = flows
        self.time = time
        self.established = False

    @property
    def held(self) -> int:
        """Bytes held."""
        return sum(flow.held for flow in self.flows if flow is not None)

    def give_up_gaps(self, before: int) -> list[tuple[int, Flow, list[Found]]]:
        """Reads on where a segment is missing since `before`; gives what is found, by direction."""
        result = []
        for direction, flow in enumerate(self.flows):
            if flow is not None and flow.waiting and flow.gap_time <= before:
                both = self.flows[1 - direction] is not None
                position = flow.position
                found = flow.skip_gap(acknowledged=both)
                if flow.position != position:
                    result.append((direction, flow, found))
        return result

    @property
    def waiting(self) -> bool:
        """Whether segments wait for one that is missing."""
        return any(flow is not None and flow.waiting for flow in self.flows)

    @property
    def foreign(self) -> bool:
        """Whether nothing in it is SIP."""
        readers = [flow.reader for flow in self.flows if flow is not None]
        return any(reader.foreign for reader in readers) and not any(
            reader.framing for reader in readers
        )

    @property
    def finished(self) -> bool:
        """Whether both sides have said that they send no more, and all of it was read."""
        return all(flow is not None and 0 <= flow.finished <= flow.position for flow in self.flows)

    def flow(self, direction: int, segment: Segment) -> Flow | None:
        """The flow that a segment belongs to; None where there is none, and it begins none.

        A direction that was not seen yet begins with a segment that acknowledges what was seen
        of the other one.
        """
        flow = self.flows[direction]
        other = self.flows[1 - direction]
        if flow is None and other is not None and segment.flags & (ACK | RST) == ACK:
            if other.place(segment.acknowledgement) is None:
                return None
            flow = self.flows[direction] = Flow(segment.sequence, self._reader(direction))
        return flow

    def acknowledge(self, direction: int, segment: Segment) -> None:
        """Notes what a segment says about the other direction."""
        other = self.flows[1 - direction]
        if segment.flags & ACK and other is not None:
            self.established |= other.acknowledge(segment.acknowledgement)

    def _reader(self, direction: int) -> StreamReader:
        """A reader for a direction whose beginning is not known: it speaks what the other does."""
        other = self.flows[1 - direction]
        framing = other.reader.framing if other is not None else None
        if isinstance(framing, WebSocketFraming):
            return StreamReader(WebSocketFraming(lost=True))
        return StreamReader(SipFraming(lost=True) if framing else None)
