"""From the bytes of one SIP message to the few headers that the probe needs (RFC 3261 section 7).

The parser is tolerant and never raises. A message that claims to be SIP and is none has an
`error`: what leaves it without identity, so that no server could answer it. Everything else is
tolerated, because a server may accept it, and nobody must escape notice by a blemish.

| error | when |
|---|---|
| malformed request line | not `METHOD URI SIP/2.0` |
| not SIP version 2.0 | the request line ends in another `PROTOCOL/NUMBER` |
| malformed Request-URI | it does not begin with `scheme:`: in brackets, `*`, a bare host |
| malformed status line | not `SIP/2.0 CODE REASON` with a code of three digits |
| status code out of range | below 100 or above 699 |
| no Via header; no CSeq header; no Call-ID header | it is missing or empty |
| no From header; no To header | the same |
| no URI in the From header; no URI in the To header | empty brackets, or only parameters |
| malformed CSeq header | not `NUMBER METHOD` |
| CSeq number too large | above 2^32 - 1; RFC 3261 allows half of it |
| CSeq names another method | than the request line |

| tolerated | read as |
|---|---|
| bare line feeds; empty lines before the message | line ends; nothing |
| folded lines; spaces and tabs where the grammar has one space, or none | one space, or none |
| compact and oddly cased names, `sip/2.0` | the usual spelling |
| a header that may stand once and stands several times | the first |
| bytes that are no UTF-8 | backslash escapes: every text is Unicode without lone surrogates |
| NUL and other control characters | part of the value |
| quotes and brackets that nobody closes | they reach to the end of the header |
| no tag in From, no branch in Via | RFC 2543 |
| a missing Max-Forwards or Contact, a wrong Content-Length | not looked at, as bodies are |
| unknown methods, URI schemes, headers; lines without colon | as they are; passed over |

Texts are cut at `MAX_TEXT` characters; of a head the first 64 KiB count.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from zt.sip import parts
from zt.sip.headers import MAX_TEXT, Digest, address, digest, number, split_list

SIP_PORT = 5060

_MAX_HEAD = 65_536  # bytes of start line and headers looked at; what a datagram can hold
_LONG = 2_048  # bytes from which on it pays to look for the end of the head
_MAX_REPEATED = 8  # values looked at of headers that may stand several times
_MAX_CONTACTS = 2_048  # characters of Contact headers kept of a request
_MAX_CREDENTIALS = 3  # one for each proxy that asks, and one for the server
_MAX_CSEQ = 0xFFFF_FFFF

_CLAIM = re.compile(
    rf"[\r\n]*+(?:SIP/2\.0|{parts.TOKEN}++[ \t][^\n]*SIP/2\.0)".encode(), re.IGNORECASE
)
# What text on port 5060 must begin with to be taken for (broken) SIP. Scans by ZMap send no more
# than the word OPTIONS.
_METHODS = (
    "ACK|BYE|CANCEL|INFO|INVITE|MESSAGE|NOTIFY|OPTIONS|PRACK|PUBLISH|REFER|REGISTER|SUBSCRIBE"
    "|UPDATE"
)
_CLAIM_ON_PORT = re.compile(rf"[\r\n]*+(?:SIP/|(?:{_METHODS})(?!{parts.TOKEN}))".encode())
_FOLD = re.compile(r"\r?\n[ \t]+")
_EMPTY_LINE = re.compile(r"\n\r?\n")
_HEAD_END = re.compile(rb"\n\r?\n")
_EMPTY = ("", "\r")
_BLANKS = " \t"

_MANDATORY: Final = {
    "via": "Via",
    "from": "From",
    "to": "To",
    "call-id": "Call-ID",
    "cseq": "CSeq",
}
_WANTED: Final = {
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
    "p-asserted-identity": "p-asserted-identity",
    "session-expires": "session-expires",
    "x": "session-expires",
}
# The usual spellings, so that a line costs one look-up, also where its header is not wanted.
_SPELLINGS: Final[dict[str, str | None]] = {
    "Accept": None,
    "Allow": None,
    "Content-Length": None,
    "Content-Type": None,
    "Date": None,
    "Max-Forwards": None,
    "Record-Route": None,
    "Route": None,
    "Supported": None,
    **_WANTED,
    **{name.title(): wanted for name, wanted in _WANTED.items()},
    "Call-ID": "call-id",
    "CSeq": "cseq",
    "WWW-Authenticate": "challenges",
}
_UNUSUAL: Final = ""  # no spelling of the table


class Message(msgspec.Struct, gc=False):  # nothing in it can lead back to it
    """One SIP request or response; texts are empty where a header is absent.

    Attributes:
        method: of a request, or of the request that a response answers (from its CSeq).
        uri: Request-URI, without password; empty in responses.
        status: 100 to 699; 0 in requests.
        branch: of the top Via with the magic cookie, else empty.
        via: sent-by and branch of the top Via, which identify an RFC 2543 request; empty where
            `branch` does.
        previous_branch: of the Via below, from the hop before, with the magic cookie.
        contacts: raw values of the Contact headers, each perhaps a list.
        expires: of the Expires header.
        pai: URI of the first P-Asserted-Identity (RFC 3325).
        session_expires: seconds, of the Session-Expires header (RFC 4028).
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
    from_name: str = ""
    to_uri: str = ""
    to_tag: str = ""
    call_id: str = ""
    cseq: int = 0
    user_agent: str = ""
    server: str = ""
    contacts: tuple[str, ...] = ()
    expires: int | None = None
    pai: str = ""
    session_expires: int | None = None
    credentials: tuple[Digest, ...] = ()
    challenges: tuple[Digest, ...] = ()
    error: str = ""


