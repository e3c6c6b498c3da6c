"""What a user would write with pyffx, HMAC and ipcrypt: a loop, event by event."""

from __future__ import annotations

import hmac
import os
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import pyffx
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .events import ADDRESSES, CLEAR, DET_FIELDS, NUMBERS, SEARCHED
from .rivals import Line, gram_tokens, ipcrypt_value

REMEMBERED = 200_000  # values of each kind, as many as the encoder carries over


def json_alone(line: bytes) -> bytes:
    """What no encoder can save: an event parsed and written again."""
    return msgspec.json.encode(msgspec.json.decode(line))


def loop(*, keeps_format: bool = True, remembers: bool = False) -> Line | None:
    """Event by event: pyffx for numbers, HMAC-SHA-256 for det fields and for each gram of the
    searched ones, ipcrypt for addresses, AES-GCM for the rest, and an HMAC over the whole as seal.

    Args:
        keeps_format: an IPv4 address stays one, as ipcrypt's `pfx` does it; else its faster
            deterministic encryption makes IPv6 addresses of all.
        remembers: the same with an lru_cache before each of them.
    """
    address = ipcrypt_value("pfx", 32) if keeps_format else ipcrypt_value("deterministic", 16)
    if address is None:
        return None
    det, number, grams = _det(), _number(), _grams()
    if remembers:
        det, number = lru_cache(REMEMBERED)(det), lru_cache(REMEMBERED)(number)
        grams, address = lru_cache(REMEMBERED)(grams), lru_cache(REMEMBERED)(address)
    rest, seal_key = AESGCM(os.urandom(32)), os.urandom(32)

    def encrypt(line: bytes) -> bytes:
        found = dict(_leaves(msgspec.json.decode(line), ""))
        event: dict[str, Any] = {path: found.pop(path) for path in CLEAR}
        for path in SEARCHED:
            event[path + ".tokens"] = grams(found[path])
        for path in DET_FIELDS:
            event[path] = det(found.pop(path))
        for path in NUMBERS:
            event[path] = number(found.pop(path))
        for path in ADDRESSES:
            event[path] = str(address(found.pop(path)))
        nonce = os.urandom(12)
        blob = nonce + rest.encrypt(nonce, msgspec.json.encode(found), None)
        event["opaque"] = b64encode(blob).decode()
        seal = hmac.digest(seal_key, msgspec.json.encode(event), "sha256")
        event["seal"] = b64encode(seal).decode()
        return msgspec.json.encode(event) + b"\n"

    return encrypt


def _det() -> Callable[[str], str]:
    key = os.urandom(32)
    return lambda value: hmac.digest(key, value.encode(), "sha256").hex()


def _number() -> Callable[[str], str]:
    key = os.urandom(32)
    codecs: dict[int, pyffx.String] = {}

    def number(value: str) -> str:
        codec = codecs.get(len(value))
        if codec is None:
            codec = codecs[len(value)] = pyffx.String(key, "0123456789", len(value))
        encrypted: str = codec.encrypt(value)
        return encrypted

    return number


def _grams() -> Callable[[str], list[int]]:
    key = os.urandom(32)
    return lambda value: sorted(gram_tokens(key, value))


def _leaves(branch: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in branch.items():
        if isinstance(value, dict):
            found += _leaves(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, value))
    return found
