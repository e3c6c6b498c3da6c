"""Who counts as one source, and whom a honeypot never answers."""

from __future__ import annotations

from typing import Final

from zt.sip import Datagram

_IPV6_SOURCE: Final = 8  # bytes: the /64 that one host gets
_LEAST_PORT: Final = 1_024
_MULTICAST_V6: Final = 0xFF
_NOWHERE_V6: Final = bytes(16)


def source_of(address: bytes) -> bytes:
    """What a packed address counts as: itself, or the /64 of an IPv6 address."""
    return address if len(address) == 4 else address[:_IPV6_SOURCE]


def refusal(datagram: Datagram) -> str:
    """Why a datagram must not be answered, by its addresses alone; empty if it may.

    Over UDP the sender's address is a claim. What claims to come from where no SIP client is was
    sent to have us answer somebody: `port` (0, or below 1024, where echo, chargen, DNS, NTP, LDAP
    and their like answer what they get, and from where no SIP client sends), `address` (nobody's,
    multicast, broadcast, reserved), or `self` (the very socket that it came to). The broadcast
    address of a subnet can't be told by its bits; the kernel refuses to send there.

    Loops can't arise in any case, since only requests are answered, and only by responses.
    """
    if datagram.connected:
        return ""
    if datagram.src_port < _LEAST_PORT:
        return "port"
    if not _is_host(datagram.src):
        return "address"
    if datagram.src_port == datagram.dst_port and datagram.src == datagram.dst:
        return "self"
    return ""


def _is_host(address: bytes) -> bool:
    """Whether an address may be one host's: neither 0/8, 224/4 nor 240/4; nor :: nor ff00::/8."""
    if len(address) == 4:
        return 0 < address[0] < 224
    return address[0] != _MULTICAST_V6 and address != _NOWHERE_V6
