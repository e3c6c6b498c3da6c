"""`det`: deterministic authenticated encryption by AES-SIV (RFC 5297).

Security: the cloud learns which values of a keyspace are equal (within and across events and
the fields that share the keyspace), hence how often each occurs, and each value's length in
bytes; nothing else. For a field with few or well-known values that is enough to guess them by
frequency: such fields belong into `opaque`. Ciphertexts authenticate themselves; one moved to a
field of another keyspace or epoch does not open.

The plaintext is a type byte and the value, so it is never empty and opening gives the JSON type
back:

    s UTF-8    i decimal    f binary64, big-endian    b 00 or 01    n (null)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NoReturn

from analytics.wire import MAX_DET_BYTES, encode_bytes
from keys import KeyspaceKey, labels, not_granted
from zt.crypto.siv import KEY_SIZE, Sealer, envelope_header
from zt.errors import IntegrityError
from zt.schemes.base import UnfitError


class Det:
    """Deterministic encryption within one keyspace and epoch."""

    name = "det"
    proves_itself = True

    def __init__(self, key: KeyspaceKey) -> None:
        self._sealer = Sealer(key.subkey(labels.DET, KEY_SIZE), key.kid)
        self._context = key.keyspace.encode()
        self._prefix = encode_bytes(envelope_header(key.kid))

    def canonical(self, value: Any) -> Any:
        """The value itself: nothing is normalised."""
        return value

    def protect(self, canonical: Any) -> str:
        """The det envelope of a scalar of up to 8 KiB.

        Raises:
            UnfitError: the value is longer.
        """
        plaintext = encode_scalar(canonical)
        if len(plaintext) > MAX_DET_BYTES + 1:
            raise UnfitError("longer than 8 KiB")
        return self._sealer.seal(plaintext, self._context)

    def protect_all(self, canonicals: Sequence[Any]) -> list[str]:
        """The det envelopes of scalars of up to 8 KiB.

        Raises:
            UnfitError: a value is longer.
        """
        plaintexts = [
            b"s" + value.encode() if type(value) is str else encode_scalar(value)
            for value in canonicals
        ]
        if max(map(len, plaintexts), default=0) > MAX_DET_BYTES + 1:
            raise UnfitError("longer than 8 KiB")
        return self._sealer.seal_all(plaintexts, self._context)

    def made(self, ciphertext: Any) -> bool:
        """Whether a ciphertext has the form of this scheme's, in this epoch."""
        return isinstance(ciphertext, str) and ciphertext.startswith(self._prefix)

    def reveal(self, ciphertext: Any) -> Any:
        """The scalar in the envelope.

        Raises:
            IntegrityError: see `Sealer.open`.
        """
        if not isinstance(ciphertext, str):
            raise IntegrityError(
                "a ciphertext was replaced by something that is none",
                "get the data again from where it was made",
            )
        return _decoded(self._sealer.open(ciphertext, self._context))

    def reveal_all(self, ciphertexts: Sequence[str]) -> list[Any]:
        """The scalars in the envelopes.

        Raises:
            IntegrityError: see `Sealer.open`.
        """
        return [
            plaintext[1:].decode() if plaintext.startswith(b"s") else _decoded(plaintext)
            for plaintext in self._sealer.open_all(ciphertexts, self._context)
        ]


class Withheld(Det):
    """In the place of `det` in a keyspace that a reader ring does not open."""

    def __init__(self, kid: bytes, keyspace: str) -> None:
        self._prefix = encode_bytes(envelope_header(kid))
        self._keyspace = keyspace

    def protect(self, canonical: Any) -> str:
        """Refused: see `reveal`."""
        return self.reveal(canonical)

    def protect_all(self, canonicals: Sequence[Any]) -> list[str]:
        """Refused: see `reveal`."""
        return self.reveal(canonicals)

    def reveal(self, ciphertext: Any) -> NoReturn:
        """Refused.

        Raises:
            GrantError: always.
        """
        raise not_granted(self._keyspace)

    def reveal_all(self, ciphertexts: Sequence[str]) -> list[Any]:
        """Refused: see `reveal`."""
        return self.reveal(ciphertexts)


def _decoded(plaintext: bytes) -> Any:
    try:
        return decode_scalar(plaintext)
    except (ValueError, struct.error):
        raise IntegrityError(
            "a ciphertext holds a value that this release does not know",
            "open it with the release of zt-analytics that wrote it, or a newer one",
        ) from None


def scalar_type(value: Any) -> bytes:
    """The type byte of a leaf; empty containers have one too, since seals cover them."""
    if isinstance(value, str):
        return b"s"
    if isinstance(value, bool):  # before int, whose subclass it is
        return b"b"
    if isinstance(value, int):
        return b"i"
    if isinstance(value, float):
        return b"f"
    if value is None:
        return b"n"
    return b"o" if isinstance(value, dict) else b"a"


def scalar_bytes(value: Any) -> bytes:
    """The bytes of a leaf behind its type byte; null and empty containers have none."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return b"\x01" if value else b"\x00"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return struct.pack(">d", value)
    return b""


def encode_scalar(value: Any) -> bytes:
    """A scalar as the plaintext of an envelope."""
    return scalar_type(value) + scalar_bytes(value)


def decode_scalar(plaintext: bytes) -> Any:
    """The scalar that `encode_scalar` encoded; the plaintext is authentic when this is called."""
    data = plaintext[1:]
    match plaintext[:1]:
        case b"s":
            return data.decode()
        case b"i":
            return int(data)
        case b"f":
            return struct.unpack(">d", data)[0]
        case b"b":
            return data == b"\x01"
    return None
