"""An entry of a list: an address, a network as `address/length`, or a range as `first-last`.

Spellings are those of `zt.values.address`: strict, IPv4 for what is IPv4-mapped, and bits behind a
network's length don't count. They are read here without its objects, which would cost five times
as much where a list has a million entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import summarize_address_range
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final, NamedTuple

from zt.values.address import MAPPED_BITS, MAX_ADDRESS, Address, parse_address

BITS: Final = {4: 32, 6: 128}
MAX_ENTRY: Final = 2 * MAX_ADDRESS + 1
"""Characters of the longest entry."""

_MAPPED: Final = 0xFFFF  # what the first 96 bits of IPv4-mapped addresses are (RFC 4291, 2.5.5.2)
_MAX_DIGITS: Final = 3  # of a length


class Entry(NamedTuple):
    """A network; an address is one of full length.

    Attributes:
        version: 4 or 6.
        prefix: its first `length` bits, as a number.
        length: how many bits all addresses of it share.
    """

    version: int
    prefix: int
    length: int


def parse_entry(text: str) -> Sequence[Entry]:
    """The networks that a text spells; none if it spells none.

    A range is as many networks as cover it exactly: at most 62 of IPv4, 254 of IPv6.
    """
    if len(text) > MAX_ENTRY:
        return ()
    address, slash, length = text.partition("/")
    if (found := _parse_bits(address)) is None:
        first, dash, last = text.partition("-")
        return _parse_range(first.strip(), last.strip()) if dash else ()
    version, number = found
    if not slash:
        return (Entry(version, number, BITS[version]),)
    if not (length.isascii() and length.isdigit() and len(length) <= _MAX_DIGITS):
        return ()
    bits = int(length)
    if version == 4 and ":" in address:  # IPv4-mapped, with a length that counts from IPv6's bits
        bits -= MAPPED_BITS
        if bits < 0:  # more than the mapped addresses
            return _parse_wide(address, bits + MAPPED_BITS)
    if bits > BITS[version]:
        return ()
    return (Entry(version, number >> BITS[version] - bits, bits),)


def entry_of(address: Address) -> Entry:
    """An address as an entry."""
    return Entry(address.version, int(address), address.max_prefixlen)


def _parse_bits(text: str) -> tuple[int, int] | None:
    """Version and number of an address; see `parse_address`."""
    if len(text) > MAX_ADDRESS or not text.isascii():
        return None
    try:
        if ":" not in text:
            return 4, int.from_bytes(inet_pton(AF_INET, text))
        number = int.from_bytes(inet_pton(AF_INET6, text))
    except (OSError, ValueError):
        return None
    if number >> BITS[4] == _MAPPED:
        return 4, number & (1 << BITS[4]) - 1
    return 6, number


def _parse_wide(text: str, length: int) -> Sequence[Entry]:
    """A network of IPv6 whose first address is an IPv4-mapped one."""
    number = int.from_bytes(inet_pton(AF_INET6, text))
    return (Entry(6, number >> BITS[6] - length, length),)


def _parse_range(first_text: str, last_text: str) -> Sequence[Entry]:
    first, last = parse_address(first_text), parse_address(last_text)
    if first is None or last is None or first.version != last.version or int(first) > int(last):
        return ()
    return [
        Entry(part.version, int(part.network_address) >> bits - part.prefixlen, part.prefixlen)
        for part in summarize_address_range(first, last)
        for bits in (part.max_prefixlen,)
    ]
