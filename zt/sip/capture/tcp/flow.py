"""One direction of a connection: from segments in any order to bytes in order (RFC 9293)."""

from __future__ import annotations

from bisect import insort
from operator import attrgetter
from typing import NamedTuple

from zt.sip.capture.tcp.framing import Found
from zt.sip.capture.tcp.reader import StreamReader

WINDOW = 1 << 20  # bytes before or behind what is expected; what is farther away is not believed
_MAX_PENDING = 256  # segments waiting for others
_MAX_PENDING_BYTES = 131_072
_SEGMENT_SIZE = 200  # bytes that an object for a segment takes besides its data


def distance(later: int, earlier: int) -> int:
    """How far one sequence number is behind another, which may be before the wrap-around."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class _Segment(NamedTuple):
    position: int
    data: bytes
    missing: int  # bytes after it that were not captured
    time: int


class Flow:
    """Puts the segments of one direction in order.

    What came first counts: later bytes for the same place are dropped. Positions are counted from
    the first byte, so they don't wrap around.

    A segment that is missing is waited for. When its receiver has acknowledged it, it will not
    come any more: what follows is read. Where the receiver's packets are not captured, time alone
    decides. So bytes that somebody sends blindly into the window stay where they are: they would
    have to be acknowledged by the receiver to be read.

    Args:
        sequence: of the first byte.
        reader: gets the bytes.
    """

    __slots__ = (
        "_pending",
        "_pending_bytes",
        "_sequence",
        "acknowledged",
        "end",
        "finished",
        "first",
        "gap_time",
        "position",
        "reader",
        "time",
    )

    def __init__(self, sequence: int, reader: StreamReader) -> None:
        self.first = sequence  # sequence number of the first byte
        self._sequence = sequence  # of `position`
        self.position = 0  # of the next byte
        self.end = 0  # behind the last byte that was seen
        self.acknowledged = 0  # position up to which the receiver has all
        self.finished = -1  # position of FIN
        self.reader = reader
        self.time = 0
        self.gap_time = 0  # when the first segment came that has to wait
        self._pending: list[_Segment] = []  # by position
        self._pending_bytes = 0

    @property
    def held(self) -> int:
        """Bytes held."""
        return self._pending_bytes + self.reader.held

    @property
    def waiting(self) -> bool:
        """Whether segments wait for one that is missing."""
        return bool(self._pending)

    def place(self, sequence: int) -> int | None:
        """The position of a sequence number; None where it can't be one of this flow."""
        offset = distance(sequence, self._sequence)
        ahead = max(0, self.acknowledged - self.position)
        return self.position + offset if -WINDOW <= offset <= ahead + WINDOW else None

    def acknowledge(self, sequence: int) -> bool:
        """Notes what the receiver has; whether that proves that it got bytes seen here."""
        position = self.place(sequence)
        if position is None:
            return False
        self.acknowledged = max(self.acknowledged, position)
        return 0 < position <= self.end + 1  # FIN counts as a byte

    def push(self, position: int, data: bytes, missing: int, time: int) -> list[Found]:
        """Takes the data of a segment, `missing` bytes after them; gives what they complete."""
        self.end = max(self.end, position + len(data) + missing)
        if position + len(data) + missing <= self.position:
            return []
        if position > self.position:
            self._keep(_Segment(position, data, missing, time))
            return []
        found = self._take(position, data, missing, time)
        return found + self._drain() if self._pending else found

    def skip_gap(self, *, acknowledged: bool) -> list[Found]:
        """Gives up a segment that is missing, if the receiver has it (where that is known)."""
        if not self._pending or (acknowledged and self.acknowledged < self._pending[0].position):
            return []
        found = self.reader.lose()
        self._go_to(self._pending[0].position)
        return found + self._drain()

    def _keep(self, segment: _Segment) -> None:
        full = len(self._pending) >= _MAX_PENDING or self._pending_bytes >= _MAX_PENDING_BYTES
        if full or any(
            one.position == segment.position and len(one.data) >= len(segment.data)
            for one in self._pending
        ):
            return
        if not self._pending:
            self.gap_time = segment.time
        insort(self._pending, segment, key=attrgetter("position"))
        self._pending_bytes += len(segment.data) + _SEGMENT_SIZE

    def _take(self, position: int, data: bytes, missing: int, time: int) -> list[Found]:
        """Reads the bytes of a segment that begins at the next byte, or before it."""
        self.time = max(self.time, time)
        known = self.position - position
        fresh = data[known:] if known else data
        stop = position + len(data) + missing
        self._go_to(max(self.position, position + len(data)))
        found = self.reader.feed(fresh) if fresh else []
        if missing and stop > self.position:
            found = found + self.reader.lose()
            self._go_to(stop)
        return found

    def _drain(self) -> list[Found]:
        """Reads segments that waited, as far as they follow each other now."""
        found: list[Found] = []
        while self._pending and self._pending[0].position <= self.position:
            segment = self._pending.pop(0)
            self._pending_bytes -= len(segment.data) + _SEGMENT_SIZE
            if segment.position + len(segment.data) + segment.missing > self.position:
                found += self._take(*segment)
        if self._pending:
            self.gap_time = self.time
        return found

    def _go_to(self, position: int) -> None:
        self._sequence = (self._sequence + position - self.position) & 0xFFFFFFFF
        self.position = position
