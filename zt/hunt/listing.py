"""The entries of a list, in little memory, to be asked for one address after the other."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NamedTuple

from zt.errors import InputError
from zt.hunt.entries import BITS, Entry, entry_of
from zt.values.address import Address, Network

MAX_ENTRIES: Final = 5_000_000
"""In one list: about 400 MB."""


class Listed(NamedTuple):
    """What lists an address: the list's name, and its smallest entry with that address."""

    list: str
    entry: str


class Listing:
    """One list.

    By family and length there is a set of prefixes. So an address is found by as many look-ups as
    the list has lengths (at most 33 or 129), however many networks there are, nested or not.

    Args:
        name: how people know it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._taken = 0
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}

    def __len__(self) -> int:
        return sum(len(known) for of in self._prefixes.values() for known in of.values())

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in entries.

        Raises:
            InputError: they are too many.
        """
        self._taken += len(entries)
        if self._taken > MAX_ENTRIES:
            raise InputError(
                f"the list {self.name} has more than {MAX_ENTRIES:,} entries",
                "split it, or make networks of its addresses",
            )
        for version, prefix, length in entries:
            self._prefixes[version].setdefault(length, set()).add(prefix)

    def find(self, address: Address) -> Network | None:
        """The smallest listed network that holds an address; None if none does."""
        version, number, bits = entry_of(address)
        known = self._prefixes[version]
        lengths = [length for length in known if number >> bits - length in known[length]]
        if not lengths:
            return None
        shift = bits - max(lengths)
        kind = IPv4Network if version == 4 else IPv6Network
        return kind((number >> shift << shift, max(lengths)))

    def listed(self, address: Address) -> Listed | None:
        """What of this list lists an address; None if nothing does."""
        if (network := self.find(address)) is None:
            return None
        is_address = network.prefixlen == BITS[network.version]
        return Listed(self.name, str(network.network_address) if is_address else str(network))
