"""ipcrypt-pfx: prefix-preserving encryption of IP addresses (draft-denis-ipcrypt).

An address is 16 bytes, an IPv4 address those of its IPv4-mapped form, of which only the last 32
bits are encrypted. Each bit is XORed with the last bit of AES(K1, p) ^ AES(K2, p), where p holds
the bits before it behind a one. The XOR of two permutations keeps that bit pseudo-random beyond
the birthday bound of one, which is why the two keys must differ: equal ones would cancel out, and
encrypt nothing.

Security: two addresses of one family share exactly as many leading bits encrypted as they do
plain, and that is far more than equality. Who can have chosen addresses encrypted, or recognises
some, learns every prefix that they share with others: for IPv4, some 17 well-chosen packets find
an address. Nothing is authenticated. An IPv6 address whose ciphertext falls into ::ffff:0:0/96
would decrypt as an IPv4 address: the draft accepts that, at a chance of 2**-96.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import numpy as np
import numpy.typing as npt

from keys import Secret
from zt.crypto.aes import BLOCK, BlockCipher

KEY_SIZE = 32  # bytes: two AES-128 keys
ADDRESS = 128  # bits
MAPPED = 0xFFFF  # the first 96 bits of an IPv4-mapped address
MAPPED_BITS = 96

Address = IPv4Address | IPv6Address

Words = npt.NDArray[np.uint64]
"""Shape (n, 2): the high and the low 64 bits of an address a row."""

Numbers = npt.NDArray[np.uint64]
"""Shape (n,)."""


class IpcryptPfx:
    """ipcrypt-pfx under one key, for single addresses and for columns.

    Not thread-safe: one each.
    """

    def __init__(self, key: Secret) -> None:
        """
        Raises:
            ValueError: the key has not 32 bytes, or its halves are equal.
        """
        if len(key) != KEY_SIZE:
            raise ValueError(f"an ipcrypt-pfx key has {KEY_SIZE} bytes")
        first = Secret(key.secret_key_access()[:BLOCK])
        second = Secret(key.secret_key_access()[BLOCK:])
        if first == second:
            raise ValueError("the halves of an ipcrypt-pfx key must differ: equal ones cancel out")
        self._ciphers = (BlockCipher(first), BlockCipher(second))

    # --- one address: the reference ----------------------------------------------------------

    def encrypt(self, address: Address) -> Address:
        """The encrypted address; IPv4 for an IPv4-mapped one, as the draft converts them."""
        return self._one(address, decrypt=False)

    def decrypt(self, address: Address, *, mapped: bool = True) -> Address:
        """The address that was encrypted; IPv4 for an IPv4-mapped one, unless `mapped` is false.

        Who has encrypted IPv4-mapped addresses as IPv4 needs `mapped=False`: an IPv6 ciphertext
        of his that looks mapped is none.
        """
        return self._one(address, decrypt=True, mapped=mapped)

    def _one(self, address: Address, *, decrypt: bool, mapped: bool = True) -> Address:
        v4 = address if isinstance(address, IPv4Address) else address.ipv4_mapped
        if not mapped and isinstance(address, IPv6Address):
            v4 = None
        number, width = (int(address), ADDRESS) if v4 is None else (int(v4), v4.max_prefixlen)
        prefix = 1 if v4 is None else 1 << MAPPED_BITS | MAPPED
        result = 0
        for place in reversed(range(width)):
            bit = number >> place & 1
            other = bit ^ self._bit(prefix)
            result = result << 1 | other
            prefix = prefix << 1 | (other if decrypt else bit)
        return IPv6Address(result) if v4 is None else IPv4Address(result)

    def _bit(self, prefix: int) -> int:
        """The pseudo-random bit behind a prefix; a one stands before the prefix."""
        block = prefix.to_bytes(BLOCK, "big")
        one, other = (cipher.block(block)[-1] for cipher in self._ciphers)
        return (one ^ other) & 1

    # --- columns -----------------------------------------------------------------------------

    def ipv4(
        self, addresses: npt.NDArray[np.uint32], *, decrypt: bool = False
    ) -> npt.NDArray[np.uint32]:
        """IPv4 addresses as numbers, shape (n,).

        Raises:
            TypeError: another type of array.
        """
        if addresses.dtype != np.uint32:
            raise TypeError("IPv4 addresses come as uint32")
        words = np.empty((len(addresses), 2), np.uint64)
        words[:, 0] = 0
        words[:, 1] = addresses
        return self._mapped(words, decrypt=decrypt)[:, 1].astype(np.uint32)

    def ipv6(self, addresses: Words, *, decrypt: bool = False, mapped: bool = True) -> Words:
        """IPv6 addresses, shape (n, 2), high and low 64 bits; IPv4-mapped ones stay mapped.

        Unless `mapped` is false: see `decrypt`.

        Raises:
            TypeError: another type of array.
        """
        if addresses.dtype != np.uint64 or addresses.shape[1:] != (2,):
            raise TypeError("IPv6 addresses come as pairs of uint64")
        v4 = (addresses[:, 0] == 0) & (addresses[:, 1] >> np.uint64(32) == MAPPED) & mapped
        results: Words = np.empty_like(addresses)
        results[v4] = self._mapped(addresses[v4], decrypt=decrypt)
        results[~v4] = self._levels(addresses[~v4], (0, 1), ADDRESS, decrypt=decrypt)
        return results

    def _mapped(self, words: Words, *, decrypt: bool) -> Words:
        """The last 32 bits of each address encrypted behind the prefix ::ffff:0:0/96."""
        start = divmod(1 << MAPPED_BITS | MAPPED, 1 << 64)
        results = self._levels(words, start, ADDRESS - MAPPED_BITS, decrypt=decrypt)
        results[:, 1] |= np.uint64(MAPPED << 32)
        return results

    def _levels(self, words: Words, start: tuple[int, int], width: int, *, decrypt: bool) -> Words:
        """The last `width` bits of each address, level by level, behind the prefix `start`.

        Rows are sorted, so that those with a common prefix are neighbours: each level encrypts
        each distinct prefix once. Ciphertexts share the same prefixes as their plaintexts, so
        this holds in both directions.
        """
        order = np.lexsort((words[:, 1], words[:, 0]))
        source = words[order]
        high, low = (np.full(len(source), word, np.uint64) for word in start)
        result = np.zeros_like(source)
        # where a row's prefix differs from that of the row before
        new = np.zeros(len(source), np.bool_)
        new[:1] = True
        for place in reversed(range(width)):
            word = 1 - place // 64
            shift = np.uint64(place % 64)
            bit = source[:, word] >> shift & np.uint64(1)
            other = bit ^ self._bits(high, low, new)
            result[:, word] |= other << shift
            high = high << np.uint64(1) | low >> np.uint64(63)
            low = low << np.uint64(1) | (other if decrypt else bit)
            new[1:] |= bit[1:] != bit[:-1]
        results: Words = np.empty_like(result)
        results[order] = result
        return results

    def _bits(self, high: Numbers, low: Numbers, new: npt.NDArray[np.bool_]) -> Numbers:
        """The pseudo-random bit behind each row's prefix, computed where the prefix is new."""
        blocks = np.empty((np.count_nonzero(new), 2), ">u8")
        blocks[:, 0] = high[new]
        blocks[:, 1] = low[new]
        data = blocks.view(np.uint8).reshape(-1, BLOCK)
        one, other = (cipher.blocks(data)[:, -1] for cipher in self._ciphers)
        bits: Numbers = ((one ^ other) & 1).astype(np.uint64)[np.cumsum(new) - 1]
        return bits

    def __repr__(self) -> str:
        return "<IpcryptPfx>"
