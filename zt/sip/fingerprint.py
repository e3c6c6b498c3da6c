"""A fingerprint of the software that wrote a request: what no User-Agent header can deny.

It is like sipcmbeat's `sip.request.sig` in purpose, not in format: one letter for each header in
the order in which the sender wrote them, then the shapes of Call-ID, From tag and Via branch,
which senders draw at random, each in its own way. `VMFTISCUL:h32:d10:x26` is a request with the
headers Via, Max-Forwards, From ..., a Call-ID of 32 hexadecimal digits, and so on. Two requests
of one tool have the same fingerprint; an attacker can change it, but has to change the tool.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MAX_HEAD = 4_096  # bytes looked at
_MAX_HEADERS = 40
_NAME = re.compile(rb"\n([A-Za-z][A-Za-z0-9-]{0,39}+)[ \t]*+:")
_LETTERS = {
    b"via": "V",
    b"v": "v",
    b"from": "F",
    b"f": "f",
    b"to": "T",
    b"t": "t",
    b"call-id": "I",
    b"i": "i",
    b"cseq": "S",
    b"contact": "C",
    b"m": "c",
    b"max-forwards": "M",
    b"user-agent": "U",
    b"content-length": "L",
    b"l": "l",
    b"content-type": "Y",
    b"c": "y",
    b"allow": "A",
    b"accept": "B",
    b"expires": "E",
    b"supported": "K",
    b"k": "k",
    b"route": "R",
    b"record-route": "O",
    b"allow-events": "N",
    b"u": "n",
    b"event": "W",
    b"o": "w",
    # Whether there are credentials is an event's own field, and no habit of the software.
    b"authorization": "",
    b"proxy-authorization": "",
}
_OTHER = "x"
# The name of the group that matches is the kind of the shape.
_SHAPE = re.compile(
    r"(?P<d>[0-9]+)|(?P<h>[0-9a-f]+|[0-9A-F]+)|(?P<a>[0-9A-Za-z]+)"
    r"|(?P<u>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)
_MIXED = "x"
_COOKIE = 7  # characters of z9hG4bK, which all branches begin with


def header_order(payload: bytes) -> str:
    """One letter for each header of a request, in its order; the letters are of one table."""
    names = _NAME.findall(payload, 0, _head_end(payload))
    return _letters(tuple(names[:_MAX_HEADERS]))


def fingerprint(order: str, call_id: str, from_tag: str, branch: str) -> str:
    """The whole fingerprint of a request; `order` as `header_order` gives it."""
    call, at, _ = call_id.partition("@")
    return f"{order}:{_shape(call)}{at}:{_shape(from_tag)}:{_shape(branch[_COOKIE:])}"


def _head_end(payload: bytes) -> int:
    end = payload.find(b"\r\n\r\n", 0, _MAX_HEAD)
    return end if end >= 0 else _MAX_HEAD


@lru_cache(maxsize=1_024)
def _letters(names: tuple[bytes, ...]) -> str:
    return "".join(_LETTERS.get(name.lower(), _OTHER) for name in names)


def _shape(text: str) -> str:
    """Which characters a text has, and how many."""
    found = _SHAPE.fullmatch(text)
    return f"{found.lastgroup if found else _MIXED}{len(text)}"
