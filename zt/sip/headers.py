"""The grammar inside SIP header values, read tolerantly: addresses, parameters, lists, digests.

All functions take any text and never raise; what makes no sense gives empty results. All run in
time linear in the text, because attackers choose it: every repetition is possessive, and a quote
that nobody closes reaches to the end of the text, so that nothing is searched twice.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

MAX_TEXT = 512  # characters kept of one value; bounds what an open transaction can hold
_MAX_LIST = 32  # values taken from one comma-separated header

_INSIDE = r'[^"\\]*+(?:\\.[^"\\]*+)*+'  # of a quoted string
_QUOTED = re.compile(rf'"{_INSIDE}("?)', re.DOTALL)  # group 1: closed
_DELIMITER = re.compile(r'[",<]')
# \b: a long word without "=" is read once, not once per letter.
_DIGEST_PARAMETER = re.compile(
    rf'\b([\w*]++)\s*+=\s*+(?:"({_INSIDE})"?+|([^\s,"]*+))', re.DOTALL | re.ASCII
)
# How nearly all credentials and challenges begin, without escapes.
_USUAL_DIGEST = re.compile(
    r'Digest\s++(?:username="([^"\\]++)"\s*+,\s*+)?+realm="([^"\\]*+)"\s*+,\s*+nonce="([^"\\]*+)"',
    re.ASCII,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Address(NamedTuple):
    """From, To or one Contact (RFC 3261 section 20.10).

    Attributes:
        uri: as it stands in the header, without display name, brackets, and password.
        parameters: what follows it, from the first semicolon.
    """

    uri: str
    parameters: str


class Digest(msgspec.Struct, frozen=True, gc=False):
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
    _, uri, parameters = named_address(value)
    return Address(uri, parameters)


def named_address(value: str) -> tuple[str, str, str]:
    """The same with the display name first, without its quotes, its escapes as they stand."""
    start = 0
    if value.startswith('"'):
        name = _QUOTED.match(value)  # a name may contain brackets
        start = name.end() if name and name.group(1) else 0
    left = value.find("<", start)
    if left < 0:
        # Without brackets all parameters are the header's (RFC 3261 section 20).
        uri, semicolon, parameters = value[start:].partition(";")
        return "", _uri(uri), semicolon + parameters
    right = value.find(">", left)
    if right < 0:
        right = len(value)
    name_part = value[:left].strip().strip('"').strip()
    return name_part[:MAX_TEXT], _uri(value[left + 1 : right]), value[right + 1 :]


def _uri(text: str) -> str:
    return without_password(text.strip())[:MAX_TEXT]


def without_password(uri: str) -> str:
    """`sip:alice:secret@host` (RFC 3261 section 19.1.1) as `sip:alice@host`; others unchanged."""
    name, at, host = uri.partition("@")
    if not at or name.count(":") < 2:
        return uri
    scheme, _, user_and_password = name.partition(":")
    return f"{scheme}:{user_and_password.partition(':')[0]}@{host}"


def parameter(parameters: str, name: str) -> str:
    """The value of `;name=value`, or an empty text; `name` in lower case."""
    if '"' in parameters:  # what looks like a parameter inside quotes is none
        parameters = _QUOTED.sub(_without_semicolons, parameters)
    found = pattern_of(name).search(parameters)
    return found[1].strip()[:MAX_TEXT] if found else ""


@lru_cache(maxsize=64)
def pattern_of(name: str) -> re.Pattern[str]:
    """What finds a parameter of that name in a text without quotes; its value is group 1."""
    # The semicolon comes first and alone, so that the search skips from one to the next.
    return re.compile(rf";\s*+{re.escape(name)}\s*+=([^;]*+)", re.IGNORECASE | re.ASCII)


def _without_semicolons(quoted: re.Match[str]) -> str:
    return quoted.group().replace(";", ",")


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
            closed = quoted.end() if quoted and quoted.group(1) else 0
        else:
            closed = value.find(">", position) + 1
        if not closed:  # unclosed: the rest is one value
            break
        position = closed
    if len(values) < _MAX_LIST:
        values.append(value[start:].strip())
    return [one for one in values if one]


def user(uri: str) -> str:
    """The user part of a SIP or TEL URI, or an empty text: `sip:%61lice:pw@host` gives `alice`."""
    scheme, colon, rest = uri.partition(":")
    if not colon:
        return ""
    if scheme.lower() == "tel":
        return rest.partition(";")[0]
    name, at, _ = rest.partition("@")
    if not at:
        return ""
    name = name.partition(":")[0].partition(";")[0]
    return unquote(name, errors="backslashreplace") if "%" in name else name


def digest(value: str) -> Digest:
    """Reads (Proxy-)Authorization or (WWW|Proxy)-Authenticate; other schemes give empty texts."""
    if usual := _USUAL_DIGEST.match(value):
        username, realm, nonce = usual.groups("")
        rest = value[usual.end() :].lower()
        if "stale" not in rest and (username or "username" not in rest):
            fields = username[:MAX_TEXT], realm[:MAX_TEXT], nonce[:MAX_TEXT]
            return Digest(*fields, False, hash(value))
    return careful_digest(value)


def careful_digest(value: str) -> Digest:
    """The same for any text, at three times the cost."""
    parameters = reversed(_DIGEST_PARAMETER.findall(value))  # so that the first of a name counts
    found = {name.lower(): quoted or token for name, quoted, token in parameters}
    username = _unescaped(found.get("username", ""))
    if not username and "username*" in found:  # RFC 8187: UTF-8''%61lice
        username = unquote(found["username*"].rpartition("'")[2], errors="backslashreplace")
    return Digest(
        username[:MAX_TEXT],
        _unescaped(found.get("realm", "")),
        _unescaped(found.get("nonce", "")),
        found.get("stale", "").lower() == "true",
        hash(value),
    )


def _unescaped(text: str) -> str:
    """The text of a quoted string."""
    return (_ESCAPED.sub(r"\1", text) if "\\" in text else text)[:MAX_TEXT]


def number(value: str) -> int | None:
    """A decimal below 10,000,000,000, which every SIP number is, or None."""
    value = value.strip()
    if len(value) > 10:
        value = value[:-1].lstrip("0") + value[-1]
    return int(value) if len(value) <= 10 and value.isascii() and value.isdigit() else None
