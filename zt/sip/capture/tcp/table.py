"""All TCP connections: which of them speak SIP, and the messages in those."""

from __future__ import annotations

from zt.sip.capture.counters import CaptureCounters
from zt.sip.capture.datagram import Datagram
from zt.sip.capture.ip import Packet, Skip
from zt.sip.capture.limits import CaptureLimits
from zt.sip.capture.shares import SharedTable, owner_of
from zt.sip.capture.tcp.connection import Connection
from zt.sip.capture.tcp.flow import Flow
from zt.sip.capture.tcp.framing import Found
from zt.sip.capture.tcp.handshakes import Handshakes, Key
from zt.sip.capture.tcp.reader import StreamReader, from_middle
from zt.sip.capture.tcp.segment import FIN, RST, SYN, Segment, read_segment
from zt.sip.capture.tcp.startline import Kind, recognise

_CONNECTION_SIZE = 2_048  # bytes that a connection takes besides what it holds
_SILENCE = 10_000_000  # microseconds without a believable segment before a connection is doubted


class TcpStreams:
    """Follows the connections that speak SIP, bounded by `CaptureLimits`.

    Others are dropped with their first data, by a look at their first bytes. A connection whose
    beginning was not captured is taken up at the first segment with a SIP start line, or with a
    WebSocket frame that holds one. TLS can't be read.
    """

    def __init__(self, limits: CaptureLimits, counters: CaptureCounters) -> None:
        self._limits = limits
        self._counters = counters
        self._handshakes = Handshakes(limits.handshakes)
        self._table: SharedTable[Key, Connection] = SharedTable(
            limits.connections, limits.stream_bytes, limits.share
        )
        self._waiting: dict[Key, None] = {}  # those with a gap

    @property
    def held(self) -> int:
        """Bytes held for connections, about."""
        return self._table.size

    @property
    def connections(self) -> int:
        """Connections that are followed."""
        return len(self._table)

    def feed(self, time: int, packet: Packet) -> list[Datagram] | Skip:
        """Takes the segment in a packet; gives the messages that it completes.

        Raises:
            struct.error: the packet ends inside the header.
        """
        segment = read_segment(packet)
        if segment is None:
            return Skip.MALFORMED
        src, dst = (packet.src, segment.src_port), (packet.dst, segment.dst_port)
        direction = int(src > dst)
        key: Key = (dst, src) if direction else (src, dst)
        connection = self._table.get(key)
        if segment.flags & SYN:
            self._synchronise(key, direction, segment, connection)
            return Skip.TCP_WITHOUT_DATA
        if connection is None:
            if not segment.data:
                return Skip.TCP_WITHOUT_DATA
            connection = self._begin(key, direction, segment, time)
            if connection is None:
                return Skip.TCP_FOREIGN
        flow = connection.flow(direction, segment)
        position = flow.place(segment.sequence) if flow is not None else None
        if flow is None or position is None:
            if time - connection.time <= _SILENCE or not segment.data:
                return Skip.TCP_WITHOUT_DATA
            # Nothing believable came for a while: too much was lost to go on where we were.
            self._remove(key)
            return self.feed(time, packet)
        if segment.flags & RST:
            # RFC 5961 section 3: only in the right place, else anybody could send it.
            if position == flow.position:
                self._remove(key)
            return Skip.TCP_WITHOUT_DATA
        connection.time = time
        connection.acknowledge(direction, segment)
        if segment.flags & FIN and position <= flow.position:
            flow.finished = position + len(segment.data) + segment.missing
        if not segment.data or position + len(segment.data) + segment.missing <= flow.position:
            if connection.finished:
                self._remove(key)
            return Skip.TCP_WITHOUT_DATA
        found = flow.push(position, segment.data, segment.missing, time)
        self._counters.tcp_gaps += segment.missing > 0
        datagrams = self._datagrams(key, connection, direction, flow, found)
        self._table.touch(key, time)
        self._settle(key, connection)
        if datagrams:
            return datagrams
        return Skip.TCP_FOREIGN if connection.foreign else Skip.TCP_KEPT

    def expire(self, now: int) -> list[Datagram]:
        """Lets time pass: gives up missing segments, forgets silent connections."""
        found = self._give_up_gaps(now - self._limits.gap_time)
        while self._table.pop_before(now - self._limits.idle_time) is not None:
            pass
        return found

    def finish(self) -> list[Datagram]:
        """Ends the capture: no missing segment will come any more."""
        return self._give_up_gaps(1 << 62)

    def _synchronise(
        self, key: Key, direction: int, segment: Segment, connection: Connection | None
    ) -> None:
        flow = connection.flows[direction] if connection is not None else None
        if flow is not None and flow.first == (segment.sequence + 1) & 0xFFFFFFFF:
            return  # a copy of the SYN that this connection began with
        if self._handshakes.synchronise(key, direction, segment):
            self._remove(key)

    def _begin(self, key: Key, direction: int, segment: Segment, time: int) -> Connection | None:
        """Starts to follow a connection with its first data, if it may speak SIP."""
        connection = self._handshakes.begin(key, direction, segment, time)
        if connection is not None:
            flow = connection.flow(direction, segment)
            in_order = flow is not None and flow.place(segment.sequence) == 0
            if in_order and recognise(segment.data, http=True) is Kind.FOREIGN:
                return None
        else:
            self._handshakes.forget(key)
            framing = from_middle(segment.data)
            if framing is None:
                return None
            flows: list[Flow | None] = [None, None]
            flows[direction] = Flow(segment.sequence, StreamReader(framing))
            connection = Connection(flows, time)
        self._table.add(key, connection, owner_of(_client(key, direction)), time)
        return connection

    def _settle(self, key: Key, connection: Connection) -> None:
        """Brings the table up to date with what became of a connection."""
        if connection.foreign or connection.finished:
            self._remove(key)
            return
        if connection.waiting:
            self._waiting[key] = None
        self._table.resize(key, _CONNECTION_SIZE + connection.held)
        self._counters.tcp_evicted = self._table.evicted

    def _give_up_gaps(self, before: int) -> list[Datagram]:
        found: list[Datagram] = []
        for key in list(self._waiting):
            connection = self._table.get(key)
            if connection is None or not connection.waiting:
                del self._waiting[key]
                continue
            for direction, flow, messages in connection.give_up_gaps(before):
                self._counters.tcp_gaps += 1
                found += self._datagrams(key, connection, direction, flow, messages)
            self._settle(key, connection)
        return found

    def _datagrams(
        self, key: Key, connection: Connection, direction: int, flow: Flow, found: list[Found]
    ) -> list[Datagram]:
        self._counters.tcp_messages += len(found)
        (src, src_port), (dst, dst_port) = key[direction], key[1 - direction]
        transport, connected = flow.reader.transport, connection.established
        return [
            Datagram(flow.time, src, src_port, dst, dst_port, payload, transport, cut, connected)
            for payload, cut in found
        ]

    def _remove(self, key: Key) -> None:
        self._table.remove(key)
        self._waiting.pop(key, None)


def _client(key: Key, direction: int) -> bytes:
    """The address whose share a connection uses: that with the higher port, as clients have."""
    sender, receiver = key[direction], key[1 - direction]
    return receiver[0] if receiver[1] > sender[1] else sender[0]
