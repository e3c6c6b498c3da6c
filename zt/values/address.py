"""IP addresses in canonical form.

An IPv4 address is four decimal numbers without leading zeros, an IPv6 address the shortest form
of RFC 5952; an IPv4-mapped IPv6 address is the IPv4 address. What has a zone, a port, brackets
or a prefix length is no address here: it means something else, or more.
"""

from __future__ import annotations

from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    NetmaskValueError,
    ip_network,
)
from socket import AF_INET, inet_pton  # of IPv4 addresses a fifth of the time of ipaddress

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_ADDRESS = 45  # characters of the longest spelling, IPv4-mapped with all zeros written
MAPPED_BITS = 96


def parse_address(text: str) -> Address | None:
    """The address that a text spells, IPv4 for an IPv4-mapped one; None if it spells none."""
    if len(text) > MAX_ADDRESS or "%" in text or not text.isascii():
        return None
    try:
        if ":" not in text:
            return IPv4Address(inet_pton(AF_INET, text))
        address = IPv6Address(text)
    except (OSError, ValueError):
        return None
    return address.ipv4_mapped or address


def parse_network(text: str) -> Network | None:
    """The network of `address/length`; bits behind the length don't count. None if it is none.

    A network of IPv4-mapped addresses is one of IPv4 addresses.
    """
    address, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdigit()) or parse_address(address) is None:
        return None
    try:
        network = ip_network(text, strict=False)
    except (ValueError, AddressValueError, NetmaskValueError):
        return None
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return network