def claims_sip(payload: bytes, src_port: int, dst_port: int) -> bool:
    """Tells SIP, valid or broken, from everything else: keep-alives, STUN, RTP, HEP, logs.

    A first line that begins with a token and contains `SIP/2.0` claims to be SIP on any port; on
    port 5060 the name of a method as first word is enough. Empty lines may come before a message
    (RFC 3261 section 7.5).
    """
    if _CLAIM.match(payload):
        return True
    return SIP_PORT in (src_port, dst_port) and _CLAIM_ON_PORT.match(payload) is not None


def parse(payload: bytes) -> Message:
    """Reads one message for which `claims_sip` holds; never raises."""
    return _parse(_text(_head(payload)))


def _parse(head: str) -> Message:
    """Reads the text of a head; what follows the first empty line is not looked at."""
    lines = iter(head.split("\n"))
    method, uri, status, reason, error = parts.start_line(next(lines))
    first: dict[str, str] = {}  # of each wanted header
    more: dict[str, list[str]] = {}  # further ones
    usual = _SPELLINGS.get
    for line in lines:
        spelling, colon, value = line.partition(":")
        name = usual(spelling, _UNUSUAL)
        if name is None:
            continue
        if name is _UNUSUAL:
            if line in _EMPTY:
                break
            if line[0] in _BLANKS:
                return _parse(_FOLD.sub(" ", _EMPTY_LINE.split(head, 1)[0]))  # folds nothing twice
            name = _WANTED.get(spelling.rstrip().lower())
        if name is None or not colon:
            continue
        if name not in first:
            first[name] = value.strip()
        elif len(others := more.setdefault(name, [])) < _MAX_REPEATED - 1:
            others.append(value.strip())
    get = first.get
    top_via = get("via", "")
    branch, identity, previous_branch = parts.via(top_via)
    if not previous_branch and "via" in more:
        previous_branch = parts.via(more["via"][0])[0]
    from_uri, from_tag, from_name = parts.party(get("from", ""))
    to_uri, to_tag, _ = parts.party(get("to", ""))
    call_id = get("call-id", "")
    cseq, cseq_method = parts.cseq(get("cseq", ""))
    message = Message(
        method or cseq_method,
        uri,
        status,
        reason,
        branch,
        identity,
        previous_branch,
        from_uri,
        from_tag,
        from_name,
        to_uri,
        to_tag,
        call_id[:MAX_TEXT],
        cseq,
        get("user-agent", "")[:MAX_TEXT],
        get("server", "")[:MAX_TEXT],
    )
    _fill(message, first, more)
    good = top_via and from_uri and to_uri and call_id and cseq_method and cseq <= _MAX_CSEQ
    if error or not good or not (status or method == cseq_method):
        message.error = error or _error(message, first, cseq_method)
    return message


def _head(payload: bytes) -> bytes:
    """The start line, the headers, and of short messages the body too."""
    payload = payload.lstrip(b"\r\n")
    if len(payload) > _LONG:
        payload = _HEAD_END.split(payload[:_MAX_HEAD], 1)[0]
    return payload


def _text(data: bytes) -> str:
    """UTF-8, and backslash escapes for bytes that are none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        # By two ways that are fast, as the error handler `backslashreplace` of decoding is not.
        escaped = data.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace")
        return escaped.decode().replace("\\udc", "\\x")


def _fill(message: Message, first: dict[str, str], more: dict[str, list[str]]) -> None:
    """Reads the headers that only some messages have."""
    if "contact" in first:
        message.contacts = _contacts(message, first["contact"], more.get("contact"))
    if "expires" in first:
        message.expires = number(first["expires"])
    if "credentials" in first:
        credentials = (first["credentials"], *more.get("credentials", ()))
        message.credentials = tuple(map(digest, credentials[:_MAX_CREDENTIALS]))
    if "challenges" in first:
        challenges = (first["challenges"], *more.get("challenges", ()))
        message.challenges = tuple(map(digest, challenges))
    if "p-asserted-identity" in first:
        identities = split_list(first["p-asserted-identity"])
        message.pai = address(identities[0]).uri if identities else ""
    if "session-expires" in first:
        message.session_expires = number(first["session-expires"].partition(";")[0])


def _contacts(message: Message, one: str, others: list[str] | None) -> tuple[str, ...]:
    """All contacts of a response; of a request, which is remembered, not too many."""
    if others is not None and (message.status or len(one) + sum(map(len, others)) <= _MAX_CONTACTS):
        return (one, *others)
    return (one,) if message.status else (one[:_MAX_CONTACTS],)


def _error(message: Message, first: dict[str, str], cseq_method: str) -> str:
    """What is wrong with the headers."""
    for name, title in _MANDATORY.items():
        if not first.get(name):
            return f"no {title} header"
    if not message.from_uri:
        return "no URI in the From header"
    if not message.to_uri:
        return "no URI in the To header"
    if not cseq_method:
        return "malformed CSeq header"
    return "CSeq number too large" if message.cseq > _MAX_CSEQ else "CSeq names another method"
