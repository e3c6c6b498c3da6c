"""Connections between their SYN and their first data."""

from __future__ import annotations

from collections import OrderedDict

from zt.sip.capture.tcp.connection import Connection
from zt.sip.capture.tcp.flow import Flow, distance
from zt.sip.capture.tcp.reader import StreamReader
from zt.sip.capture.tcp.segment import ACK, Segment

Key = tuple[tuple[bytes, int], tuple[bytes, int]]
_AT_ONCE = 65_536  # bytes that a client may send before the server's first answer, generously


class _Handshake:
    __slots__ = ("client", "client_next", "server_next")

    def __init__(self, client: int, client_next: int) -> None:
        self.client = client  # direction of the SYN
        self.client_next = client_next  # sequence number of the first byte
        self.server_next = -1


class Handshakes:
    """Remembers the initial sequence numbers of connections that have not sent data yet.

    They are kept apart from the connections: a flood of SYNs pushes out SYNs only. A SYN for a
    connection that is open changes nothing by itself, because anybody can send it (RFC 5961
    section 4); when the server accepts it, the old connection is gone.

    Args:
        limit: handshakes remembered.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[Key, _Handshake] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def forget(self, key: Key) -> None:
        """Forgets a connection, because it speaks something else."""
        self._open.pop(key, None)

    def synchronise(self, key: Key, direction: int, segment: Segment) -> bool:
        """Takes a segment with SYN; whether the server accepts a new connection by it."""
        after = (segment.sequence + 1) & 0xFFFFFFFF
        if not segment.flags & ACK:
            # A table of dicts would take quadratic time to lose its oldest; see `ExpiringTable`.
            self._open.pop(key, None)
            if len(self._open) >= self._limit:
                self._open.popitem(last=False)
            self._open[key] = _Handshake(direction, after)
            return False
        begun = self._open.get(key)
        if begun is None or begun.client == direction:
            return False
        if begun.client_next != segment.acknowledgement or begun.server_next == after:
            return False
        begun.server_next = after
        return True

    def begin(self, key: Key, direction: int, segment: Segment, time: int) -> Connection | None:
        """The connection whose first data a segment brings; None where the SYN was not seen."""
        begun = self._open.get(key)
        if begun is None:
            return None
        from_client = direction == begun.client
        own = begun.client_next if from_client else begun.server_next
        if own < 0 or not 0 <= distance(segment.sequence, own) <= _AT_ONCE:
            return None
        flows: list[Flow | None] = [None, None]
        flows[begun.client] = Flow(begun.client_next, StreamReader())
        if begun.server_next >= 0:
            flows[1 - begun.client] = Flow(begun.server_next, StreamReader())
        connection = Connection(flows, time)
        # Who sends from an address that is not his has not seen the server's number.
        connection.established = (
            from_client
            and bool(segment.flags & ACK)
            and segment.acknowledgement == begun.server_next
        )
        del self._open[key]
        return connection
