"""SIP messages as telephones and attackers write them, made fast: bytes templates, no parsing.

Lengths and headers are those of real telephones (500 to 1,200 bytes, two dozen lines in an INVITE);
numbers, names and addresses are from ranges set aside for documentation and fiction.
"""

from __future__ import annotations

from typing import NamedTuple

DOMAIN = b"pbx.example.net"
SERVER = bytes((198, 51, 100, 10))
PORT = 5060

_SDP = (
    b"v=0\r\no=- 20518 %d IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\n"
    b"m=audio %d RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    b"a=ptime:20\r\na=sendrecv\r\n"
)
_ALLOW = (
    b"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, SUBSCRIBE, UPDATE\r\n"
    b"Supported: replaces, timer, path\r\n"
)
_SOFTWARE = b"Quillbank-PBX/4.2.1"


class Phone(NamedTuple):
    """Somebody who sends requests.

    Attributes:
        address: packed IPv4.
        text: the same as text.
        user: his name at the server.
        agent: his software.
    """

    address: bytes
    text: bytes
    port: int
    user: bytes
    agent: bytes


def phone(number: int, agent: bytes = b"Morphone Deskset 3110 (fw 2.18.5)") -> Phone:
    """One of 16,777,216 telephones: 10.0.0.0/8, a user each."""
    packed = bytes((10, number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF))
    text = b"%d.%d.%d.%d" % tuple(packed)
    return Phone(packed, text, PORT, b"+4930%08d" % number, agent)


class Dialog(NamedTuple):
    """What the messages of one conversation share.

    Attributes:
        phone: who began it.
        number: tells it from all others; Call-ID, tags, branches and nonces are made from it.
        to: the user that it is with, his own name in a registration.
    """

    phone: Phone
    number: int
    to: bytes

    def request(
        self,
        method: bytes,
        cseq: int,
        *,
        nonce: bytes = b"",
        to_tag: bool = False,
        body: bool = False,
        branch: bytes = b"",
        extra: bytes = b"",
    ) -> bytes:
        """A request of the phone.

        Args:
            method: of the request.
            cseq: its number; the branch follows from it.
            nonce: answer a challenge with this one.
            to_tag: it is part of the dialog that the other side accepted.
            body: with a description of the call's media.
            branch: another one than the number gives.
            extra: more header lines.
        """
        phone, number = self.phone, self.number
        uri = DOMAIN if method == b"REGISTER" else b"%b@%b" % (self.to, DOMAIN)
        if nonce:
            header = b"Authorization" if method == b"REGISTER" else b"Proxy-Authorization"
            extra += (
                b'%b: Digest username="%b", realm="%b", nonce="%b", uri="sip:%b", '
                b'response="%032x", algorithm=MD5, cnonce="%08x", qop=auth, nc=%08x\r\n'
            ) % (header, phone.user, DOMAIN, nonce, uri, number * 7919, number, cseq)
        media = _media(number, phone.text) if body else b""
        if media:
            extra += b"Content-Type: application/sdp\r\n"
        return (
            b"%b sip:%b SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP %b:%d;branch=z9hG4bK%x%b;rport\r\n"
            b"Max-Forwards: 70\r\n"
            b'From: "Extension %b" <sip:%b@%b>;tag=%x\r\n'
            b"To: <sip:%b@%b>%b\r\n"
            b"Call-ID: %016x@%b\r\n"
            b"CSeq: %d %b\r\n"
            b"Contact: <sip:%b@%b:%d;transport=udp>\r\n"
            b"User-Agent: %b\r\n"
            b"%b%bContent-Length: %d\r\n\r\n%b"
        ) % (
            method, uri,
            phone.text, phone.port, number, branch or b"-%d" % cseq,
            phone.user, phone.user, DOMAIN, number,
            self.to, DOMAIN, b";tag=as%x" % number if to_tag else b"",
            number, phone.text,
            cseq, method,
            phone.user, phone.text, phone.port,
            phone.agent,
            extra, _ALLOW if body or method == b"REGISTER" else b"", len(media), media,
        )  # fmt: skip

    def response(
        self,
        method: bytes,
        cseq: int,
        status: bytes,
        *,
        challenge: bytes = b"",
        body: bool = False,
        branch: bytes = b"",
        extra: bytes = b"",
    ) -> bytes:
        """The server's response to the request with these method, number and branch.

        Args:
            method, cseq, branch: of the request.
            status: status and reason, as in `b"200 OK"`.
            challenge: ask for credentials with this nonce.
            body: with a description of the call's media.
            extra: more header lines.
        """
        phone, number = self.phone, self.number
        if challenge:
            header = b"WWW" if method == b"REGISTER" else b"Proxy"
            extra += b'%b-Authenticate: Digest realm="%b", nonce="%b", qop="auth"\r\n' % (
                header, DOMAIN, challenge,
            )  # fmt: skip
        media = _media(number, b"198.51.100.10") if body else b""
        if media:
            extra += b"Content-Type: application/sdp\r\n"
        return (
            b"SIP/2.0 %b\r\n"
            b"Via: SIP/2.0/UDP %b:%d;branch=z9hG4bK%x%b;rport=%d;received=%b\r\n"
            b'From: "Extension %b" <sip:%b@%b>;tag=%x\r\n'
            b"To: <sip:%b@%b>%b\r\n"
            b"Call-ID: %016x@%b\r\n"
            b"CSeq: %d %b\r\n"
            b"Server: %b\r\n"
            b"%bContent-Length: %d\r\n\r\n%b"
        ) % (
            status,
            phone.text, phone.port, number, branch or b"-%d" % cseq, phone.port, phone.text,
            phone.user, phone.user, DOMAIN, number,
            self.to, DOMAIN, b"" if status.startswith(b"100") else b";tag=as%x" % number,
            number, phone.text,
            cseq, method,
            _SOFTWARE,
            extra, len(media), media,
        )  # fmt: skip


def _media(number: int, address: bytes) -> bytes:
    return _SDP % (number & 0xFFFF, address, address, 10_000 + number % 20_000 * 2)
