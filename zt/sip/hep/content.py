"""What one HEP message says, before anything of it is believed."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

SIP = 1  # payload type of HEP; the others are RTCP, logs, statistics
MAX_PAYLOAD = 65_535  # bytes; no SIP message over UDP is longer, and none over TCP in practice


class Refusal(Enum):
    """Why a HEP message gives no datagram; the value is its counter in `HepCounters`."""

    MALFORMED = "malformed"
    OTHER_PAYLOAD = "other_payload"
    UNAUTHORISED = "unauthorised"
    OVERSIZED = "oversized"


class Content(NamedTuple):
    """The parts of a HEP message that the probe needs.

    Attributes:
        src: packed address of the sender of the payload, 4 or 16 bytes; `dst` likewise.
        protocol: number of the payload's transport, see `zt.sip.hep.transports`.
        times: what the agent's clock may have said, microseconds since 1970, the likeliest
            first; empty if it said nothing that can be a time.
        payload_type: `SIP`, or another number of HEP's list.
        cut: the agent left some of the payload's bytes out.
        key: what the agent authenticates itself with; empty where it does not.
    """

    src: bytes
    src_port: int
    dst: bytes
    dst_port: int
    protocol: int
    times: tuple[int, ...]
    payload_type: int
    payload: bytes
    cut: bool = False
    key: bytes = b""


_MAPPED = bytes(10) + b"\xff\xff"


def unmapped(src: bytes, dst: bytes) -> tuple[bytes, bytes]:
    """The IPv4 addresses inside two mapped ones (RFC 4291, 2.5.5.2), others as they are.

    Agents with one socket for both families report IPv4 so; a capture of the same packet doesn't.
    """
    if len(src) == len(dst) == 16 and src[:12] == dst[:12] == _MAPPED:
        return src[12:], dst[12:]
    return src, dst
