"""From the bytes of one SIP message to the few headers that the probe needs (RFC 3261 section 7).

The parser is tolerant: it takes compact names, folded lines, bare line feeds, repeated headers
(the first counts) and bytes that are no UTF-8, which become backslash escapes, so that every text
it returns is valid Unicode without lone surrogates. It never raises: a message that claims to be
SIP and is none has an `error`. Bodies are not looked at, lengths of bodies not checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from zt.sip.headers import MAX_TEXT, Digest, address, digest, number, parameter

SIP_PORT = 5060

_MAX_LINES = 256  # header lines looked at; real messages have 10 to 40
_MAX_VALUE = 4_096  # characters of one header value looked at
_MAX_REPEATED = 8  # values looked at of headers that may stand several times
_MAX_CONTACTS = 2_048  # characters of Contact headers kept of a request
_MAX_CREDENTIALS = 3  # one for each proxy that asks, and one for the server
_MAX_METHOD = 32  # characters

_VERSION = "SIP/2.0"
# What text on port 5060 must begin with to be taken for (broken) SIP.
_CLAIM_ON_PORT = (
    b"ACK ",
    b"BYE ",
    b"CANCEL ",
    b"INFO ",
    b"INVITE ",
    b"MESSAGE ",
    b"NOTIFY ",
    b"OPTIONS ",
    b"PRACK ",
    b"PUBLISH ",
    b"REFER ",
    b"REGISTER ",
    b"SUBSCRIBE ",
    b"UPDATE ",
    b"SIP/",
)
_CLAIM = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,32}[ \t]")
_METHOD = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,32}")
_FOLD = re.compile(r"\r?\n[ \t]+")
_MAGIC_COOKIE = "z9hg4bk"  # in lower case; tokens compare without case (RFC 3261 section 7.3.1)

_WANTED = {
    "via": "via",
    "v": "via",
    "from": "from",
    "f": "from",
    "to": "to",
    "t": "to",
    "call-id": "call-id",
    "i": "call-id",
    "cseq": "cseq",
    "contact": "contact",
    "m": "contact",
    "expires": "expires",
    "user-agent": "user-agent",
    "server": "server",
    "authorization": "credentials",
    "proxy-authorization": "credentials",
    "www-authenticate": "challenges",
    "proxy-authenticate": "challenges",
    "p-asserted-identity": "pai",
    "session-expires": "session-expires",
    "x": "session-expires",
    "content-length": "content-length",
    "l": "content-length",
}
_MANDATORY = {"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}
_NONE = [""]  # the values of an absent header


@dataclass(slots=True)
class Message:
    """One SIP request or response; texts are empty where a header is absent.

    Attributes:
        method: of a request, or of the request that a response answers (from its CSeq).
        uri: Request-URI; empty in responses.
        status: 100 to 699; 0 in requests.
        branch: of the top Via with the magic cookie, else empty.
        via: sent-by and branch of the top Via, which identify an RFC 2543 request.
        previous_branch: of the Via below, from the hop before, with the magic cookie.
        contacts: raw values of the Contact headers, each perhaps a list.
        expires: of the Expires header.
        pai: URI of the first P-Asserted-Identity (RFC 3325).
        session_expires: seconds, of the Session-Expires header (RFC 4028).
        content_length: as the sender says it; not compared with the body.
        error: why this is no valid SIP; the other fields hold what could be read.
    """

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    branch: str = ""
    via: str = ""
    previous_branch: str = ""
    from_uri: str = ""
    from_tag: str = ""
    to_uri: str = ""
    to_tag: str = ""
    from_name: str = ""
    call_id: str = ""
    cseq: int = 0
    contacts: tuple[str, ...] = ()
    expires: int | None = None
    pai: str = ""
    session_expires: int | None = None
    content_length: int | None = None
    user_agent: str = ""
    server: str = ""
    credentials: tuple[Digest, ...] = ()
    challenges: tuple[Digest, ...] = ()
    error: str = ""


def claims_sip(payload: bytes, src_port: int, dst_port: int) -> bool:
    """Tells SIP, valid or broken, from everything else: keep-alives, STUN, RTP, HEP, logs.

    A first line that begins with a token and contains `SIP/2.0` claims to be SIP on any port; on
    port 5060 the name of a method as first word is enough.
    """
    if payload[:2] == b"\r\n":  # RFC 3261 section 7.5 allows empty lines before a message
        payload = payload.lstrip(b"\r\n")
    if payload.startswith(b"SIP/2.0"):
        return True
    if SIP_PORT in (src_port, dst_port) and payload.startswith(_CLAIM_ON_PORT):
        return True
    if not _CLAIM.match(payload):
        return False
    end = payload.find(b"\n")
    return payload.find(b"SIP/2.0", 0, end if end >= 0 else len(payload)) >= 0


def parse(payload: bytes) -> Message:
    """Reads one message for which `claims_sip` holds; never raises."""
    lines = _head(payload).split("\n", _MAX_LINES)
    message = Message()
    start_error = _start_line(lines[0], message)
    headers: dict[str, list[str]] = {}
    for line in lines[1:_MAX_LINES]:
        name, colon, value = line.partition(":")
        wanted = _WANTED.get(name.rstrip().lower())
        if wanted is None or not colon:
            continue
        values = headers.setdefault(wanted, [])
        if len(values) < _MAX_REPEATED:
            values.append(value[:_MAX_VALUE].strip())
    message.error = start_error or _fill(message, headers)
    return message


def _head(payload: bytes) -> str:
    """Start line and headers as text with bare line feeds, unfolded."""
    payload = payload.lstrip(b"\r\n")
    end = payload.find(b"\r\n\r\n")
    if end < 0:
        end = payload.find(b"\n\n")
    head = (payload[:end] if end >= 0 else payload).decode("utf-8", "backslashreplace")
    if "\n " in head or "\n\t" in head:
        head = _FOLD.sub(" ", head)
    return head.replace("\r\n", "\n")


def _start_line(line: str, message: Message) -> str:
    """Reads request line or status line; gives what is wrong with it."""
    line = line[:_MAX_VALUE]
    words = line.split()
    if line[:7].upper() == _VERSION:
        code = words[1] if len(words) > 1 else ""
        status = number(code) if len(code) == 3 else None
        if len(words[0]) != 7 or status is None or not 100 <= status <= 699:
            return "malformed status line"
        message.status = status
        message.reason = " ".join(words[2:])[:MAX_TEXT]
        return ""
    if words and _METHOD.fullmatch(words[0]):
        message.method = words[0]
    if len(words) != 3 or not message.method or words[2].upper() != _VERSION:
        return "malformed request line"
    message.uri = words[1][:MAX_TEXT]
    return ""


def _fill(message: Message, headers: dict[str, list[str]]) -> str:
    """Reads the wanted headers into the message; gives what is wrong with them."""
    message.contacts = tuple(headers.get("contact", ()))
    if not message.status and sum(map(len, message.contacts)) > _MAX_CONTACTS:
        # Requests are remembered, responses are not.
        message.contacts = (message.contacts[0][:_MAX_CONTACTS],)
    message.user_agent = headers.get("user-agent", _NONE)[0][:MAX_TEXT]
    message.server = headers.get("server", _NONE)[0][:MAX_TEXT]
    message.call_id = headers.get("call-id", _NONE)[0][:MAX_TEXT]
    if "expires" in headers:
        message.expires = number(headers["expires"][0])
    if "pai" in headers:
        message.pai = address(headers["pai"][0].partition(",")[0]).uri
    if "session-expires" in headers:
        message.session_expires = number(headers["session-expires"][0].partition(";")[0])
    if "content-length" in headers:
        message.content_length = number(headers["content-length"][0])
    sender = headers.get("from", _NONE)[0]
    message.from_uri, parameters = address(sender)
    message.from_tag = parameter(parameters, "tag")
    message.from_name = sender.partition("<")[0].strip(' "')[:MAX_TEXT] if "<" in sender else ""
    message.to_uri, parameters = address(headers.get("to", _NONE)[0])
    message.to_tag = parameter(parameters, "tag")
    _via(message, headers.get("via", _NONE))
    if "credentials" in headers:
        message.credentials = tuple(map(digest, headers["credentials"][:_MAX_CREDENTIALS]))
    if "challenges" in headers:
        message.challenges = tuple(map(digest, headers["challenges"]))
    for name, title in _MANDATORY.items():
        if not headers.get(name, _NONE)[0]:
            return f"no {title} header"
    return _cseq(message, headers["cseq"][0])


def _via(message: Message, values: list[str]) -> None:
    """Reads the Via of the last hop, and of the one before that only the branch."""
    top, _, below = values[0].partition(",")  # the hops may share a header
    protocol, _, parameters = top.partition(";")
    branch = parameter(parameters, "branch")
    if branch[:7].lower() == _MAGIC_COOKIE:
        message.branch = branch
    sent_by = protocol.rstrip().rpartition(" ")[2]
    message.via = f"{sent_by[:MAX_TEXT]};{branch}"
    if not below and len(values) > 1:
        below = values[1]
    if below:
        branch = parameter(below.partition(",")[0], "branch")
        if branch[:7].lower() == _MAGIC_COOKIE:
            message.previous_branch = branch


def _cseq(message: Message, value: str) -> str:
    words = value.split()
    sequence = number(words[0]) if len(words) == 2 else None
    if sequence is None or not _METHOD.fullmatch(words[1]):
        return "malformed CSeq header"
    message.cseq = sequence
    if not message.status:
        return "" if words[1] == message.method else "CSeq names another method"
    message.method = words[1]
    return ""
