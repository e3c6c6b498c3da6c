"""From an IP header to what it carries: IPv4, IPv6 with its extension headers, tunnels.

Followed are IP in IP in all four combinations (RFC 2003, 2473, 4213) and GRE (RFC 2784, 2890) of
IPv4 or IPv6, at most `_MAX_LAYERS` headers deep. What ICMP quotes is no
packet of its sender, and is not looked at. Checksums are not verified: captures taken on the
sending host hold them unfinished. References: RFC 791, RFC 8200.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import NamedTuple

TCP, UDP = 6, 17
_IPV4_IN_IP, _IPV6_IN_IP, _GRE = 4, 41, 47
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_EXTENSIONS = frozenset({_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION})
_GRE_IPV4, _GRE_IPV6 = 0x0800, 0x86DD
# A checksum, a key and a sequence number are 4 bytes each; source routes and version 1 (PPTP)
# are not followed.
_GRE_OPTIONS, _GRE_FOLLOWED = (0x8000, 0x2000, 0x1000), 0x4FFF
_MAX_LAYERS = 12  # headers; honest packets have three or four

_U16 = struct.Struct(">H")
_IPV4 = struct.Struct(">BxHHHxB2x4s4s")
_IPV6 = struct.Struct(">4xHBx16s16s")
_IPV6_FRAGMENT = struct.Struct(">BxHI")


class Skip(Enum):
    """Why a frame gives no datagram; the value is its counter in `CaptureCounters`."""

    UNSUPPORTED_LINK = "unsupported_link"
    NOT_IP = "not_ip"
    OTHER_TRANSPORT = "other_transport"
    MALFORMED = "malformed"
    FRAGMENT = "fragments"
    DUPLICATE = "duplicates"
    TCP_WITHOUT_DATA = "tcp_without_data"
    TCP_FOREIGN = "tcp_foreign"
    TCP_KEPT = "tcp_kept"


class Packet(NamedTuple):
    """What one IP header carries.

    Attributes:
        version: 4 or 6.
        protocol: number of what begins at `start`.
        data: bytes that hold it, perhaps with more around.
        start, end: where it stands in them, by its headers; `end` is beyond them where bytes
            were not captured.
        identification: of the IP header, which copies of a packet share; 0 where it has none.
    """

    version: int
    src: bytes
    dst: bytes
    protocol: int
    data: bytes
    start: int
    end: int
    identification: int


class Fragment(NamedTuple):
    """A part of a packet; `packet` tells where it stands.

    Attributes:
        packet: its part of the payload; the protocol is the whole's where `offset` is 0.
        offset: bytes before it in the whole.
        more: parts follow.
    """

    packet: Packet
    offset: int
    more: bool


def read(data: bytes, position: int, end: int | None = None) -> Packet | Fragment | Skip:
    """Follows headers from the IP header at `position` to UDP, TCP, or a fragment.

    Args:
        data: bytes of a frame or of a reassembled packet.
        position: where the IP header starts.
        end: where the packet ends by the header around it, if there is one.
    """
    try:
        return follow(_header(data, position, len(data) + (1 << 16) if end is None else end))
    except (IndexError, struct.error):  # the packet ends inside a header
        return Skip.MALFORMED


def follow(found: Packet | Fragment | Skip) -> Packet | Fragment | Skip:
    """Follows what an IP header carries, to UDP, TCP, or a fragment.

    Raises:
        IndexError, struct.error: the packet ends inside a header.
    """
    for _ in range(_MAX_LAYERS):
        if not isinstance(found, Packet):
            return found
        protocol = found.protocol
        if protocol in (UDP, TCP):
            return found
        if found.start >= found.end:
            return Skip.MALFORMED if protocol in _EXTENSIONS else Skip.OTHER_TRANSPORT
        if protocol in (_IPV4_IN_IP, _IPV6_IN_IP):
            inner = _header(found.data, found.start, found.end)
            # The version that the protocol promised
            if isinstance(inner, Skip) or _version(inner) != (4 if protocol == 4 else 6):
                return Skip.MALFORMED
            found = inner
        elif protocol == _GRE:
            found = _gre(found)
        elif found.version == 6 and protocol in _EXTENSIONS:
            found = _extension(found)
        else:
            return Skip.OTHER_TRANSPORT
    return Skip.MALFORMED


def _version(found: Packet | Fragment) -> int:
    return found.packet.version if isinstance(found, Fragment) else found.version


def _header(data: bytes, start: int, limit: int) -> Packet | Fragment | Skip:
    version = data[start] >> 4
    if version == 4:
        return _ipv4(data, start, limit)
    if version == 6:
        return _ipv6(data, start, limit)
    return Skip.MALFORMED


def _ipv4(data: bytes, start: int, limit: int) -> Packet | Fragment | Skip:
    first, total, identification, flags, protocol, src, dst = _IPV4.unpack_from(data, start)
    header = (first & 0x0F) * 4
    # 0: the sending host leaves the length to its network card (segmentation offload)
    end = start + total if total else len(data)
    if header < 20 or end < start + header:
        return Skip.MALFORMED
    # The shortest of all lengths counts: any header may lie.
    packet = Packet(4, src, dst, protocol, data, start + header, min(end, limit), identification)
    if flags & 0x3FFF:  # more fragments, or an offset
        return Fragment(packet, (flags & 0x1FFF) * 8, bool(flags & 0x2000))
    return packet


def _ipv6(data: bytes, start: int, limit: int) -> Packet:
    length, protocol, src, dst = _IPV6.unpack_from(data, start)
    end = start + 40 + length if length else len(data)
    return Packet(6, src, dst, protocol, data, start + 40, min(end, limit), 0)


def _extension(packet: Packet) -> Packet | Fragment:
    data, at = packet.data, packet.start
    if packet.protocol == _FRAGMENT:
        protocol, field, identification = _IPV6_FRAGMENT.unpack_from(data, at)
        inner = packet._replace(
            protocol=protocol, start=at + 8, identification=identification or packet.identification
        )
        if field & 0xFFF9:  # an offset, or more fragments; else it is atomic (RFC 6946)
            return Fragment(inner, field & 0xFFF8, bool(field & 1))
        return inner
    words = data[at + 1]
    size = (words + 2) * 4 if packet.protocol == _AUTHENTICATION else (words + 1) * 8
    return packet._replace(protocol=data[at], start=at + size)


def _gre(packet: Packet) -> Packet | Fragment | Skip:
    flags = _U16.unpack_from(packet.data, packet.start)[0]
    kind = _U16.unpack_from(packet.data, packet.start + 2)[0]
    if flags & _GRE_FOLLOWED or kind not in (_GRE_IPV4, _GRE_IPV6):
        return Skip.OTHER_TRANSPORT
    start = packet.start + 4 + 4 * sum(bool(flags & option) for option in _GRE_OPTIONS)
    if start >= packet.end:
        return Skip.MALFORMED
    return _header(packet.data, start, packet.end)
