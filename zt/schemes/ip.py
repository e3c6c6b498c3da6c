"""`ip`: addresses encrypted to addresses; IPv4 stays IPv4, IPv6 stays IPv6.

`fpe`, the default: FF1 (NIST SP 800-38G, AES-256) over the 32 or 128 bits, tweak LP(keyspace)
LP(4 or 6). `pfx`, which a profile must ask for: ipcrypt-pfx (draft-denis-ipcrypt), which keeps
prefixes.

Security: the cloud learns which addresses of a keyspace are equal, and their family. `fpe` is a
pseudo-random permutation of each family. `pfx` shows besides how many leading bits any two
addresses share, and falls to who can have addresses of his choice encrypted: about 17 packets
find an IPv4 address. Nothing authenticates itself: every address opens to some address. So
inside an event the seal proves a ciphertext, and alone its value record's tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from keys import KeyspaceKey, labels
from keys.derive import lp
from zt.crypto.aes import BlockCipher
from zt.crypto.ff1 import absorb, decrypt_halves, domain, encrypt_halves
from zt.crypto.ff1_column import FF1Column
from zt.crypto.ipcrypt_pfx import KEY_SIZE, IpcryptPfx
from zt.errors import IntegrityError
from zt.schemes.base import UnfitError
from zt.values.address import Address, Network, parse_address

Mode = Literal["fpe", "pfx"]


class _Address:
    """What both modes share: texts in, texts out."""

    proves_itself = False

    def canonical(self, value: Any) -> str:
        """The address's canonical text; see `zt.values.address`."""
        address = parse_address(value) if isinstance(value, str) else None
        if address is None:
            raise UnfitError("no address")
        return str(address)

    def protect(self, canonical: str) -> str:
        """An address of the same family."""
        address = parse_address(canonical)
        if address is None:
            raise UnfitError("no address")
        return str(self._crypt(address, decrypt=False))

    def protect_all(self, canonicals: Sequence[str]) -> list[str]:
        """An address of the same family for each."""
        return self._crypt_all([_as_it_stands(text) for text in canonicals], decrypt=False)

    def reveal(self, ciphertext: Any) -> str:
        """The address; only a seal or tag says whether it is the right one.

        Raises:
            IntegrityError: this is no address in its one spelling.
        """
        return str(self._crypt(_encrypted(ciphertext), decrypt=True))

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[str]:
        """The addresses; only seals or tags say whether they are the right ones.

        Raises:
            IntegrityError: see `reveal`.
        """
        return self._crypt_all(list(map(_encrypted, ciphertexts)), decrypt=True)

    def _crypt_all(self, addresses: Sequence[Address | None], *, decrypt: bool) -> list[str]:
        results = [""] * len(addresses)
        for kind, crypt in ((IPv4Address, self._v4), (IPv6Address, self._v6)):
            rows = [row for row, each in enumerate(addresses) if isinstance(each, kind)]
            packed = b"".join([each.packed for each in map(addresses.__getitem__, rows) if each])
            done = crypt(packed, decrypt).tobytes() if rows else b""
            size = len(done) // len(rows) if rows else 0
            for place, row in enumerate(rows):
                results[row] = str(kind(done[place * size : (place + 1) * size]))
        if not all(results):
            raise UnfitError("no address")
        return results

    def _crypt(self, address: Address, *, decrypt: bool) -> Address:
        raise AssertionError("each mode has its own")

    def _v4(self, packed: bytes, decrypt: bool) -> npt.NDArray[Any]:
        """A column of IPv4 addresses in network order, as the results come back too."""
        raise AssertionError("each mode has its own")

    def _v6(self, packed: bytes, decrypt: bool) -> npt.NDArray[Any]:
        """The same of IPv6 addresses."""
        raise AssertionError("each mode has its own")


class IpFpe(_Address):
    """FF1 over the bits of an address, within one keyspace and epoch."""

    name = "ip"

    def __init__(self, key: KeyspaceKey) -> None:
        subkey = key.subkey(labels.IP, 32)
        self._cipher = BlockCipher(subkey)
        self._column = FF1Column(subkey)
        self._tweaks = {version: lp(key.keyspace.encode(), bytes([version])) for version in (4, 6)}
        self._families = {}
        for version, width in ((4, 32), (6, 128)):
            shape = domain(2, width)
            state = absorb(self._cipher, shape, self._tweaks[version])
            self._families[version] = (shape, state, width // 2)

    def _crypt(self, address: Address, *, decrypt: bool) -> Address:
        shape, state, half = self._families[address.version]
        crypt = decrypt_halves if decrypt else encrypt_halves
        number = int(address)
        a, b = crypt(self._cipher, shape, state, number >> half, number & (1 << half) - 1)
        return type(address)(a << half | b)

    def _v4(self, packed: bytes, decrypt: bool) -> npt.NDArray[Any]:
        column = np.frombuffer(packed, ">u4").astype(np.uint32)
        return self._column.ipv4(column, self._tweaks[4], decrypt=decrypt).astype(">u4")

    def _v6(self, packed: bytes, decrypt: bool) -> npt.NDArray[Any]:
        column = np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2)
        return self._column.ipv6(column, self._tweaks[6], decrypt=decrypt).astype(">u8")


class IpPfx(_Address):
    """ipcrypt-pfx within one keyspace and epoch."""

    name = "pfx"

    def __init__(self, key: KeyspaceKey) -> None:
        self._cipher = IpcryptPfx(key.subkey(labels.PFX, KEY_SIZE))

    def network(self, network: Network) -> tuple[str, str]:
        """The first and the last address that the addresses of a network encrypt to."""
        first = int(self._cipher.encrypt(network.network_address))
        rest = (1 << network.max_prefixlen - network.prefixlen) - 1
        kind = type(network.network_address)
        return str(kind(first & ~rest)), str(kind(first | rest))

    def _crypt(self, address: Address, *, decrypt: bool) -> Address:
        if decrypt:
            return self._cipher.decrypt(address, mapped=False)
        return self._cipher.encrypt(address)

    def _v4(self, packed: bytes, decrypt: bool) -> npt.NDArray[Any]:
        column = np.frombuffer(packed, ">u4").astype(np.uint32)
        return self._cipher.ipv4(column, decrypt=decrypt).astype(">u4")

    def _v6(self, packed: bytes, decrypt: bool) -> npt.NDArray[Any]:
        column = np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2)
        return self._cipher.ipv6(column, decrypt=decrypt, mapped=False).astype(">u8")


def _as_it_stands(text: str) -> Address | None:
    """An address without taking IPv4-mapped ones for IPv4."""
    try:
        return IPv6Address(text) if ":" in text and "%" not in text else IPv4Address(text)
    except ValueError:
        return None


def _encrypted(ciphertext: Any) -> Address:
    """A ciphertext as an address.

    Raises:
        IntegrityError: this is no address in its one spelling.
    """
    address = _as_it_stands(ciphertext) if isinstance(ciphertext, str) else None
    if address is None or str(address) != ciphertext:
        raise IntegrityError(
            "a ciphertext is no encrypted address: it was altered or moved here from elsewhere",
            "get the data again from where it was made",
        )
    return address
