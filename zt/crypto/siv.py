"""AES-SIV envelopes: what a det ciphertext and an opaque blob look like.

    envelope = version(1) | suite(1) | kid(4) | SIV(16) | C          base64url without padding

AES-SIV (RFC 5297) with a 64-byte key is deterministic authenticated encryption: equal
plaintexts under equal associated data give equal ciphertexts, and nothing else is revealed but
the length. The 6-byte header is the first component of the associated data, and fills 8
characters exactly, so a prefix of the text shows the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from analytics.wire import decode_all, decode_bytes, encode_all, encode_bytes
from keys import Secret
from zt.errors import IntegrityError

VERSION = 1
SUITE = 1  # AES-256-SIV: 64-byte key
KEY_SIZE = 64  # bytes
HEADER_SIZE = 6  # bytes


def envelope_header(kid: bytes) -> bytes:
    """The 6 bytes that every envelope of an epoch starts with."""
    return bytes([VERSION, SUITE]) + kid


class Sealer:
    """Envelopes under one key of one epoch."""

    def __init__(self, key: Secret, kid: bytes) -> None:
        self.header = envelope_header(kid)
        self._siv = AESSIV(key.secret_key_access())

    def seal(self, plaintext: bytes, *context: bytes) -> str:
        """The envelope of a non-empty plaintext, bound to the context."""
        return encode_bytes(self.seal_bytes(plaintext, *context))

    def seal_all(self, plaintexts: Iterable[bytes], *context: bytes) -> list[str]:
        """The envelopes of non-empty plaintexts, all bound to the same context."""
        encrypt, header = self._siv.encrypt, self.header
        associated = [header, *context]
        return encode_all([header + encrypt(plaintext, associated) for plaintext in plaintexts])

    def seal_bytes(self, plaintext: bytes, *context: bytes) -> bytes:
        """The envelope before it is spelled as text."""
        return self.header + self._siv.encrypt(plaintext, [self.header, *context])

    def open(self, envelope: str, *context: bytes) -> bytes:
        """The plaintext.

        Raises:
            IntegrityError: altered, of another epoch, key or context, or not an envelope.
        """
        try:
            data = decode_bytes(envelope)
        except ValueError:
            raise _does_not_open() from None
        return self.open_bytes(data, *context)

    def open_all(self, envelopes: Sequence[str], *context: bytes) -> list[bytes]:
        """The plaintexts of envelopes that are all bound to the same context.

        Raises:
            IntegrityError: see `open`.
        """
        decrypt, start = self._siv.decrypt, encode_bytes(self.header)
        if not all(envelope.startswith(start) for envelope in envelopes):
            raise _does_not_open()  # another epoch, suite or version
        associated = [self.header, *context]
        try:
            return [decrypt(data[HEADER_SIZE:], associated) for data in decode_all(envelopes)]
        except (ValueError, InvalidTag):
            raise _does_not_open() from None

    def open_bytes(self, envelope: bytes, *context: bytes) -> bytes:
        """The plaintext of an envelope that was not spelled as text.

        Raises:
            IntegrityError: see `open`.
        """
        if envelope[:HEADER_SIZE] != self.header:  # another epoch, suite or version
            raise _does_not_open() from None
        try:
            return self._siv.decrypt(envelope[HEADER_SIZE:], [self.header, *context])
        except (ValueError, InvalidTag):
            raise _does_not_open() from None


def _does_not_open() -> IntegrityError:
    return IntegrityError(
        "a ciphertext does not open: it was altered, moved here from elsewhere, or "
        "belongs to another key",
        "get the data again from where it was made; check the ring with: zt-keys check",
    )
