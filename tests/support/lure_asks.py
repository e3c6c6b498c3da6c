"""What attackers send to a honeypot, and a client that answers its challenges."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any

from support.sip_packets import START, packed
from zt.honeynet.honeypot.lure.lure import Lure, LureSettings
from zt.honeynet.honeypot.lure.personality import PERSONALITIES, Personality
from zt.sip import Datagram
from zt.sip.headers import parameter
from zt.sip.parse import Message, parse

ATTACKER, HONEYPOT = "203.0.113.66", "198.51.100.7"
SECRET = bytes(range(32))
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 203.0.113.66\r\ns=-\r\nc=IN IP4 203.0.113.66\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
# As SIPVicious OSS 0.3.4, sipp 3.6 and others write them, in shape; numbers are made up.
SVMAP = (
    "OPTIONS sip:100@198.51.100.7 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK-4257845514;rport\r\nMax-Forwards: 70\r\n"
    'To: "sipvicious"<sip:100@1.1.1.1>\r\n'
    'From: "sipvicious"<sip:100@1.1.1.1>;tag=633633333634303731336334013137393137\r\n'
    "User-Agent: friendly-scanner\r\nCall-ID: 634155774601350161413092\r\n"
    "Contact: sip:100@203.0.113.66:5060\r\nCSeq: 1 OPTIONS\r\nAccept: application/sdp\r\n"
    "Content-Length: 0\r\n\r\n"
)
SVWAR = (
    "REGISTER sip:198.51.100.7 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK-3023450350;rport\r\nMax-Forwards: 70\r\n"
    'To: "101"<sip:101@198.51.100.7>\r\n'
    'From: "101"<sip:101@198.51.100.7>;tag=31303101333434373131363839\r\n'
    "User-Agent: friendly-scanner\r\nCall-ID: 854831846\r\nContact: sip:101@198.51.100.7\r\n"
    "CSeq: 1 REGISTER\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
)
SVCRACK = SVWAR.replace("31303101333434373131363839", "3206210844").replace("854831846", "17")
SVWAR_INVITE = SVWAR.replace("REGISTER", "INVITE").replace("sip:198", "sip:101@198", 1)
SIPP = (
    "INVITE sip:service@198.51.100.7:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 203.0.113.66:5061;branch=z9hG4bK-4711-1-0\r\n"
    "From: sipp <sip:sipp@203.0.113.66:5061>;tag=4711SIPpTag001\r\n"
    "To: service <sip:service@198.51.100.7:5060>\r\nCall-ID: 1-4711@203.0.113.66\r\n"
    "CSeq: 1 INVITE\r\nContact: sip:sipp@203.0.113.66:5061\r\nMax-Forwards: 70\r\n"
    "Subject: Performance Test\r\nContent-Type: application/sdp\r\nContent-Length: 129\r\n\r\n"
    "v=0\r\no=user1 53655765 2353687637 IN IP4 203.0.113.66\r\ns=-\r\nc=IN IP4 203.0.113.66\r\n"
    "t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
NMAP = (
    "OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/UDP nm;branch=foo;rport\r\n"
    "From: <sip:nm@nm>;tag=root\r\nTo: <sip:nm2@nm2>\r\nCall-ID: 50000\r\nCSeq: 42 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\nContact: <sip:nm@nm>\r\n"
    "Accept: application/sdp\r\n\r\n"
)
TINY = (
    "OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@a>;tag=1\r\n"
    "t: <sip:a@a>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
)
SCANS: Mapping[str, str] = {
    "svmap": SVMAP,
    "svwar": SVWAR,
    "svwar by INVITE": SVWAR_INVITE,
    "svcrack": SVCRACK,
    "sipp": SIPP,
    "nmap": NMAP,
    "the least": TINY,
}
_branches = count(1)


def lure(personality: str = "asterisk", *, secret: bytes = SECRET, **settings: Any) -> Lure:
    """A lure that answers calls soon."""
    return Lure(look(personality), secret=secret, settings=LureSettings(**settings))


@lru_cache
def look(name: str) -> Personality:
    """A personality that comes with the release."""
    return PERSONALITIES.load(name)


def came(
    payload: str | bytes, seconds: float = 0, *, src: str = ATTACKER, transport: str = "UDP"
) -> Datagram:
    """A message as the honeypot gets it."""
    data = payload.encode() if isinstance(payload, str) else payload
    time = START + round(seconds * 1_000_000)
    dst = "2001:db8::7" if ":" in src else HONEYPOT
    where = packed(src), 5061, packed(dst), 5060
    return Datagram(time, *where, data, transport, connected=transport != "UDP")


def tell(to: Lure, payload: str | bytes, seconds: float = 0, **how: str) -> list[str]:
    """What a lure answers."""
    datagram = came(payload, seconds, **how)
    return [reply.payload.decode() for reply in to.answer(parse(datagram.payload), datagram)]


def statuses(answers: list[str]) -> list[int]:
    """The statuses of replies."""
    return [read(answer).status for answer in answers]


def read(answer: str) -> Message:
    """A reply, as the probe reads it."""
    message = parse(answer.encode())
    assert message.error == ""
    return message


def value(answer: str, name: str) -> str:
    """The value of a reply's header, or an empty text."""
    for line in answer.split("\r\n"):
        if line.lower().startswith(f"{name.lower()}: "):
            return line.partition(": ")[2]
    return ""


