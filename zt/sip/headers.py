"""The grammar inside SIP header values, read tolerantly: addresses, parameters, lists, digests.

All functions take any text and never raise; what makes no sense gives empty results. All run in
time linear in the text, because attackers choose it: quoted strings are matched possessively,
and nothing is searched again after an unclosed quote.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_TEXT = 512  # characters kept of one value; bounds what an open transaction can hold
_MAX_LIST = 32  # values taken from one comma-separated header

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_DELIMITER = re.compile(r'[",<]')
# \b and possessive quantifiers: a long word without "=" is read once, not once per letter.
_DIGEST_PARAMETER = re.compile(r'\b(\w++)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^\s,"]*+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Address(NamedTuple):
    """From, To or one Contact (RFC 3261 section 20.10).

    Attributes:
        uri: as it stands in the header, without display name and brackets.
        parameters: what follows it, from the first semicolon.
    """

    uri: str
    parameters: str


class Digest(NamedTuple):
    """What the probe keeps of credentials or of a challenge (RFC 7616): never the response.

    Attributes:
        stale: the challenge says that only the nonce was too old.
        fingerprint: tells two credentials apart without holding them; process-local.
    """

    username: str
    realm: str
    nonce: str
    stale: bool
    fingerprint: int


def address(value: str) -> Address:
    """Splits `"Name" <sip:u@h;p>;tag=x` or `sip:u@h;tag=x`."""
    start = 0
    if value.startswith('"'):
        name = _QUOTED.match(value)  # a name may contain brackets
        start = name.end() if name else 0
    left = value.find("<", start)
    if left < 0:
        # Without brackets all parameters are the header's (RFC 3261 section 20).
        uri, _, parameters = value[start:].partition(";")
        return Address(uri.strip()[:MAX_TEXT], parameters)
    right = value.find(">", left)
    if right < 0:
        return Address(value[left + 1 :].strip()[:MAX_TEXT], "")
    return Address(value[left + 1 : right].strip()[:MAX_TEXT], value[right + 1 :])


def parameter(parameters: str, name: str) -> str:
    """The value of `;name=value`, or an empty text; `name` in lower case."""
    for part in parameters.split(";"):
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip()[:MAX_TEXT]
    return ""


def split_list(value: str) -> list[str]:
    """Splits a comma-separated header, but not inside quotes or brackets."""
    if "," not in value:
        return [value.strip()]
    values: list[str] = []
    start = position = 0
    while len(values) < _MAX_LIST and (found := _DELIMITER.search(value, position)):
        position = found.end()
        if found.group() == ",":
            values.append(value[start : found.start()].strip())
            start = position
            continue
        if found.group() == '"':
            quoted = _QUOTED.match(value, found.start())
            closed = quoted.end() if quoted else 0
        else:
            closed = value.find(">", position) + 1
        if not closed:  # unclosed: the rest is one value
            break
        position = closed
    if len(values) < _MAX_LIST:
        values.append(value[start:].strip())
    return [one for one in values if one]


def user(uri: str) -> str:
    """The user part of a SIP or TEL URI, or an empty text: `sip:alice:pw@host` gives `alice`."""
    scheme, colon, rest = uri.partition(":")
    if not colon:
        return ""
    if scheme.lower() == "tel":
        return rest.partition(";")[0]
    name, at, _ = rest.partition("@")
    return name.partition(":")[0].partition(";")[0] if at else ""


def digest(value: str) -> Digest:
    """Reads (Proxy-)Authorization or (WWW|Proxy)-Authenticate; other schemes give empty texts."""
    found: dict[str, str] = {}
    for key, raw in _DIGEST_PARAMETER.findall(value):
        text = _ESCAPED.sub(r"\1", raw[1:-1]) if raw.startswith('"') else raw
        found.setdefault(key.lower(), text[:MAX_TEXT])
    return Digest(
        found.get("username", ""),
        found.get("realm", ""),
        found.get("nonce", ""),
        found.get("stale", "").lower() == "true",
        hash(value),
    )


def number(value: str) -> int | None:
    """A decimal of at most ten ASCII digits, which every SIP number fits, or None."""
    value = value.strip()
    return int(value) if len(value) <= 10 and value.isascii() and value.isdigit() else None
