"""Which addresses count as one source, and which are on a list."""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import Final, NamedTuple

from zt.sip.throttle.settings import networks

_CACHED: Final = 16_384  # addresses looked up lately
_MAPPED: Final = bytes(10) + b"\xff\xff"  # IPv4 in IPv6, RFC 4291 section 2.5.5.2


class Origin(NamedTuple):
    """An address's source, as text for keys, and whether it is on the list."""

    name: str
    listed: bool


class Sources:
    """Sorts addresses into sources.

    An IPv4 address is a source (also when it is written as IPv6), of an IPv6 address the prefix.

    Args:
        listed: addresses and networks.
        ipv6_prefix: bits of an IPv6 address that make a source.

    Raises:
        InputError: something listed is neither address nor network.
    """

    def __init__(self, listed: tuple[str, ...], ipv6_prefix: int) -> None:
        self._prefix = ipv6_prefix
        # Networks by size of address and length of prefix: as few tests as there are lengths.
        self._listed: dict[int, dict[int, set[int]]] = {4: {}, 16: {}}
        for network in networks(listed):
            size = network.max_prefixlen // 8
            value = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            self._listed[size].setdefault(network.prefixlen, set()).add(value)
        self.find = lru_cache(maxsize=_CACHED)(self._find)

    def _find(self, address: str) -> Origin:
        """The source of an address in text."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        packed = socket.inet_pton(family, address)
        if packed.startswith(_MAPPED):
            packed = packed[12:]
            address = socket.inet_ntop(socket.AF_INET, packed)
        bits = 8 * len(packed)
        value = int.from_bytes(packed)
        listed = any(
            value >> (bits - length) in known for length, known in self._listed[len(packed)].items()
        )
        if len(packed) == 4 or self._prefix == 128:
            return Origin(address, listed)
        rest = 128 - self._prefix
        network = (value >> rest << rest).to_bytes(16)
        return Origin(f"{socket.inet_ntop(socket.AF_INET6, network)}/{self._prefix}", listed)
