"""What a value looks like, by its text alone.

Kinds are judged towards safety: what could name somebody counts as if it did, and only what is
plainly a word, a small number or a time counts as that. No kind can tell a name such as `alice`
from a word such as `alert`: that is what names of fields and comparison with other fields are
for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from analytics.wire import MAX_DET_BYTES, parse_time
from zt.values.address import parse_address, parse_network
from zt.values.uri import parse_uri

Kind = Literal[
    "address", "network", "uri", "email", "phone", "digits", "mac", "url", "host", "dotted",
    "path", "uuid", "hash", "token", "mention", "time", "word", "number", "text", "integer",
    "float", "boolean", "placeholder",
]  # fmt: skip
"""`digits`: seven or more, perhaps a phone number or an account. `dotted`: labels that may be a
host's name. `token`: long and random. `mention`: a text with something of the others in it.
`number`: a text of fewer digits. `placeholder`: says that there is no value."""

IDENTITIES: frozenset[Kind] = frozenset(
    ("address", "network", "uri", "email", "phone", "digits", "mac", "url", "host", "uuid",
     "hash", "token", "mention")
)  # fmt: skip
"""Kinds that name somebody or something, or may."""

PLACEHOLDERS = frozenset(("", "-", "--", "none", "null", "n/a", "na", "nil", "unknown", "<none>"))

SMALL = 1_000_000
"""Integers below may be counted as harmless: fewer than the possible numbers that FF1 asks for."""

MIN_LONG = 7  # digits
MAX_WORD = 64  # characters

_DOMAINS = (
    "com|org|net|edu|gov|mil|int|biz|local|lan|internal|intern|corp|home|arpa|example|invalid|test"
    "|onion|de|uk|fr|us|at|ch|nl|es|pl|ru|cn|jp|br|eu|se|dk|cz|be|ca|au"
)
_WORD = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_+/-]*(?:(?<=[0-9])\.[0-9][A-Za-z0-9_+/-]*)*"  # a dot in versions only
)
_VERSION = re.compile(r"[A-Za-z]{2,8} v?[0-9]{1,2}(?:\.[0-9]{1,2}){0,2}")  # as TLS 1.3
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}(?:\.[0-9]{1,12})?")
_DIGITS = re.compile(r"-?[0-9]{7,}(?:\.[0-9]{1,12})?")
_PHONE = re.compile(r"[+(][0-9(][0-9 ()./-]{5,22}[0-9]")
_SEPARATED = re.compile(r"[0-9][0-9 ()/-]{5,22}[0-9]")
_ADDRESS = re.compile(r"[0-9.]{7,15}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,42}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4,6}[0-9A-Fa-f]{2}")
_UUID = re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}|(?:[0-9A-Fa-f]{2}:){7,}[0-9A-Fa-f]{2}")
_EMAIL = re.compile(r"<?[^\s@<>:/?&=;,]{1,256}@[A-Za-z0-9.-]{1,254}>?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}://\S+")
_PATH = re.compile(r"(?:/|[A-Za-z]:\\|\\\\|~/|\./)\S*")
_LABELS = re.compile(r"(?:[A-Za-z0-9_*-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}\.?")
_HOST = re.compile(rf"(?:[^.]+\.)+(?:{_DOMAINS})\.?", re.IGNORECASE)
_SECRET = re.compile(r"(?:Basic|Bearer|Digest|Negotiate|NTLM)\s+\S+|eyJ[\w-]{5,}\..*", re.I | re.S)
_TOKEN = re.compile(r"[A-Za-z0-9+/_=.:~-]{12,}")
_RUN = re.compile(r"[A-Za-z0-9]{10,}")
_DIGIT_RUN = re.compile(r"[0-9]{7}")
_QUAD = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])")
_INTERNATIONAL = re.compile(r"\+[0-9][0-9 ()./-]{6,}[0-9]")
_AT = re.compile(r"[^\s@]@[^\s@]")  # e-mail, or a URI's user
_SCHEME = re.compile(r"\b(?:sips?|tel|mailto):\S|://", re.IGNORECASE)
_MAC_WITHIN = re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")
_DOMAIN = re.compile(rf"\.(?<=\w\.)(?:{_DOMAINS})\b", re.IGNORECASE)
_IPV6 = re.compile(r"(?<![0-9A-Fa-f:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,40}")


def kind_of(value: Any) -> Kind:
    """The kind of a scalar that is not null."""
    if isinstance(value, str):
        return _text_kind(value)
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "float"


_NUMERIC = frozenset("0123456789abcdefABCDEF:+-(.{")


def _text_kind(text: str) -> Kind:
    if len(text) > MAX_DET_BYTES:
        return "text"
    text = text.strip()
    if text.lower() in PLACEHOLDERS:
        return "placeholder"
    if text[0] in _NUMERIC and (kind := _numeric(text)) is not None:
        return kind
    if _WORD.fullmatch(text) or _VERSION.fullmatch(text):
        return _word_kind(text)
    if ":" in text:
        if parse_uri(text) is not None:
            return "uri"
        if _URL.fullmatch(text):
            return "url"
    if "@" in text and _EMAIL.fullmatch(text):
        return "email"
    if _SECRET.fullmatch(text):
        return "token"
    if _PATH.fullmatch(text):
        return "path"
    if "." in text and _LABELS.fullmatch(text):
        return "host" if _HOST.fullmatch(text) else "dotted"
    if _TOKEN.fullmatch(text) and _is_random(text):
        return "token"
    return "mention" if mentions(text) else "text"


def _numeric(text: str) -> Kind | None:
    """The kind of a text that begins as numbers and addresses do."""
    if _NUMBER.fullmatch(text):
        return "number"
    if _DIGITS.fullmatch(text):
        return "digits"
    if _TIME.match(text) and _is_time(text):
        return "time"
    if _ADDRESS.fullmatch(text) and parse_address(text) is not None:
        return "address"
    if "/" in text and parse_network(text) is not None:
        return "network"
    if _MAC.fullmatch(text):
        return "mac"
    if _UUID.fullmatch(text):
        return "uuid"
    if _HEX.fullmatch(text):
        return "hash"
    if sum(map(str.isdigit, text[:32])) >= MIN_LONG:
        if _PHONE.fullmatch(text):
            return "phone"
        if _SEPARATED.fullmatch(text):
            return "digits"
    return None


def _word_kind(text: str) -> Kind:
    if _TOKEN.fullmatch(text) and _is_random(text):
        return "token"
    return "mention" if len(text) > MAX_WORD or _DIGIT_RUN.search(text) else "word"


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _is_random(text: str) -> bool:
    """Whether letters and digits are mixed as in no word: four changes in a run, or more."""
    return any(_changes(run) >= max(4, len(run) // 5) for run in _RUN.findall(text))


def _changes(run: str) -> int:
    """Changes between capitals, small letters and digits; none where there are no digits."""
    marks = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in run]
    return sum(a != b for a, b in pairwise(marks)) if "d" in marks else 0


def mentions(text: str) -> bool:
    """Whether something that names somebody stands in a text, of which 8 KiB are looked at."""
    text = text[:MAX_DET_BYTES]
    if _DIGIT_RUN.search(text) or ("@" in text and _AT.search(text)):
        return True
    if "." in text and (_QUAD.search(text) or _DOMAIN.search(text)):
        return True
    if "+" in text and _INTERNATIONAL.search(text):
        return True
    if (":" in text or "-" in text) and _MAC_WITHIN.search(text):
        return True
    if ":" not in text:
        return False
    if _SCHEME.search(text):
        return True
    return any(parse_address(found.strip(".")) is not None for found in _IPV6.findall(text))


@lru_cache(maxsize=8192)
def names_somebody(key: str) -> bool:
    """Whether a key of an object is itself a value, as in a map keyed by users or addresses.

    Host names count by well-known domains only: keys such as `event.id` are dotted too.
    """
    kind = _text_kind(key)
    return kind in IDENTITIES or kind == "number"
