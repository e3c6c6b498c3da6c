"""The header of a TCP segment (RFC 9293 section 3.1)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from zt.sip.capture.ip import Packet

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_HEADER = struct.Struct(">HHIIBB")


class Segment(NamedTuple):
    """One segment.

    Attributes:
        src_port, dst_port, sequence, acknowledgement, flags: of its header.
        data: its bytes, as far as they were captured.
        missing: bytes that were not.
    """

    src_port: int
    dst_port: int
    sequence: int
    acknowledgement: int
    flags: int
    data: bytes
    missing: int


def read_segment(packet: Packet) -> Segment | None:
    """Reads the segment that a packet carries; None where its header contradicts itself.

    Raises:
        struct.error: the packet ends inside the header.
    """
    src_port, dst_port, sequence, acknowledgement, offset, flags = _HEADER.unpack_from(
        packet.data, packet.start
    )
    start = packet.start + (offset >> 4) * 4
    if offset >> 4 < 5 or start > packet.end:
        return None
    data = packet.data[start : packet.end]
    missing = packet.end - start - len(data)
    return Segment(src_port, dst_port, sequence, acknowledgement, flags, data, missing)
