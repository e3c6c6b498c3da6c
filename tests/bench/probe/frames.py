"""Packets as Ethernet frames, and frames as a capture: written while they are made."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import BinaryIO

from .traffic import Packet

_MACS = bytes.fromhex("02000000000a 02000000000b")
_IPV4 = b"\x08\x00"
_IP_HEADER = struct.Struct(">BBHHHBBH4s4s")
_UDP_HEADER = struct.Struct(">HHHH")
_RECORD = struct.Struct("<IIII")
_TEN_WORDS = struct.Struct(">10H")
_UDP = 17
_BLOCK = 1 << 18  # bytes written at once
CAPTURE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)


def frame(packet: Packet, macs: bytes = _MACS) -> bytes:
    """The packet as one Ethernet frame.

    Args:
        packet: what it holds.
        macs: destination and source, as a live network needs them.
    """
    length = len(packet.payload)
    return b"%b%b%b%b%b" % (
        macs,
        _IPV4,
        _ip_header(packet.src, packet.dst, length + 28),
        # Without a checksum, as RFC 768 permits.
        _UDP_HEADER.pack(packet.src_port, packet.dst_port, length + 8, 0),
        packet.payload,
    )


@lru_cache(maxsize=65_536)
def _ip_header(src: bytes, dst: bytes, total: int) -> bytes:
    plain = _IP_HEADER.pack(0x45, 0, total, 0, 0x4000, 64, _UDP, 0, src, dst)
    checksum = sum(_TEN_WORDS.unpack(plain)) % 0xFFFF ^ 0xFFFF  # RFC 1071
    return plain[:10] + struct.pack(">H", checksum) + plain[12:]


def records(packets: Iterable[Packet]) -> Iterator[bytes]:
    """The records of a classic capture."""
    for packet in packets:
        data = frame(packet)
        seconds, fraction = divmod(packet.time, 1_000_000)
        yield _RECORD.pack(seconds, fraction, len(data), len(data)) + data


def write_capture(packets: Iterable[Packet], out: BinaryIO) -> int:
    """Write a capture while its packets are made; returns how many there were."""
    block, size, count = [CAPTURE_HEADER], 0, 0
    for record in records(packets):
        block.append(record)
        size += len(record)
        count += 1
        if size > _BLOCK:
            out.write(b"".join(block))
            block, size = [], 0
    out.write(b"".join(block))
    return count
