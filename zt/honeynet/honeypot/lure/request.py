"""What of a request its replies repeat (RFC 3261 section 8.2.6.2), as the very bytes that came.

`zt.sip.parse` says what a request means; this keeps how it was written. Both read alike: the first
of a header that may stand once, compact names, folded lines.

All repeated bytes are the sender's choice, so they are bounded, and none of them can end a line: a
request that would make a reply too long, or has control characters in what replies repeat, is not
read, and so not answered.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

MAX_HEAD: Final = 8_192  # bytes of a request's start line and headers
MAX_HOPS: Final = 12  # Via headers
MAX_ECHO: Final = 4_096  # bytes of all that replies repeat
_MAX_CREDENTIALS: Final = 3
_MAX_CREDENTIAL: Final = 2_048  # bytes of one header

_HEAD_END = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_VIA, _CREDENTIALS, _FROM, _TO, _CALL_ID, _CSEQ, _OTHER = range(7)
_WANTED: Final = {
    b"via": _VIA,
    b"v": _VIA,
    b"from": _FROM,
    b"f": _FROM,
    b"to": _TO,
    b"t": _TO,
    b"call-id": _CALL_ID,
    b"i": _CALL_ID,
    b"cseq": _CSEQ,
    b"authorization": _CREDENTIALS,
    b"proxy-authorization": _CREDENTIALS,
}
# The usual spellings, so that a line costs one look-up, also where its header is not wanted.
_SPELLINGS: Final = {
    **dict.fromkeys((b"Accept", b"Allow", b"Contact", b"Content-Length", b"Content-Type"), _OTHER),
    **dict.fromkeys((b"Expires", b"Max-Forwards", b"Supported", b"User-Agent"), _OTHER),
    **{name.title(): kind for name, kind in _WANTED.items()},
    b"Call-ID": _CALL_ID,
    b"CSeq": _CSEQ,
}


class Request(msgspec.Struct, gc=False):
    """Header values of a request, each in one line, without the spaces around it.

    Attributes:
        vias: from the last hop to the first; at least one.
        credentials: of Authorization and Proxy-Authorization headers.
        body: what follows the head.
    """

    vias: tuple[bytes, ...]
    sender: bytes
    recipient: bytes
    call_id: bytes
    cseq: bytes
    credentials: tuple[bytes, ...]
    body: bytes


def read(payload: bytes) -> Request | None:
    """Reads a request; None if it lacks what a reply repeats, or that is too much or unsafe."""
    payload = payload.lstrip(b"\r\n")
    end = _HEAD_END.search(payload, 0, MAX_HEAD)
    if end is None and len(payload) > MAX_HEAD:
        return None
    head = payload[: end.start()] if end else payload
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    once: dict[int, bytes] = {}
    vias: list[bytes] = []
    credentials: list[bytes] = []
    usual = _SPELLINGS.get
    lines = iter(head.split(b"\n"))
    next(lines)
    for line in lines:
        spelling, colon, value = line.partition(b":")
        kind = usual(spelling)
        if kind is None:
            kind = _WANTED.get(spelling.rstrip().lower(), _OTHER)
        if kind == _OTHER or not colon:
            continue
        if kind == _VIA:
            vias.append(value.strip())
        elif kind == _CREDENTIALS:
            credentials.append(value.strip())
        else:
            once.setdefault(kind, value.strip())
    if len(once) != 4 or not vias or len(vias) > MAX_HOPS:
        return None
    echo = b"".join((*vias, *once.values()))
    if len(echo) > MAX_ECHO or _CONTROL.search(echo):
        return None
    return Request(
        tuple(vias),
        once[_FROM],
        once[_TO],
        once[_CALL_ID],
        once[_CSEQ],
        tuple([one for one in credentials[:_MAX_CREDENTIALS] if len(one) <= _MAX_CREDENTIAL]),
        payload[end.end() :] if end else b"",
    )
