"""Replies: how they are written, and made to fit.

A reply to somebody whose address may be forged must not be longer than the request, or a honeypot
would multiply floods (amplification). So each header may have a short form, or none, and a rank:
those of the highest rank give way first, until the reply fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final, NamedTuple

from zt.honeynet.honeypot.lure.request import Request
from zt.sip import Datagram


class Rank(IntEnum):
    """When a line gives way to its short form, or leaves: the highest rank first."""

    STAYS = 0
    REASON = 1
    NAME = 2  # a compact header name, which looks less like most servers
    SOFTWARE = 3  # what scanners look for
    RECEIVED = 4
    LENGTH = 5
    CHALLENGE = 6
    CONTACT = 7
    ALLOW = 8
    SUPPORTED = 9
    ACCEPT = 10
    EVENTS = 11


REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    407: "Proxy Authentication Required",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    505: "Version Not Supported",
}

_ANY: Final = 1 << 32  # bytes: as many as there are

_TAG = re.compile(rb";[ \t]*tag[ \t]*=", re.IGNORECASE)
_OUR_PARAMETERS = re.compile(rb";[ \t]*(received|rport)[ \t]*(?:=[^;,]*)?(?=[;,]|$)", re.IGNORECASE)
_SENT_BY = re.compile(rb"[^ \t;]+[ \t]+(\[[^\]]*\]|[^ \t;:]+)")


class Reply(NamedTuple):
    """What is sent back to where a message came from, some microseconds later."""

    payload: bytes
    delay: int = 0


class Line(NamedTuple):
    """One header line of a reply, with its line end.

    Attributes:
        short: what stands there instead then.
    """

    full: bytes
    rank: Rank = Rank.STAYS
    short: bytes = b""


def header(name: str, value: str, rank: Rank = Rank.STAYS) -> Line:
    """A header that is there or not."""
    return Line(f"{name}: {value}\r\n".encode(), rank)


def write(lines: list[Line], body: bytes = b"", room: int | None = None) -> bytes | None:
    """The bytes of a reply that are no more than `room`, or None if they can't be so few."""
    lines = [*lines, *_ends(len(body))]
    texts = [line.full for line in lines]
    excess = sum(map(len, texts)) + len(body) - (room if room is not None else _ANY)
    if excess > 0:
        for _, at in sorted([(-line.rank, -at) for at, line in enumerate(lines) if line.rank]):
            short = lines[-at].short
            excess -= len(texts[-at]) - len(short)
            texts[-at] = short
            if excess <= 0:
                break
        else:
            return None
    return b"".join(texts) + body


@lru_cache(maxsize=64)
def _ends(length: int) -> tuple[Line, Line]:
    full, short = b"Content-Length: %d\r\n" % length, b"l: %d\r\n" % length
    return Line(full, Rank.LENGTH, short), Line(b"\r\n")


@lru_cache(maxsize=64)
def status_line(status: int, reason: str = "") -> Line:
    """The first line, by default with the usual reason; an empty one will do (RFC 3261 25.1)."""
    full = f"SIP/2.0 {status} {reason or REASONS[status]}\r\n"
    return Line(full.encode(), Rank.REASON, b"SIP/2.0 %d \r\n" % status)


def challenge(status: int, realm: str, nonce: str, algorithm: str, more: str) -> Line:
    """A digest challenge (RFC 7616 section 3.3), by the header of its status, 401 or 407.

    Args:
        more: parameters that it can do without.
    """
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    full = f'{name}: Digest algorithm={algorithm}, realm="{realm}", nonce="{nonce}"{more}\r\n'
    least = "" if algorithm == "MD5" else f",algorithm={algorithm}"  # MD5 is the default
    short = f'{name}: Digest realm="{realm}",nonce="{nonce}"{least}\r\n'
    return Line(full.encode(), Rank.CHALLENGE, short.encode())


def repeated(request: Request, source: Datagram, tag: str) -> Iterator[Line]:
    """What every reply repeats of a request (RFC 3261 section 8.2.6.2).

    Args:
        tag: added to To, if that has none; empty: none is added.
    """
    yield _top_via(request.vias[0], source)
    for via in request.vias[1:]:
        yield Line(b"Via: %b\r\n" % via)
    yield _named(b"From", b"f", request.sender)
    recipient = request.recipient
    if tag and takes_tag(recipient):
        recipient += b";tag=" + tag.encode()
    yield _named(b"To", b"t", recipient)
    yield _named(b"Call-ID", b"i", request.call_id)
    yield Line(b"CSeq: %b\r\n" % request.cseq)


def takes_tag(recipient: bytes) -> bool:
    """Whether a To header lacks a tag. One in brackets is a parameter of the URI, and so would be
    what is added to brackets, or quotes, that nobody closed."""
    if recipient.endswith(b">"):
        return True
    closed = recipient.rfind(b">") + 1
    if recipient.find(b"<", closed) >= 0 or recipient.count(b'"', closed) % 2:
        return False
    return _TAG.search(recipient, closed) is None


def _top_via(via: bytes, source: Datagram) -> Line:
    """The first Via with where its request came from (RFC 3261 section 18.2.1, RFC 3581).

    Without `received` if need be: it tells a client how it is seen from here, which scanners don't
    ask.
    """
    if b'"' in via:
        return Line(b"Via: %b\r\n" % via)
    hop, comma, below = via.partition(b",")
    asks = hop.endswith(b";rport")  # as nearly all write it, and nothing else of ours
    if asks and b"received" not in hop.lower():
        hop = hop[: -len(b";rport")]
    elif ours := _OUR_PARAMETERS.findall(hop):
        asks = b"rport" in [name.lower() for name in ours]
        hop = _OUR_PARAMETERS.sub(b"", hop).rstrip()
    port = b";rport=%d" % source.src_port if asks else b""
    address = text_of(source.src)
    sent_by = _SENT_BY.match(hop)
    claimed = sent_by[1].strip(b"[]") if sent_by else b""
    rest = comma + below + b"\r\n"
    short = b"Via: %b%b%b" % (hop, port, rest)
    if not asks and claimed == address.encode():
        return Line(short)
    full = b"Via: %b;received=%b%b%b" % (hop, address.encode(), port, rest)
    return Line(full, Rank.RECEIVED, short)


def _named(name: bytes, compact: bytes, value: bytes) -> Line:
    return Line(b"%b: %b\r\n" % (name, value), Rank.NAME, b"%b: %b\r\n" % (compact, value))


def text_of(packed: bytes) -> str:
    """An address as text."""
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)
