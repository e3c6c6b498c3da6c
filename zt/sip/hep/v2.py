"""HEP versions 1 and 2: a fixed header, addresses, in version 2 a time, then the payload.

    0 version (1 or 2)    1 length of the header    2 address family    3 IP protocol
    4 source port         6 destination port        8 source, destination (4 or 16 bytes each)
    in version 2: seconds (4), microseconds (4), agent's id (2), padding (2)

Ports are big-endian. The time is little-endian where Kamailio sends it, and in the order of its
own processor where FreeSWITCH does; the length counts the time with the latter, not with the
former. References: `struct hep_hdr` and `struct hep_timehdr` of Kamailio's siptrace and of
Sofia-SIP; there is no other specification. Neither version can carry a key.
"""

from __future__ import annotations

import struct

from zt.sip.hep.content import SIP, Content, Refusal, unmapped

VERSIONS = frozenset({1, 2})

_HEADER = struct.Struct(">BBBBHH")
_TIME_SIZE = 12
_LITTLE, _BIG = struct.Struct("<II"), struct.Struct(">II")
# AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 26, 28 and 30 on other systems.
_ADDRESS_SIZE = {2: 4, 10: 16, 24: 16, 26: 16, 28: 16, 30: 16}


def decode(data: bytes) -> Content | Refusal:
    """Takes a message of version 1 or 2 apart. Never raises."""
    if len(data) < _HEADER.size:
        return Refusal.MALFORMED
    version, length, family, protocol, src_port, dst_port = _HEADER.unpack_from(data)
    size = _ADDRESS_SIZE.get(family)
    if size is None or version not in VERSIONS:
        return Refusal.MALFORMED
    end = addresses = _HEADER.size + 2 * size
    if version == 2:
        end += _TIME_SIZE
    if length not in (addresses, end) or len(data) < end:
        return Refusal.MALFORMED
    times: tuple[int, ...] = ()
    if version == 2:
        times = tuple(
            seconds * 1_000_000 + fraction
            for order in (_LITTLE, _BIG)
            for seconds, fraction in (order.unpack_from(data, addresses),)
            if fraction < 1_000_000
        )
    middle = _HEADER.size + size
    src, dst = unmapped(data[_HEADER.size : middle], data[middle:addresses])
    return Content(
        src=src,
        src_port=src_port,
        dst=dst,
        dst_port=dst_port,
        protocol=protocol,
        times=times,
        payload_type=SIP,
        payload=data[end:],
    )
