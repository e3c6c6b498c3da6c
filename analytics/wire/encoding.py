"""Spellings that both sides must agree on: bytes, scalars and times as text.

Decoding is strict: exactly one text decodes to given bytes, so that an altered spelling is an
altered message.
"""

from __future__ import annotations

import re
import string
from base64 import urlsafe_b64encode
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

MICROSECONDS = 1_000_000
"""Microseconds in a second; all times on the wire and in stores are int64 microseconds, UTC."""

_BASE64URL = f"{string.ascii_letters}{string.digits}-_".encode()
_STANDARD = bytes.maketrans(b"-_", b"+/")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_LAST = {0: _BASE64URL, 2: b"AQgw", 3: b"AEIMQUYcgkosw048"}
"""Which characters have no unused bits at the end of a text, by its length modulo 4."""

_LAST_STANDARD = {rest: last.translate(_STANDARD) for rest, last in _LAST.items()}

_JSON = msgspec.json.Encoder()

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


def encode_all(column: Iterable[bytes]) -> list[str]:
    """`encode_bytes` of each, with the alphabet changed in one go."""
    return _encoded(column).decode("ascii").split("\n")[:-1]


def encode_ascii_all(column: Iterable[bytes]) -> list[bytes]:
    """The same as ASCII, for texts that are put together as bytes."""
    return _encoded(column).split(b"\n")[:-1]


def _encoded(column: Iterable[bytes]) -> bytes:
    lines = b"".join([b2a_base64(data) for data in column])  # each ends in a line end
    return lines.translate(_URL_SAFE, b"=")


def decode_bytes(text: str) -> bytes:
    """The bytes that `encode_bytes` made into this text.

    Raises:
        ValueError: for any text that `encode_bytes` can't have made, unused bits set included.
    """
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        raise ValueError("not base64url without padding") from None
    # Every event holds a kilobyte of this: deleting an alphabet is faster than matching it.
    if data.translate(None, _BASE64URL) or len(data) % 4 == 1:
        raise ValueError("not base64url without padding")
    if data and data[-1] not in _LAST[len(data) % 4]:
        raise ValueError("not the one spelling of these bytes")
    return a2b_base64(data.translate(_STANDARD) + b"==")


def decode_all(column: Sequence[str]) -> list[bytes]:
    """`decode_bytes` of each, with the alphabet checked in one go.

    Raises:
        ValueError: see `decode_bytes`, for any of them.
    """
    try:
        joined = "\n".join(column).encode("ascii")
    except UnicodeEncodeError:
        raise ValueError("not base64url without padding") from None
    if joined.translate(None, _BASE64URL) != b"\n" * (len(column) - 1):
        raise ValueError("not base64url without padding")
    texts = joined.translate(_STANDARD).split(b"\n") if column else []
    for text in texts:
        if len(text) % 4 == 1 or (text and text[-1] not in _LAST_STANDARD[len(text) % 4]):
            raise ValueError("not the one spelling of these bytes")
    return [a2b_base64(text + b"==") for text in texts]


def encode_json_all(values: Iterable[Any]) -> list[bytes]:
    """The compact JSON of each value, in one call."""
    lines = _JSON.encode_lines(values).split(b"\n")  # JSON has no raw line ends
    lines.pop()
    return lines


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
