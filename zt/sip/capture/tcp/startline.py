"""What the first bytes of a stream say about it, and where in a stream a SIP message starts."""

from __future__ import annotations

import re
from enum import Enum

MAX_LINE = 16_384  # bytes of a start line that are waited for

_MAX_TOKEN = 32  # bytes
_HTTP = (b"GET ", b"HTTP/")
_TOKEN = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,32}")
_METHODS = frozenset(
    b"ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE "
    b"UPDATE".split()
)
# A whole start line at the beginning of a line (RFC 3261 section 7)
_START = re.compile(
    rb"^(?:SIP/2\.0 [1-6][0-9][0-9] "
    rb"|[A-Za-z0-9.!%*_+`'~-]{1,32} [^ \r\n]{1,8192} SIP/2\.0[ \t]*\r?\n)",
    re.MULTILINE,
)


class Kind(Enum):
    """What a stream speaks, by its first bytes."""

    UNDECIDED = 0
    SIP = 1
    HTTP = 2  # perhaps an upgrade to WebSocket
    FOREIGN = 3


def recognise(data: bytes | bytearray, *, http: bool) -> Kind:
    """Tells what a stream or a message in it begins with; line ends before it do not count.

    A broken start line with the name of a SIP method is SIP too: it is worth an event.

    Args:
        data: the first bytes.
        http: whether HTTP is possible here.
    """
    begin = 0
    while begin < len(data) and data[begin] in b"\r\n":
        begin += 1
    newline = data.find(b"\n", begin, begin + MAX_LINE)
    line = bytes(data[begin : newline if newline >= 0 else begin + MAX_LINE])
    whole = newline >= 0 or len(line) == MAX_LINE
    if line.startswith(b"SIP/"):
        return Kind.SIP
    if http and line.startswith(_HTTP):
        return Kind.HTTP
    if not whole and any(start.startswith(line) for start in (b"SIP/", *_HTTP)):
        return Kind.UNDECIDED
    word = _TOKEN.match(line)
    if word is None:
        return Kind.FOREIGN
    rest = line[word.end() :]
    if not rest and not whole:
        return Kind.UNDECIDED if len(line) < _MAX_TOKEN else Kind.FOREIGN
    if rest[:1] not in (b" ", b"\t"):
        return Kind.FOREIGN
    if b"SIP/2.0" in rest:
        return Kind.SIP
    if not whole:
        return Kind.UNDECIDED
    other = b" HTTP/" in rest or b" RTSP/" in rest
    return Kind.SIP if word[0] in _METHODS and not other else Kind.FOREIGN


def find_start(data: bytes | bytearray, begin: int = 0) -> int:
    """Where the first whole start line from `begin`, the beginning of a line, stands, or -1."""
    if data.find(b"SIP/2.0", begin) < 0:  # by far the most frequent, and much faster
        return -1
    found = _START.search(data, begin)
    return found.start() if found else -1
