"""Blind tokens of whole values: first digits of numbers, whole texts, networks of addresses.

    token = first 4 bytes of AES-CMAC(key, message), big-endian; keys by purpose and parameters

    prefix   plus(1) || the first 1 to 14 digits, in ASCII
    whole    the whole text in UTF-8
    net      family(1) || length(1) || the first length bits of the address, in whole bytes

Texts come folded (`zt.crypto.fold`). Security: a token is a pseudo-random number to who lacks
the key, and equal parts have equal tokens: `prefix` shows who shares first digits, and how many;
`net` the tree of subnets; `whole` which values are equal but for their folding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.cmac import CMAC

from keys import KeyspaceKey, labels
from keys.derive import lp, uint32
from zt.crypto.aes import ShortMacs
from zt.crypto.fold import FOLD_VERSION
from zt.crypto.gram import TOKEN_BITS
from zt.values.address import Address, Network, parse_address

PREFIX_DIGITS = 14
"""The longest prefix with a token of its own: with its flag it fills AES-CMAC's one block."""

NET_LENGTHS = {4: (8, 16, 24), 6: (32, 48, 64)}
"""The lengths of networks that have tokens, by family."""

PREFIX_PARAMS = lp(uint32(FOLD_VERSION), uint32(PREFIX_DIGITS), uint32(TOKEN_BITS))
WHOLE_PARAMS = lp(uint32(FOLD_VERSION), uint32(TOKEN_BITS))
NET_PARAMS = lp(*(lp(*map(uint32, lengths)) for lengths in NET_LENGTHS.values())) + lp(
    uint32(TOKEN_BITS)
)

_DIGITS = re.compile(r"(\+?)([0-9]+)")


class PrefixTokens:
    """The tokens of the digits that a text begins with."""

    def __init__(self, key: KeyspaceKey) -> None:
        self._macs = ShortMacs(key.subkey(labels.PREFIX, 32, PREFIX_PARAMS))

    def tokens(self, folded: Sequence[str]) -> list[tuple[int, ...]]:
        """A token for each prefix of 1 to 14 digits of each text, sorted; none without digits."""
        return by_text(self._macs, [_prefixes(text) for text in folded])

    def needle(self, folded: str) -> tuple[int, ...]:
        """The token that every value which starts so has.

        Raises:
            ValueError: it does not start with a digit, nor with `+` and a digit.
        """
        messages = _prefixes(folded)
        if not messages:
            raise ValueError("the beginning of a number has at least one digit")
        return tuple(self._macs.tokens(messages[-1:]).tolist())


class WholeTokens:
    """The token of a whole text."""

    def __init__(self, key: KeyspaceKey) -> None:
        subkey = key.subkey(labels.WHOLE, 32, WHOLE_PARAMS)
        self._mac = CMAC(AES256(subkey.secret_key_access()))

    def tokens(self, folded: Sequence[str]) -> list[tuple[int, ...]]:
        """One token for each text."""
        return [self.needle(text) for text in folded]

    def needle(self, folded: str) -> tuple[int, ...]:
        """The token of every value that folds to this."""
        mac = self._mac.copy()
        mac.update(folded.encode())
        return (int.from_bytes(mac.finalize()[:4], "big"),)


class NetTokens:
    """The tokens of the networks that an address is in."""

    def __init__(self, key: KeyspaceKey) -> None:
        self._macs = ShortMacs(key.subkey(labels.NET, 32, NET_PARAMS))

    def tokens(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """A token for each length of its family, sorted; none for what is no address."""
        addresses = map(parse_address, texts)
        return by_text(self._macs, [_networks(a, a.max_prefixlen) if a else [] for a in addresses])

    def needle(self, network: Network) -> tuple[int, ...]:
        """The token of the smallest network with tokens that holds this one.

        Raises:
            ValueError: the network is larger than any that has.
        """
        messages = _networks(network.network_address, network.prefixlen)
        if not messages:
            least = NET_LENGTHS[network.version][0]
            raise ValueError(f"an IPv{network.version} network has a length of at least {least}")
        return tuple(self._macs.tokens(messages[-1:]).tolist())


def by_text(macs: ShortMacs, messages: Sequence[Sequence[bytes]]) -> list[tuple[int, ...]]:
    """The sorted, distinct tokens of each text's messages, all computed in one call."""
    flat = [message for own in messages for message in own]
    tokens = macs.tokens(flat).tolist() if flat else []
    ends = accumulate(map(len, messages))
    return [
        tuple(sorted(set(tokens[end - len(own) : end])))
        for own, end in zip(messages, ends, strict=True)
    ]


def _prefixes(folded: str) -> list[bytes]:
    match = _DIGITS.match(folded)
    if match is None:
        return []
    plus, digits = bytes([len(match[1])]), match[2][:PREFIX_DIGITS].encode()
    return [plus + digits[:n] for n in range(1, len(digits) + 1)]


def _networks(address: Address, length: int) -> list[bytes]:
    """A message for each network with tokens that holds the address's first `length` bits."""
    family = address.version
    return [
        bytes([family, bits]) + address.packed[: bits // 8]
        for bits in NET_LENGTHS[family]
        if bits <= length
    ]
