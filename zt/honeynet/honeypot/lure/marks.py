"""Nonces and tags that the honeypot knows again without having kept them.

Both carry a MAC (keyed BLAKE2b, RFC 7693) under the honeypot's secret, so that no flood of requests
costs memory, and nobody can make one up.

- A **nonce** (RFC 7616 section 3.3) is bound to the address that it was sent to, the one that sent
  it, the transport, and the time. Who sends it back has received it: the address is no mere claim.
  It is not bound to the port, which a NAT may change. Its MAC has 64 bits: forging one takes 2^63
  messages on average, within the nonce's life. What is left to an attacker is to prove an address
  at which he receives, which is what a proof means.
- A **tag** (RFC 3261 section 19.3) is bound to the sender's address and port, Call-ID and From tag:
  a retransmitted request gets the same one, and a stranger can't guess it (40 bits).
"""

from __future__ import annotations

import base64
import binascii
from enum import Enum
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, Literal, TypeAlias

from zt.sip import Datagram

SLOT: Final = 10_000_000  # microseconds; nonces of one source change that often
_SLOTS: Final = 1 << 16  # that a nonce can tell apart: a week
_MAC: Final = 8  # bytes
_SECRET: Final = 16  # bytes at least

Spelling: TypeAlias = Literal["hex", "base64"]


class Verdict(Enum):
    """What a nonce is worth."""

    FOREIGN = 0  # not given to this source by this honeypot
    STALE = 1  # given to it, too long ago
    GOOD = 2


class Marks:
    """Makes nonces and tags, and knows them again.

    Args:
        secret: at least 16 random bytes; who knows them can forge all marks.
        life: seconds that a nonce holds; at most a day.
        spelling: of nonces.
    """

    def __init__(self, secret: bytes, life: int, spelling: Spelling = "hex") -> None:
        if len(secret) < _SECRET:
            raise ValueError(f"the secret has less than {_SECRET} bytes")
        if not 1 <= life <= 86_400:
            raise ValueError("a nonce lives for a second at least, and for a day at most")
        self._key = blake2b(secret, digest_size=32, person=b"zt honeypot mark").digest()
        self._life = -(-life * 1_000_000 // SLOT)  # slots, rounded up
        self._is_hex = spelling == "hex"

    def nonce(self, source: Datagram, now: int) -> str:
        """A nonce for whoever receives at the address that a message claims to come from."""
        slot = now // SLOT
        raw = (slot % _SLOTS).to_bytes(2) + self._nonce_mac(source, slot)
        return raw.hex() if self._is_hex else base64.b64encode(raw).decode()

    def verdict(self, nonce: bytes, source: Datagram, now: int) -> Verdict:
        """Whether a nonce that came in a message was given to its source, and not too long ago."""
        try:
            raw = bytes.fromhex(nonce.decode()) if self._is_hex else base64.b64decode(nonce)
        except (ValueError, binascii.Error):
            return Verdict.FOREIGN
        if len(raw) != 2 + _MAC:
            return Verdict.FOREIGN
        newest = now // SLOT
        age = (newest - int.from_bytes(raw[:2])) % _SLOTS
        if not compare_digest(raw[2:], self._nonce_mac(source, newest - age)):
            return Verdict.FOREIGN
        return Verdict.GOOD if age <= self._life else Verdict.STALE

    def tag(self, source: Datagram, call_id: bytes, from_tag: str) -> str:
        """The To tag for all that a sender says in one dialog: ten hexadecimal digits."""
        place = b"%b%d/" % (source.src, source.src_port)
        return self._mac(b"tag", place, call_id, from_tag.encode())[:5].hex()

    def number(self, what: bytes, *texts: bytes) -> int:
        """A number below 2^64 that hangs on the texts and looks random: the same each time."""
        return int.from_bytes(self._mac(what, *texts))

    def _nonce_mac(self, source: Datagram, slot: int) -> bytes:
        name = source.transport.encode()
        return self._mac(b"nonce", source.src, source.dst, name, b"%d" % slot)

    def _mac(self, what: bytes, *texts: bytes) -> bytes:
        """Over a list of texts, each with its length, so that no two lists are alike."""
        data = b"".join([b"%d:%b" % (len(text), text) for text in texts])
        return blake2b(data, digest_size=_MAC, key=self._key, person=what).digest()
