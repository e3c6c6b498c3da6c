"""`fpe`: strings of digits encrypted to strings of digits, by FF1 (NIST SP 800-38G).

AES-256; tweak: LP(keyspace), then what stays clear at the front, its `+` included. `keep` leaves
the country code or a number of digits clear. pyffx is the codec between digits and numerals;
its own cipher is no NIST FF1 and is not used.

Security: the cloud learns which numbers of a keyspace are equal, how long they are, whether they
have a `+`, and the digits that `keep` leaves. Within numbers of one length and clear part the
ciphertext is a pseudo-random permutation: an adversary who has seen q of them guesses another
one among those that are left, and no domain has fewer than 1,000,000. Nothing authenticates
itself: every string of digits opens to something. So inside an event the seal proves a
ciphertext, and alone its value record's tag.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyffx

from keys import KeyspaceKey, labels
from keys.derive import lp
from zt.crypto.ff1 import MIN_DOMAIN, FF1Engine
from zt.crypto.ff1_column import FF1Column
from zt.errors import IntegrityError
from zt.schemes.base import UnfitError
from zt.values.number import MAX_DIGITS, Keep, is_number, split_number

MIN_DIGITS = len(str(MIN_DOMAIN - 1))


class Fpe:
    """Format-preserving encryption of numbers within one keyspace and epoch.

    Attributes:
        name: says what stays clear, since another `keep` opens a ciphertext to another number:
            so no value record of one profile proves a number under another one.
    """

    proves_itself = False

    def __init__(self, key: KeyspaceKey, keep: Keep = 0) -> None:
        self._key = key.subkey(labels.FPE, 32)
        self._keyspace = lp(key.keyspace.encode())
        self._keep: Keep = keep
        self.name = f"fpe:{keep}" if keep else "fpe"
        self._column = FF1Column(self._key)
        self._codec = lru_cache(maxsize=1024)(self._make_codec)

    def canonical(self, value: Any) -> str:
        """The number's digits as text, with its `+`; an integer's decimal digits."""
        text = value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**MAX_DIGITS:
            text = str(value)
        if not isinstance(text, str) or not is_number(text):
            raise UnfitError("no string of digits")
        parts = split_number(text, self._keep)
        if parts is None or len(parts[1]) < MIN_DIGITS:
            raise UnfitError("fewer than 1,000,000 possible numbers")
        return text

    def protect(self, canonical: str) -> str:
        """As many digits, behind the same clear part."""
        return self._crypt(canonical, "encrypt")

    def protect_all(self, canonicals: Sequence[str]) -> list[str]:
        """As many digits for each, behind the same clear part."""
        return self._crypt_all(canonicals, decrypt=False)

    def reveal(self, ciphertext: Any) -> str:
        """The number; only a seal or tag says whether it is the right one.

        Raises:
            IntegrityError: this can be no ciphertext of this field.
        """
        try:
            if not isinstance(ciphertext, str):
                raise UnfitError("no string of digits")
            return self._crypt(self.canonical(ciphertext), "decrypt")
        except UnfitError:
            raise _no_number() from None

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[str]:
        """The numbers; only seals or tags say whether they are the right ones.

        Raises:
            IntegrityError: one can be no ciphertext of this field.
        """
        try:
            return self._crypt_all(list(map(self.canonical, ciphertexts)), decrypt=True)
        except UnfitError:
            raise _no_number() from None

    def _crypt(self, text: str, way: str) -> str:
        parts = split_number(text, self._keep)
        if parts is None:
            raise UnfitError("no country code")
        clear, digits = parts
        done: str = getattr(self._codec(clear, len(digits)), way)(digits)
        return clear + done

    def _crypt_all(self, texts: Sequence[str], *, decrypt: bool) -> list[str]:
        parts = [split_number(text, self._keep) for text in texts]
        if not all(parts):
            raise UnfitError("no country code")
        clear = [part[0] for part in parts if part]
        tweaks = [self._keyspace + each.encode() for each in clear]
        done = self._column.strings([part[1] for part in parts if part], tweaks, decrypt=decrypt)
        return list(map(str.__add__, clear, done))

    def _make_codec(self, clear: str, length: int) -> pyffx.String:
        engine = FF1Engine(self._key, self._keyspace + clear.encode())
        return pyffx.String(engine, string.digits, length)


def _no_number() -> IntegrityError:
    return IntegrityError(
        "a ciphertext is no encrypted number: it was altered or moved here from elsewhere",
        "get the data again from where it was made",
    )
