"""Where SIP messages begin and end in a stream (RFC 3261 sections 7.5 and 18.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from zt.sip.capture.tcp.startline import MAX_LINE, Kind, find_start, recognise

MAX_MESSAGE = 65_535  # bytes; as many as UDP can carry
# In lower case
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.MULTILINE)
_ORDINARY_LENGTH = re.compile(rb"\ncontent-length[ \t]*:[ \t]*([0-9]{1,8})[ \t]*\r?\n")
_ORDINARY = re.compile(rb"SIP/2\.0 |[A-Z]{1,32} [^ \r\n]+ SIP/2\.0\r\n")
_MAX_DIGITS = 8
_HUGE = 10**_MAX_DIGITS  # stands for all longer numbers


class Found(NamedTuple):
    """A message in a stream; `cut` where bytes of it are missing."""

    payload: bytes
    cut: bool


class SipFraming:
    """Cuts one direction of a stream into SIP messages.

    A message ends where its Content-Length says. Where that is missing, no number, contradicts
    itself, or makes the message longer than `MAX_MESSAGE`, only the head is given (as `cut` in the
    last case), and the next message is looked for by its start line: who reads along must not
    wait for bytes that never come. So it goes on after bytes that were not captured as well.

    At most `MAX_MESSAGE` bytes and one segment are held.

    Args:
        lost: the stream is read from its middle: the first start line has to be found.
    """

    transport = "TCP"

    def __init__(self, *, lost: bool = False) -> None:
        self._buffer = bytearray()
        self._lost = lost
        self._inside_line = False  # the buffer does not begin where a line does
        self._scanned = 0  # bytes known to hold no end of the head
        self._need = 0  # bytes of a message whose head is complete

    @property
    def held(self) -> int:
        """Bytes held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Found]:
        """Takes the next bytes; gives the messages that they complete."""
        if not self._buffer and not self._lost and _is_one_message(data):
            return [Found(data, cut=False)]
        self._buffer += data
        found: list[Found] = []
        while self._find_start() if self._lost else self._message(found):
            pass
        return found

    def lose(self) -> list[Found]:
        """Says that bytes are missing here; gives the message that they belonged to, cut."""
        found: list[Found] = []
        buffer = self._buffer.lstrip(b"\r\n")
        if not self._lost and b"\n" in buffer and recognise(buffer, http=False) is Kind.SIP:
            found.append(Found(bytes(buffer), cut=True))
        self._buffer.clear()
        self._search()
        # The next segment may begin with a message, and most do.
        self._inside_line = False
        return found

    def _search(self) -> None:
        self._lost = True
        self._scanned = self._need = 0

    def _find_start(self) -> bool:
        """Drops what is before the next start line."""
        buffer = self._buffer
        begin = 0
        if self._inside_line:
            begin = buffer.find(b"\n") + 1
            if not begin:
                buffer.clear()
                return False
            self._inside_line = False
        start = find_start(buffer, begin)
        if start < 0:
            # What may be the beginning of a start line stays.
            start = max(begin, buffer.rfind(b"\n") + 1)
            self._inside_line = len(buffer) - start >= MAX_LINE
            del buffer[: len(buffer) if self._inside_line else start]
            return False
        del buffer[:start]
        self._lost = False
        return True

    def _message(self, found: list[Found]) -> bool:
        """Takes a message from the front of the buffer; False where more bytes are needed."""
        buffer = self._buffer
        if self._need:
            return self._whole(found)
        if not self._scanned:
            _drop_line_ends(buffer)
            kind = recognise(buffer, http=False)
            if kind is Kind.UNDECIDED:
                return False
            if kind is Kind.FOREIGN:
                self._search()
                return True
        end = end_of_head(buffer, self._scanned)
        if end < 0 or end > MAX_MESSAGE:
            self._scanned = max(0, len(buffer) - 3)
            if len(buffer) <= MAX_MESSAGE:
                return False
            found.append(Found(bytes(buffer[:MAX_MESSAGE]), cut=True))
            self._search()
            self._inside_line = True
            return True
        length = content_length(buffer[:end])
        if length is None or end + length > MAX_MESSAGE:
            found.append(Found(bytes(buffer[:end]), cut=length is not None))
            del buffer[:end]
            self._search()
            return True
        self._need = end + length
        return self._whole(found)

    def _whole(self, found: list[Found]) -> bool:
        if len(self._buffer) < self._need:
            return False
        found.append(Found(bytes(self._buffer[: self._need]), cut=False))
        del self._buffer[: self._need]
        self._scanned = self._need = 0
        return True


def _drop_line_ends(buffer: bytearray) -> None:
    """Drops keep-alives (RFC 5626 section 4.4.1) and empty lines before a message."""
    if buffer and buffer[0] in b"\r\n":
        del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]


def end_of_head(buffer: bytearray, begin: int) -> int:
    """Where the body starts, or -1. Bare line feeds end lines too, as for the parser."""
    end = buffer.find(b"\r\n\r\n", begin)
    bare = buffer.find(b"\n\n", begin, end if end >= 0 else len(buffer))
    if bare >= 0:
        return bare + 2
    return end + 4 if end >= 0 else -1


def _is_one_message(data: bytes) -> bool:
    """Whether a segment is just one ordinary message, as nearly all are; others are looked at."""
    end = data.find(b"\r\n\r\n")
    if end < 0 or not _ORDINARY.match(data) or data.find(b"\n\n", 0, end) >= 0:
        return False
    length = content_length(data[: end + 4])
    return length is not None and end + 4 + length == len(data) <= MAX_MESSAGE


def content_length(head: bytes | bytearray) -> int | None:
    """The length of the body; None where it is missing, no number, or there are two."""
    lower = head.lower()
    at = lower.find(b"\ncontent-length")
    if at >= 0 and lower.find(b"\ncontent-length", at + 1) < 0 and lower.find(b"\nl") < 0:
        ordinary = _ORDINARY_LENGTH.match(lower, at)  # much faster than a search
        if ordinary:
            return int(ordinary[1])
    values = {value.rstrip() for value in _LENGTH.findall(lower)}
    value = values.pop() if len(values) == 1 else b""
    if not value.isdigit():
        return None
    return int(value) if len(value) <= _MAX_DIGITS else _HUGE
