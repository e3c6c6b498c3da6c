"""Link layers: where in a frame the IP header starts.

References: IEEE 802.1Q, RFC 2516, and the LINKTYPE_ pages of tcpdump.org. Frames of IEEE 802.3
without an EtherType are not followed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_MAX_TAGS = 4  # QinQ uses two
_PPPOE, _PPP_IPV4, _PPP_IPV6 = 0x8864, 0x0021, 0x0057  # RFC 2516, section 4
# AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 and 30 on the BSDs and macOS.
_AF_INET, _AF_INET6 = 2, frozenset({10, 24, 28, 30})

_U16 = struct.Struct(">H")


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


# LINKTYPE_ number -> where the IP header starts in a frame, -1 where there is none. A function
# raises IndexError or struct.error where the frame ends before.
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
