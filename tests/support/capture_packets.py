"""Takes real captures apart into IP packets, and puts packets into other captures.

Nothing here uses the code under test but to read files and to find the IP header in a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from support.sip_packets import block, packed
from zt.sip.capture import LINK_TYPES, read_frames

UDP, TCP, FRAGMENT = 17, 6, 44
_TUNNEL_V4 = (packed("192.0.2.1"), packed("192.0.2.2"))
_TUNNEL_V6 = (packed("2001:db8:ffff::1"), packed("2001:db8:ffff::2"))


class Timed(NamedTuple):
    """An IP packet, or a frame, and when it was captured (microseconds since 1970)."""

    time: int
    data: bytes


def packets(path: Path) -> list[Timed]:
    """The IP packets of a capture, without what Ethernet pads them with."""
    found = []
    with path.open("rb") as file:
        for frame in read_frames(file, path.name):
            data = frame.data
            position = LINK_TYPES[frame.link_type](data)
            if position >= 0:
                found.append(Timed(frame.time, data[position : position + length(data[position:])]))
    return found


def version(packet: bytes) -> int:
    return packet[0] >> 4


def length(packet: bytes) -> int:
    """What the IP header says the packet's length is."""
    total = struct.unpack_from(">H", packet, 2 if version(packet) == 4 else 4)[0]
    return int(total) + (0 if version(packet) == 4 else 40)


def header_size(packet: bytes) -> int:
    return (packet[0] & 15) * 4 if version(packet) == 4 else 40


def protocol(packet: bytes) -> int:
    """What the packet carries; no capture here has IPv6 extension headers."""
    return packet[9] if version(packet) == 4 else packet[6]


def addresses(packet: bytes) -> tuple[bytes, bytes]:
    """Sender and receiver."""
    if version(packet) == 4:
        return packet[12:16], packet[16:20]
    return packet[8:24], packet[24:40]


def payload(packet: bytes) -> bytes:
    return packet[header_size(packet) :]


def with_payload(packet: bytes, data: bytes, *, carries: int | None = None) -> bytes:
    """The packet with another payload; `carries`: of another protocol."""
    head = bytearray(packet[: header_size(packet)])
    if version(packet) == 4:
        struct.pack_into(">H", head, 2, len(head) + len(data))
        head[9] = head[9] if carries is None else carries
    else:
        struct.pack_into(">H", head, 4, len(data))
        head[6] = head[6] if carries is None else carries
    return bytes(head) + data


def with_smaller_ttl(packet: bytes) -> bytes:
    """The packet behind the next router."""
    at = 8 if version(packet) == 4 else 7
    return packet[:at] + bytes([max(1, packet[at] - 1)]) + packet[at + 1 :]


def ip_over(inner: bytes, *, outer: int, carries: int | None = None) -> bytes:
    """A packet in a tunnel of the given IP version; by default IP in IP."""
    kind = carries or (4 if version(inner) == 4 else 41)
    if outer == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(inner), 0, 0x4000, 64, kind, 0)
        return head + b"".join(_TUNNEL_V4) + inner
    head = struct.pack(">IHBB", 0x60000000, len(inner), kind, 64)
    return head + b"".join(_TUNNEL_V6) + inner


def gre_over(inner: bytes, *, outer: int) -> bytes:
    """A packet in GRE with a key and a sequence number (RFC 2890)."""
    kind = 0x0800 if version(inner) == 4 else 0x86DD
    return ip_over(struct.pack(">HHII", 0x3000, kind, 7, 8) + inner, outer=outer, carries=47)


def ether_type(packet: bytes) -> bytes:
    return b"\x08\x00" if version(packet) == 4 else b"\x86\xdd"


def ethernet(packet: bytes) -> bytes:
    return bytes(range(12)) + ether_type(packet) + packet


def vlan(packet: bytes) -> bytes:
    return bytes(12) + b"\x81\x00\x00\x05" + ether_type(packet) + packet


def qinq(packet: bytes) -> bytes:
    return bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + ether_type(packet) + packet


def pppoe(packet: bytes) -> bytes:
    kind = 0x0021 if version(packet) == 4 else 0x0057
    head = struct.pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, kind)
    return bytes(12) + b"\x88\x64" + head + packet


def cooked(packet: bytes) -> bytes:
    return bytes(14) + ether_type(packet) + packet


def cooked_v2(packet: bytes) -> bytes:
    return ether_type(packet) + bytes(18) + packet


def raw(packet: bytes) -> bytes:
    return packet


def loopback(order: str) -> Callable[[bytes], bytes]:
    """BSD's loopback, with the address family in the given byte order."""
    return lambda packet: struct.pack(order + "I", 2 if version(packet) == 4 else 30) + packet


def pcap_file(
    frames: Iterable[Timed], link_type: int, *, order: str = "<", nano: bool = False
) -> bytes:
    """A classic capture of frames."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, link_type)]
    for time, data in frames:
        fraction = time % 1_000_000 * (1_000 if nano else 1)
        out.append(struct.pack(order + "IIII", time // 1_000_000, fraction, len(data), len(data)))
        out.append(data)
    return b"".join(out)


def pcapng_file(
    frames: Iterable[tuple[int, Timed]], link_types: Sequence[int], *, order: str = "<"
) -> bytes:
    """A capture of frames, each with the number of its interface; odd ones count nanoseconds."""
    out = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)]
    for number, link_type in enumerate(link_types):
        options = struct.pack(order + "HHB7x", 9, 1, 9 if number % 2 else 6)
        out.append(block(1, struct.pack(order + "HHI", link_type, 0, 0) + options, order))
    for number, (time, data) in frames:
        ticks = time * (1_000 if number % 2 else 1)
        head = (number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        out.append(block(6, struct.pack(order + "IIIII", *head) + data, order))
    return b"".join(out)
