"""Spellings that both sides must agree on: bytes, scalars and times as text.

Decoding is strict: exactly one text decodes to given bytes, so that an altered spelling is an
altered message.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

MICROSECONDS = 1_000_000
"""Microseconds in a second; all times on the wire and in stores are int64 microseconds, UTC."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ]((?:[01]\d|2[0-3]):\d\d(?::\d\d)?)(?:(?<=:\d\d:\d\d)\.(\d+))?"
    r"([Zz]|[+-]\d\d:?[0-5]\d)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = -62_135_596_800 * MICROSECONDS  # of the year 1
_END = 253_402_300_800 * MICROSECONDS  # of the year 9999


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
    """An RFC 3339 time in microseconds since 1970.

    A date alone is its midnight, seconds may be missing, a time without a zone is UTC, and a
    zone may lack its colon, as Suricata writes it.
    Digits beyond microseconds are cut off. The grammar is stated here and not left to the
    library, whose own differs from release to release: both sides must agree on what a time is.

    Raises:
        ValueError: when the text is no such time, or lies outside the years 1 to 9999 in UTC.
    """
    if not (match := _TIME.fullmatch(text)):
        raise ValueError("not an RFC 3339 time")
    date, time, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{date}T{time or '00:00'}{(zone or 'Z').upper()}")
    delta = moment - _EPOCH
    microseconds = (delta.days * 86_400 + delta.seconds) * MICROSECONDS
    if fraction:
        microseconds += int(fraction[:6].ljust(6, "0"))
    if not _FIRST <= microseconds < _END:
        raise ValueError("a time outside the years 1 to 9999")
    return microseconds


def format_time(microseconds: int) -> str:
    """Microseconds since 1970 as an RFC 3339 time in UTC with six digits and `Z`.

    Raises:
        ValueError: outside the years 1 to 9999.
    """
    seconds, fraction = divmod(microseconds, MICROSECONDS)
    if not _FIRST <= microseconds < _END:
        raise ValueError("a time outside the years 1 to 9999")
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{fraction:06d}Z"
