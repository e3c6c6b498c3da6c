"""Sections 1 and 2 of docs/formats.md: conventions, compact JSON, plaintext."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Json = dict[str, Any]
MAX_LINE = 8 * 1024 * 1024
MAX_LEVELS = 128


def uint32(number: int) -> bytes:
    return struct.pack(">I", number)


def lp(*parts: bytes) -> bytes:
    return b"".join(uint32(len(part)) + part for part in parts)


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Strict base64url."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise ValueError("no base64url")
    data = urlsafe_b64decode(text + "==")
    if b64(data) != text:
        raise ValueError("unused bits are set")
    return data


def b32(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()


def unb32(text: str) -> bytes:
    """Strict base32."""
    if not re.fullmatch(r"[a-z2-7]*", text):
        raise ValueError("no base32")
    data = b32decode(text.upper() + "=" * (-len(text) % 8))
    if b32(data) != text:
        raise ValueError("unused bits are set")
    return data


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA512(), length=length, salt=b"zt/v1", info=info).derive(secret)


def mac(key: bytes, message: bytes) -> str:
    assert len(key) == 32
    return b64(hashlib.blake2b(message, key=key, digest_size=16).digest())


def digest16(message: bytes, person: bytes = b"") -> str:
    return b64(hashlib.blake2b(message, digest_size=16, person=person).digest())


# --- compact JSON ----------------------------------------------------------------------------


def float_text(value: float) -> str:
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0.0"
    _, digits, exponent = Decimal(repr(abs(value))).as_tuple()
    assert isinstance(exponent, int)
    padded = "".join(map(str, digits)).lstrip("0")
    d = padded.rstrip("0")
    k = len(padded) + exponent
    if len(d) <= k <= 16:
        text = d.ljust(k, "0") + ".0"
    elif 0 < k <= 16:
        text = f"{d[:k]}.{d[k:]}"
    elif -5 < k <= 0:
        text = "0." + "0" * -k + d
    else:
        text = d[0] + ("." + d[1:] if d[1:] else "") + f"e{k - 1}"
    return sign + text


_SHORT = {8: r"\b", 9: r"\t", 10: r"\n", 12: r"\f", 13: r"\r", 34: r"\"", 92: r"\\"}
_ESCAPES = {code: f"\\u{code:04x}" for code in range(32)} | _SHORT


def compact(value: Any, *, ordered: bool = False) -> str:
    """Compact JSON; `ordered`: sorted."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case list() | tuple():
            return "[" + ",".join(compact(item, ordered=ordered) for item in value) + "]"
    assert isinstance(value, dict)
    keys = sorted(value, key=lambda key: str(key).encode()) if ordered else value
    entries = (f"{compact(key)}:{compact(value[key], ordered=ordered)}" for key in keys)
    return "{" + ",".join(entries) + "}"


# --- section 2: plaintext --------------------------------------------------------------------


def _distinct(pairs: list[tuple[str, Any]]) -> Json:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a float is out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > 4300:
        raise ValueError("an integer is too long")
    return int(text)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def read_json(raw: bytes, levels: int = MAX_LEVELS) -> Any:
    """JSON as section 2 wants it."""
    value = json.loads(
        raw.decode("utf-8"),
        object_pairs_hook=_distinct,
        parse_float=_finite,
        parse_int=_integer,
        parse_constant=_no_constant,
    )
    _check(value, levels)
    return value


def _check(value: Any, levels: int) -> None:
    if isinstance(value, str):
        value.encode()  # raises for lone surrogates, by a ValueError
    if isinstance(value, dict | list):
        if levels == 0:
            raise ValueError("nested too deeply")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(item, levels - 1)


def read_event(raw: bytes) -> Json:
    """A line, without its end, as an event."""
    if len(raw) > MAX_LINE:
        raise ValueError("too long")
    event = read_json(raw)
    if not isinstance(event, dict):
        raise ValueError("no object")
    if any(key == "zt" or key.startswith("zt.") for key in event):
        raise ValueError("a key at the top is reserved")
    if is_ambiguous(event):
        raise ValueError("a path stands twice")
    return event


def is_ambiguous(value: Any) -> bool:
    """Whether an object in it has two fields of one path."""
    if isinstance(value, list):
        return any(map(is_ambiguous, value))
    if not isinstance(value, dict):
        return False
    found = list(fields(value))
    paths = [path for path, _ in found]
    return len(set(paths)) < len(paths) or any(is_ambiguous(v) for _, v in found)


def places(event: Json, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Keys and value of every field: every value that is no object with entries."""
    for key, value in event.items():
        if isinstance(value, dict) and value:
            yield from places(value, (*above, key))
        else:
            yield (*above, key), value


def fields(event: Json) -> Iterator[tuple[str, Any]]:
    """Path and value of every field."""
    for keys, value in places(event):
        yield ".".join(keys), value


def positioned(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Position and event of every line of a stream that is not empty."""
    position = 0
    for line in BytesIO(data):  # up to each LF
        if event := line.rstrip(b"\r\n"):
            yield position, event
        position += len(line)
