"""SIP, SIPS and TEL URIs in canonical form: whom a URI names, without how to reach it.

    sip:[user@]host     RFC 3261 section 19.1: scheme and host in lower case, the user with its
                        needless escapes undone; password, port, parameters and headers left out
    tel:number          RFC 3966: without visual separators; a local number keeps its
                        phone-context, since it means nothing without

Display name, brackets and what follows them (`"Bob" <sip:bob@example.org>;tag=1`, as in headers)
are left out too. What does not fit the grammar is no URI here; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from zt.values.address import parse_address

MAX_URI = 8192  # characters looked at

# Possessive quantifiers: a hostile text is read once.
_NAME_ADDR = re.compile(r'\s*+(?:"(?:[^"\\]|\\.)*+"|[^"<>]*+)\s*+<([^<>\s]++)>(?:\s*+;.*+)?+', re.S)
_SIP = re.compile(
    r"(?P<scheme>[Ss][Ii][Pp][Ss]?+):"
    r"(?:(?P<user>(?:[A-Za-z0-9_.!~*'()&=+$,;?/-]|%[0-9A-Fa-f]{2})++)"
    r"(?::(?:[A-Za-z0-9_.!~*'()&=+$,-]|%[0-9A-Fa-f]{2})*+)?+@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\.?+)"
    r"(?::[0-9]{1,5}+)?+"
    r"(?:[;?][!#-;=?A-~]*+)?+"  # no @, which would make the user's end ambiguous
)
_TEL = re.compile(r"[Tt][Ee][Ll]:(?P<number>[+*#0-9A-Fa-f().-]++)(?P<parameters>(?:;[!-:<-~]++)*+)")
_SEPARATORS = str.maketrans("", "", "-.()")
_GLOBAL = re.compile(r"\+[0-9]+")
_LOCAL = re.compile(r"[0-9a-f*#]+")
_CONTEXT = re.compile(r";phone-context=([^;]+)", re.IGNORECASE)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_USER_CHARACTERS = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]")


@dataclass(frozen=True, slots=True)
class Uri:
    """The canonical parts of a URI.

    Attributes:
        scheme: `sip`, `sips` or `tel`.
        user: canonical, escapes and all; empty if there is none. Of a TEL URI the number, with
            its context where it is a local one.
        host: empty for a TEL URI.
    """

    scheme: str
    user: str
    host: str

    @property
    def text(self) -> str:
        """The canonical form."""
        if self.scheme == "tel":
            return f"tel:{self.user}"
        return f"{self.scheme}:{self.user}{'@' if self.user else ''}{self.host}"

    @property
    def number(self) -> str:
        """What names a subscriber: the user, without parameters that stand in it."""
        return self.user.partition(";")[0]


def parse_uri(text: str) -> Uri | None:
    """The URI that a text is, or holds in brackets; None if there is none."""
    if len(text) > MAX_URI:
        return None
    if "<" in text:
        if not (bracketed := _NAME_ADDR.fullmatch(text)):
            return None
        text = bracketed[1]
    if match := _SIP.fullmatch(text):
        host = _host(match["host"])
        if host is None:
            return None
        return Uri(match["scheme"].lower(), _ESCAPE.sub(_unescape, match["user"] or ""), host)
    if match := _TEL.fullmatch(text):
        return _tel(match["number"], match["parameters"])
    return None


def _host(text: str) -> str | None:
    if not text.startswith("["):
        return text.lower().removesuffix(".")
    address = parse_address(text[1:-1])
    return None if address is None else f"[{address}]" if address.version == 6 else str(address)


def _unescape(match: re.Match[str]) -> str:
    """The character itself where a user may have it, else the escape in upper case."""
    character = chr(int(match[0][1:], 16))
    return character if _USER_CHARACTERS.fullmatch(character) else match[0].upper()


def _tel(number: str, parameters: str) -> Uri | None:
    digits = number.translate(_SEPARATORS).lower()
    if _GLOBAL.fullmatch(digits):
        return Uri("tel", digits, "")
    context = _CONTEXT.search(parameters)
    if not _LOCAL.fullmatch(digits) or context is None:
        return None
    return Uri("tel", f"{digits};phone-context={context[1].lower()}", "")
