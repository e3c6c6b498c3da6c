"""The session description of a call that is answered: nothing is sent, nothing is received.

The honeypot takes the first audio stream of an offer that it could understand, and marks it
inactive (RFC 3264 section 6.1); nothing listens at the port that it names. Other streams are
refused by port 0. Only names of media and protocols that it knows, and numbers, are repeated.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MAX_BODY: Final = 8_192  # bytes of an offer looked at
_MAX_STREAMS: Final = 4
_STREAM = re.compile(
    rb"^m=(audio|video|image|application|text|message)[ ]([0-9]{1,5})(?:/[0-9]{1,3})?"
    rb"[ ]([A-Za-z/]{1,24})[ ]([^\r\n]{1,256})",
    re.MULTILINE,
)
_ANY_STREAM = re.compile(rb"^m=", re.MULTILINE)
_CODECS: Final = {b"0": b"PCMU", b"8": b"PCMA"}  # of static payload types (RFC 3551)
_FIRST_PORT, _PORTS = 10_000, 5_000  # even ports


class Party(NamedTuple):
    """Who answers.

    Attributes:
        address: the text of the address shown.
        user: the name in the origin line.
        session: the name of the session.
        number: below 2^64; gives the session's number and port.
    """

    address: str
    user: str
    session: str
    number: int


def answer(offer: bytes, party: Party) -> bytes | None:
    """The answer to an offer, or an offer of our own if there is none; None: nothing fits."""
    offer = offer[:_MAX_BODY]
    count = len(_ANY_STREAM.findall(offer))
    streams = _STREAM.findall(offer)
    if count > _MAX_STREAMS or len(streams) != count:
        return None
    if not count:
        streams = [(b"audio", b"1", b"RTP/AVP", b"0 8")]
    lines: list[bytes] = []
    is_taken = False
    for media, port, protocol, formats in streams:
        codecs = [number for number in formats.split() if number in _CODECS]
        fits = media == b"audio" and protocol == b"RTP/AVP" and int(port)
        if is_taken or not fits or not codecs:
            lines.append(b"m=%b 0 %b 0" % (media, protocol))
            continue
        is_taken = True
        own = _FIRST_PORT + party.number % _PORTS * 2
        lines.append(b"m=audio %d RTP/AVP %b" % (own, b" ".join(codecs)))
        lines += [b"a=rtpmap:%b %b/8000" % (codec, _CODECS[codec]) for codec in codecs]
        lines += [b"a=ptime:20", b"a=inactive"]
    if not is_taken:
        return None
    family = "IP6" if ":" in party.address else "IP4"
    session = party.number >> 32
    head = (
        f"v=0\r\no={party.user} {session} {session} IN {family} {party.address}\r\n"
        f"s={party.session}\r\nc=IN {family} {party.address}\r\nt=0 0\r\n"
    )
    return head.encode() + b"".join([line + b"\r\n" for line in lines])
