"""Other libraries, as their users call them: for the fields of an event, and for one value.

Each function here makes its keys once, and gives what to call for every line or value; None where
its library is not installed.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pyffx
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

Line = Callable[[bytes], bytes]
"""One event to one encrypted event."""

Value = Callable[[str], object]
"""One value to one ciphertext."""

GRAM = 3  # code points

try:
    import ipcrypt
except ImportError:
    ipcrypt = None
try:
    import ffx
except ImportError:
    ffx = None
try:
    import tink
    from tink import daead
except ImportError:
    tink = None
try:
    import bson
    from pymongocrypt.mongocrypt import MongoCryptOptions
    from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
    from pymongocrypt.synchronous.state_machine import MongoCryptCallback
except ImportError:
    bson = None


# --- deterministic authenticated encryption, every value of a flat event -----------------------


def aessiv() -> Line:
    """`cryptography`'s AES-SIV."""
    siv = AESSIV(AESSIV.generate_key(512))
    return _each_value(lambda path, value: siv.encrypt(value.encode(), [path]))


def tink_siv() -> Line | None:
    """tink's deterministic AEAD, which is AES-SIV."""
    if tink is None:
        return None
    daead.register()
    template = daead.deterministic_aead_key_templates.AES256_SIV
    primitive = tink.new_keyset_handle(template).primitive(daead.DeterministicAead)
    return _each_value(
        lambda path, value: primitive.encrypt_deterministically(value.encode(), path)
    )


def mongo() -> Line | None:
    """pymongocrypt's explicit deterministic encryption, AEAD_AES_256_CBC_HMAC_SHA_512.

    The data key comes from a vault in this process, under a local master key.
    """
    if bson is None:
        return None
    encrypter = ExplicitEncrypter(_Vault(), MongoCryptOptions({"local": {"key": os.urandom(96)}}))
    key = encrypter.create_data_key("local")
    algorithm = "AEAD_AES_256_CBC_HMAC_SHA_512-Deterministic"

    def encrypt(path: bytes, value: str) -> bytes:
        done = encrypter.encrypt(bson.encode({"v": value}), algorithm, key_id=bytes(key))
        encrypted: bytes = bson.decode(done)["v"]
        return encrypted

    return _each_value(encrypt)


def _each_value(encrypt: Callable[[bytes, str], bytes]) -> Line:
    def encrypt_line(line: bytes) -> bytes:
        event = {
            path: urlsafe_b64encode(encrypt(path.encode(), value)).decode()
            for path, value in msgspec.json.decode(line).items()
        }
        return msgspec.json.encode(event) + b"\n"

    return encrypt_line


if bson is not None:

    class _Vault(MongoCryptCallback):  # type: ignore[misc]
        """A key vault that holds one data key, in memory."""

        def __init__(self) -> None:
            self._keys: list[bytes] = []

        def insert_data_key(self, data_key: bytes) -> Any:
            self._keys.append(data_key)
            return bson.decode(data_key)["_id"]

        def fetch_keys(self, filter: bytes) -> list[bytes]:
            return self._keys

        def bson_encode(self, doc: Any) -> bytes:
            encoded: bytes = bson.encode(doc)
            return encoded

        def kms_request(self, kms_context: Any) -> None:
            raise NotImplementedError("a local master key needs no service")

        def collection_info(self, database: str, filter: bytes) -> None:
            raise NotImplementedError("only explicit encryption")

        def mark_command(self, database: str, cmd: bytes) -> None:
            raise NotImplementedError("only explicit encryption")

        def close(self) -> None:
            self._keys.clear()


# --- one value ---------------------------------------------------------------------------------


def pyffx_number() -> Value:
    """pyffx's own cipher: HMAC-SHA-1, no NIST FF1; strings of 12 digits."""
    encrypt: Value = pyffx.String(os.urandom(32), "0123456789", 12).encrypt
    return encrypt


def libffx_number() -> Value | None:
    """libffx: NIST FF1 by AES-256."""
    if ffx is None:
        return None
    encrypt: Value = ffx.FF1(os.urandom(32), radix=10).encrypt
    return encrypt


def ipcrypt_value(way: str, key_size: int) -> Value | None:
    """ipcrypt's `deterministic` or `pfx`."""
    if ipcrypt is None:
        return None
    encrypt, key = getattr(ipcrypt, f"{way}_encrypt"), os.urandom(key_size)
    return lambda value: encrypt(value, key)


def hmac_grams() -> Value:
    """An HMAC for each gram."""
    key = os.urandom(32)
    return lambda value: gram_tokens(key, value)


def gram_tokens(key: bytes, value: str) -> set[int]:
    """The first 4 bytes of an HMAC of each gram of the folded value."""
    text = value.casefold()
    return {
        int.from_bytes(hmac.digest(key, text[i : i + GRAM].encode(), "sha256")[:4], "big")
        for i in range(len(text) - GRAM + 1)
    }
