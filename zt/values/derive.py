"""Deriving a new value from a plaintext one, before anything is encrypted.

| part | of | gives |
|---|---|---|
| `scheme`, `host`, `user` | a SIP, SIPS or TEL URI | that part in canonical form |
| `subnet` | an address | its network, as `192.0.2.0/24` |
| `country` | a phone number, or a URI with one | its region, as `DE`; `001` where it has none |
| `national` | the same | the number without its country code |
| `domain` | an e-mail address | its domain, in lower case |
| `hour` | a time | the hour of the day in UTC, `00` to `23` |

A value that has no such part gives none. What regions numbers belong to comes from the library
`phonenumbers`, so it may change with its release; derived values never come back from
encryption, and rewrap keeps what was derived once, so nothing breaks by that.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any, Literal, get_args

from analytics.wire import MICROSECONDS, format_time, parse_time
from zt.values.address import parse_address
from zt.values.number import is_number
from zt.values.uri import parse_uri

Part = Literal["scheme", "host", "user", "subnet", "country", "national", "domain", "hour"]
PARTS: tuple[Part, ...] = get_args(Part)

MAX_TEXT = 8192  # characters looked at
_MAX_PHONE = 32  # characters; E.164 numbers have 15 digits
_EMAIL = re.compile(r"[^\s@<>]{1,256}@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)\.?")


def derive(
    part: Part, value: Any, *, region: str | None = None, v4: int = 24, v6: int = 48
) -> str | None:
    """A part of a value; None if it has none.

    Args:
        part: which one.
        value: a scalar; only texts and integers have parts.
        region: of `country` and `national`: where a number without `+` is dialled, as `DE`.
        v4, v6: of `subnet`: prefix lengths by family.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value) if isinstance(value, str) or abs(value) < 10**_MAX_PHONE else ""
    if len(text) > MAX_TEXT:
        return None
    match part:
        case "scheme" | "host" | "user":
            uri = parse_uri(text)
            return (getattr(uri, part) or None) if uri else None
        case "subnet":
            address = parse_address(text)
            if address is None:
                return None
            bits = v4 if address.version == 4 else v6
            return str(ip_network((address, bits), strict=False))
        case "country" | "national":
            return _phone(part, text, region)
        case "domain":
            match = _EMAIL.fullmatch(text.strip())
            return match[1].lower() if match else None
        case "hour":
            return _hour(text)


def _hour(text: str) -> str | None:
    try:
        return format_time(parse_time(text) // (3600 * MICROSECONDS) * 3600 * MICROSECONDS)[11:13]
    except ValueError:
        return None


def _phone(part: str, text: str, region: str | None) -> str | None:
    uri = parse_uri(text)
    number = uri.number if uri else text
    if not is_number(number) or len(number) > _MAX_PHONE:
        return None
    import phonenumbers  # a tenth of a second: paid by who derives from numbers only

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if part == "national":
        return str(phonenumbers.national_significant_number(parsed))
    found = phonenumbers.region_code_for_number(parsed)
    return str(found) if found else None
