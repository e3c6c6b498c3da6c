"""From a frame to a UDP datagram: link header, VLAN tags, PPPoE, IPv4 or IPv6, UDP.

Checksums are not verified: captures taken on the sending host hold them unfinished.
References: RFC 791, RFC 8200, RFC 768, IEEE 802.1Q, and the LINKTYPE_ pages of tcpdump.org.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_MAX_TAGS = 4  # QinQ uses two
_PPPOE, _PPP_IPV4, _PPP_IPV6 = 0x8864, 0x0021, 0x0057  # RFC 2516, section 4
_TCP, _UDP = 6, 17
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_MAX_EXTENSIONS = 8  # IPv6 extension headers; more are no honest packet
# AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 and 30 on the BSDs and macOS.
_AF_INET, _AF_INET6 = 2, frozenset({10, 24, 28, 30})

_U16 = struct.Struct(">H")
_UDP_HEADER = struct.Struct(">HHH")


class Skip(Enum):
    """Why a frame holds no datagram for the probe."""

    NOT_IP = "not_ip"
    OTHER_TRANSPORT = "other_transport"
    TCP = "tcp"
    FRAGMENT = "fragment"
    MALFORMED = "malformed"


@dataclass(slots=True)
class Datagram:
    """One message on the network, whatever carried it here (capture, live interface, HEP).

    Attributes:
        time: microseconds since 1970 (UTC).
        src: packed address of the sender, 4 or 16 bytes; `dst` likewise.
        transport: "UDP", "TCP", "TLS", "WS", "WSS" or "SCTP".
        cut: some of the payload's bytes were not captured.
        connected: the sender spoke over an established connection: its address is no mere claim.
    """

    time: int
    src: bytes
    src_port: int
    dst: bytes
    dst_port: int
    payload: bytes
    transport: str = "UDP"
    cut: bool = False
    connected: bool = False


def decode(time: int, link_type: int, data: bytes) -> Datagram | Skip:
    """Finds the UDP datagram in one frame.

    Args:
        time: microseconds since 1970.
        link_type: a key of `LINK_TYPES`; others give `Skip.NOT_IP`.
        data: the frame.

    Returns:
        The datagram, `cut` where its own length says so, or why there is none. Never raises.
    """
    find_ip = LINK_TYPES.get(link_type)
    if find_ip is None:
        return Skip.NOT_IP
    try:
        position = find_ip(data)
        if position < 0:
            return Skip.NOT_IP
        version = data[position] >> 4
        if version == 4:
            return _ipv4(time, data, position)
        if version == 6:
            return _ipv6(time, data, position)
    except (IndexError, struct.error):  # the frame ends inside a header
        pass
    return Skip.MALFORMED


def _ipv4(time: int, data: bytes, start: int) -> Datagram | Skip:
    if len(data) < start + 20:
        return Skip.MALFORMED
    header = (data[start] & 0x0F) * 4
    total = _U16.unpack_from(data, start + 2)[0]
    # 0: the sending host leaves the length to its network card (segmentation offload)
    end = start + total if total else len(data)
    if header < 20 or end < start + header:
        return Skip.MALFORMED
    if _U16.unpack_from(data, start + 6)[0] & 0x3FFF:  # more fragments, or an offset
        return Skip.FRAGMENT
    protocol = data[start + 9]
    src, dst = data[start + 12 : start + 16], data[start + 16 : start + 20]
    return _transport(time, data, protocol, start + header, end, src, dst)


def _ipv6(time: int, data: bytes, start: int) -> Datagram | Skip:
    position = start + 40
    if len(data) < position:
        return Skip.MALFORMED
    length = _U16.unpack_from(data, start + 4)[0]
    end = position + length if length else len(data)
    protocol = data[start + 6]
    for _ in range(_MAX_EXTENSIONS):
        if protocol in (_HOP_BY_HOP, _ROUTING, _DESTINATION):
            size = (data[position + 1] + 1) * 8
        elif protocol == _AUTHENTICATION:
            size = (data[position + 1] + 2) * 4
        elif protocol == _FRAGMENT:
            if _U16.unpack_from(data, position + 2)[0] & 0xFFF9:  # an offset, or more fragments
                return Skip.FRAGMENT
            size = 8
        else:
            src, dst = data[start + 8 : start + 24], data[start + 24 : start + 40]
            return _transport(time, data, protocol, position, end, src, dst)
        protocol = data[position]
        position += size
    return Skip.MALFORMED


def _transport(
    time: int, data: bytes, protocol: int, start: int, end: int, src: bytes, dst: bytes
) -> Datagram | Skip:
    if protocol == _TCP:
        return Skip.TCP
    if protocol != _UDP:
        return Skip.OTHER_TRANSPORT
    src_port, dst_port, length = _UDP_HEADER.unpack_from(data, start)
    if length < 8 or end < start + 8:
        return Skip.MALFORMED
    # The shorter of both lengths counts: Ethernet pads, and either header may lie.
    stop = min(start + length, end)
    return Datagram(
        time, src, src_port, dst, dst_port, data[start + 8 : stop], cut=stop > len(data)
    )


def _after_tags(data: bytes, kind_at: int, position: int) -> int:
    """Follows tags from the EtherType at `kind_at` to the IP header, or gives -1."""
    kind = _U16.unpack_from(data, kind_at)[0]
    for _ in range(_MAX_TAGS):
        if kind not in _VLAN_TAGS:
            break
        kind = _U16.unpack_from(data, position + 2)[0]
        position += 4
    if kind in (_IPV4, _IPV6):
        return position
    if kind == _PPPOE:
        protocol = _U16.unpack_from(data, position + 6)[0]
        return position + 8 if protocol in (_PPP_IPV4, _PPP_IPV6) else -1
    return -1


def _ethernet(data: bytes) -> int:
    return _after_tags(data, 12, 14)


def _cooked(data: bytes) -> int:
    return _after_tags(data, 14, 16)


def _cooked_v2(data: bytes) -> int:
    return _after_tags(data, 0, 20)


def _raw(data: bytes) -> int:
    return 0


def _loopback(data: bytes) -> int:
    # The family stands in the byte order of the capturing host, in network order on OpenBSD.
    family = min(int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
    return 4 if family == _AF_INET or family in _AF_INET6 else -1


# LINKTYPE_ number -> where the IP header starts in a frame, -1 where there is none
LINK_TYPES: dict[int, Callable[[bytes], int]] = {
    0: _loopback,  # NULL
    1: _ethernet,
    12: _raw,  # DLT_RAW of most systems, found in files of old writers
    14: _raw,  # DLT_RAW of OpenBSD
    101: _raw,
    108: _loopback,  # LOOP
    113: _cooked,
    228: _raw,  # IPV4
    229: _raw,  # IPV6
    276: _cooked_v2,
}
