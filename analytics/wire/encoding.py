"""Spellings that both sides must agree on: bytes, scalars and times as text.

Decoding is strict: exactly one text decodes to given bytes, so that an altered spelling is an
altered message.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec

MICROSECONDS = 1_000_000
"""Microseconds in a second; all times on the wire and in stores are int64 microseconds, UTC."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_FRACTION = re.compile(r"\.(\d+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode_bytes(data: bytes) -> str:
    """Base64url without padding (RFC 4648, sections 3.2 and 5)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_bytes(text: str) -> bytes:
    """The bytes that `encode_bytes` made into this text.

    Raises:
        ValueError: for any text that `encode_bytes` can't have made, unused bits set included.
    """
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url without padding")
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url without padding") from error
    if encode_bytes(data) != text:
        raise ValueError("not the one spelling of these bytes")
    return data


def scalar_text(value: Any) -> str | None:
    """A scalar as the text by which it is grouped, compared and searched.

    Strings stand for themselves, numbers and booleans for their JSON text, so a clear `1` and
    `"1"` are one group in every store. Null and containers are no values and have no text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode("ascii")
    return None


def parse_time(text: str) -> int:
    """An RFC 3339 time (or one without a zone, taken as UTC) in microseconds since 1970.

    Digits beyond microseconds are cut off.

    Raises:
        ValueError: when the text is no such time.
    """
    text = _FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), text, count=1)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * MICROSECONDS + delta.microseconds


def format_time(microseconds: int) -> str:
    """Microseconds since 1970 as an RFC 3339 time in UTC with six digits and `Z`."""
    seconds, fraction = divmod(microseconds, MICROSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"