def request(
    method: str,
    *,
    to: str = "101",
    of: str = "101",
    call: str = "call-1",
    cseq: int = 1,
    branch: str = "",
    to_tag: str = "",
    extra: tuple[str, ...] = (),
    body: str = "",
) -> str:
    """A request of somebody who does more than to scan."""
    uri = "sip:198.51.100.7" if method == "REGISTER" else f"sip:{to}@198.51.100.7"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP 203.0.113.66:5061;branch={branch or f'z9hG4bK-{next(_branches)}'}",
        f"From: <sip:{of}@198.51.100.7>;tag=caller",
        f"To: <sip:{to}@198.51.100.7>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call}",
        f"CSeq: {cseq} {method}",
        f"Contact: <sip:{of}@203.0.113.66:5061>",
        "Max-Forwards: 70",
        "User-Agent: Phone 1.0",
        *extra,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def credentials(
    challenged: str,
    method: str,
    *,
    user: str = "101",
    password: str = "101",
    uri: str = "sip:198.51.100.7",
    qop: bool = False,
) -> str:
    """The header that answers a challenge of MD5 (RFC 7616)."""
    asked = value(challenged, "WWW-Authenticate") or value(challenged, "Proxy-Authenticate")
    name = "Authorization" if "WWW-Authenticate" in challenged else "Proxy-Authorization"
    found = ";" + asked.partition(" ")[2].replace(", ", ";").replace(",", ";").replace('"', "")
    realm, nonce = parameter(found, "realm"), parameter(found, "nonce")
    secret = _md5(f"{user}:{realm}:{password}")
    middle = f"{nonce}:00000001:beef:auth" if qop else nonce
    response = _md5(f"{secret}:{middle}:{_md5(f'{method}:{uri}')}")
    more = ', qop=auth, nc=00000001, cnonce="beef"' if qop else ""
    return (
        f'{name}: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}"{more}'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def log_in(
    to: Lure,
    method: str,
    seconds: float = 0,
    *,
    user: str = "101",
    password: str = "101",
    answer_to: str = "",
    transport: str = "UDP",
    src: str = ATTACKER,
    number: str = "101",
    call: str = "call-1",
    branch: str = "",
    body: str = "",
    extra: tuple[str, ...] = (),
) -> list[str]:
    """Answers a challenge, by default one that is asked for first; gives what comes of it."""
    where = {"transport": transport, "src": src}
    if not answer_to:
        first = request(method, to=number, of=user, call=call, body=body)
        (answer_to,) = tell(to, first, seconds, **where)
    header = credentials(answer_to, method, user=user, password=password)
    second = request(
        method,
        to=number,
        of=user,
        call=call,
        cseq=2,
        branch=branch,
        extra=(header, *extra),
        body=body,
    )
    return tell(to, second, seconds, **where)
