"""Puts fragments of IPv4 and IPv6 packets together (RFC 791, RFC 8200 section 4.5).

Overlapping fragments are an attack on who reads along: receivers differ in which bytes they keep.
RFC 5722 has an IPv6 receiver drop the whole packet, and Linux does the same for IPv4; so do we for
both, and everything else that contradicts itself (two ends, bytes after the end, parts of no
multiple of 8) ends the same way. What comes later of such a packet is dropped as well. A fragment
that repeats another exactly is no overlap (RFC 8200): networks, and mirrors, double packets.

The time of capture decides what is too late. What was refused or completed is remembered without
its bytes: a copy of all the fragments makes no second packet.
"""

from __future__ import annotations

from bisect import bisect_left

from zt.sip.capture.counters import CaptureCounters
from zt.sip.capture.ip import Fragment, Packet
from zt.sip.capture.limits import CaptureLimits
from zt.sip.capture.shares import SharedTable, owner_of

_MAX_PACKET = 65_535  # bytes; more are the "ping of death"
_MAX_PIECES = 1_024  # of one packet; at the smallest MTU of IPv4 (68) there would be 1,366
_PIECE_SIZE = 160  # bytes that an object for a piece takes besides its data
_ENTRY_SIZE = 640  # bytes that an assembly takes without pieces

_Key = tuple[bytes, bytes, int, int]


class _Assembly:
    __slots__ = ("closed", "covered", "cut", "end", "held", "offsets", "pieces", "protocol", "time")

    def __init__(self, time: int, protocol: int) -> None:
        self.time = time  # of the first fragment; of the end, for what is closed
        self.protocol = protocol
        self.offsets: list[int] = []  # sorted
        self.pieces: list[tuple[int, bytes]] = []  # claimed size, captured bytes; as offsets
        self.covered = 0  # bytes, claimed
        self.end = -1  # bytes of the whole, once known
        self.cut = _MAX_PACKET  # first byte that was not captured
        self.held = _ENTRY_SIZE
        self.closed = False  # refused, or complete

    def close(self, time: int) -> None:
        self.closed = True
        self.time = time
        self.offsets, self.pieces = [], []
        self.held = _ENTRY_SIZE


class Fragments:
    """The packets of which some fragments came, bounded by `CaptureLimits`."""

    def __init__(self, limits: CaptureLimits, counters: CaptureCounters) -> None:
        self._counters = counters
        self._lifetime = limits.assembly_time
        self._copies = limits.duplicate_time
        self._table: SharedTable[_Key, _Assembly] = SharedTable(
            limits.assemblies, limits.assembly_bytes, limits.share
        )

    @property
    def held(self) -> int:
        """Bytes held, about."""
        return self._table.size

    def add(self, time: int, fragment: Fragment) -> Packet | None:
        """Takes a fragment; gives the packet that it completes.

        Where the snap length cut a fragment, `end` of the packet lies beyond its data.
        """
        packet = fragment.packet
        size = packet.end - packet.start
        # Only IPv4 tells packets of different protocols apart by them.
        protocol = packet.protocol if packet.version == 4 else -1
        key = (packet.src, packet.dst, packet.identification, protocol)
        assembly = self._table.get(key)
        if assembly is not None and self._outlived(assembly, time):
            self._table.remove(key)
            self._counters.fragments_expired += not assembly.closed
            assembly = None
        if assembly is None:
            assembly = _Assembly(time, packet.protocol)
            self._table.add(key, assembly, owner_of(packet.src), time)
        if assembly.closed:
            return None
        if not _fits(assembly, fragment, size) or not _insert(assembly, fragment, size):
            self._counters.fragments_refused += 1
            assembly.close(time)
        whole = None
        if assembly.covered == assembly.end and not assembly.closed:
            whole = _join(assembly, packet)
            assembly.close(time)
            self._counters.reassembled += 1
        self._table.resize(key, assembly.held)
        self._counters.fragments_evicted = self._table.evicted
        return whole

    def expire(self, now: int) -> None:
        """Forgets what was not complete in time."""
        while (assembly := self._table.pop_before(now - self._lifetime)) is not None:
            self._counters.fragments_expired += not assembly.closed

    def _outlived(self, assembly: _Assembly, time: int) -> bool:
        # IPv4 has 65,536 identifications: after a packet is complete, the next fragment of that
        # name is a copy only for a moment. What was refused stays so.
        complete = assembly.closed and assembly.covered == assembly.end
        return time - assembly.time > (self._copies if complete else self._lifetime)


def _fits(assembly: _Assembly, fragment: Fragment, size: int) -> bool:
    """Whether the length of a fragment contradicts nothing; keeps where the packet ends."""
    stop = fragment.offset + size
    if size <= 0 or stop > _MAX_PACKET:
        return False
    if fragment.more:
        return size % 8 == 0 and not -1 < assembly.end < stop
    if assembly.end not in (-1, stop):
        return False
    assembly.end = stop
    offsets = assembly.offsets
    return not offsets or offsets[-1] + assembly.pieces[-1][0] <= stop


def _insert(assembly: _Assembly, fragment: Fragment, size: int) -> bool:
    """Keeps a fragment's bytes, unless they overlap others or are too many pieces."""
    packet, offset = fragment.packet, fragment.offset
    offsets, pieces = assembly.offsets, assembly.pieces
    data = packet.data[packet.start : packet.end]
    at = bisect_left(offsets, offset)
    if at < len(offsets):
        if offsets[at] == offset:
            return pieces[at] == (size, data)
        if offset + size > offsets[at]:
            return False
    if at and offsets[at - 1] + pieces[at - 1][0] > offset:
        return False
    if len(offsets) >= _MAX_PIECES:
        return False
    offsets.insert(at, offset)
    pieces.insert(at, (size, data))
    assembly.covered += size
    assembly.held += len(data) + _PIECE_SIZE
    if len(data) < size:
        assembly.cut = min(assembly.cut, offset + len(data))
    if offset == 0:
        assembly.protocol = packet.protocol
    return True


def _join(assembly: _Assembly, last: Packet) -> Packet:
    data = b"".join(piece for _, piece in assembly.pieces)
    if assembly.cut < assembly.end:
        data = data[: assembly.cut]
    return last._replace(protocol=assembly.protocol, data=data, start=0, end=assembly.end)
