"""SIP messages in a stream, as a server reads them (RFC 3261 section 18.3, RFC 5626).

`zt.sip.capture.tcp` reads along and must find its way again after anything. A server need not:
what goes wrong here ends the connection. So less is held, and whoever sends something else than
SIP is told from it by the first bytes.
"""

from __future__ import annotations

from typing import NamedTuple

from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.sip.capture.tcp.framing import content_length, end_of_head
from zt.sip.capture.tcp.startline import Kind, recognise

_END = 4  # bytes of the longest end of a head


class Found(NamedTuple):
    """What came; `cut` where it is no whole message."""

    payload: bytes
    cut: bool


class ServerFraming:
    """Cuts a stream into messages.

    A message ends where its Content-Length says; without one, or with one that is no number or
    contradicts another, it has no body. What is no SIP, and a message that is too long, is given
    as far as it may be held, and then the stream is `broken`: nothing more is read of it.

    It holds at most `message_bytes` and what was fed last.

    Args:
        limits: how long heads and messages may be.

    Attributes:
        broken: the connection is to be closed.
        pings: keep-alives that came and want an answer; whoever answers sets it to 0.
    """

    __slots__ = (
        "_buffer", "_is_sip", "_line_ends", "_max_head", "_max_message", "_need", "_scanned",
        "broken", "pings",
    )  # fmt: skip

    def __init__(self, limits: ListenLimits) -> None:
        self._max_message = limits.message_bytes
        self._max_head = min(limits.head_bytes, limits.message_bytes)
        self._buffer = bytearray()
        self._is_sip = False  # the buffer begins with a start line
        self._scanned = 0  # bytes known to hold no end of the head
        self._need = 0  # bytes of a message whose head is complete
        self._line_ends = 0  # between messages; two are a ping
        self.broken = False
        self.pings = 0

    @property
    def held(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Found]:
        """Takes the next bytes; gives what they complete."""
        found: list[Found] = []
        if self.broken:
            return found
        self._buffer += data
        while self._message(found):
            pass
        return found

    def _message(self, found: list[Found]) -> bool:
        """Takes a message from the front of the buffer; False where there is none."""
        if not self._need and not (self._begins(found) and self._measure(found)):
            return False
        buffer = self._buffer
        if len(buffer) < self._need:
            return False
        found.append(Found(bytes(buffer[: self._need]), cut=False))
        del buffer[: self._need]
        self._need = self._scanned = 0
        self._is_sip = False
        return True

    def _begins(self, found: list[Found]) -> bool:
        """Whether the buffer begins with a start line, once line ends are dropped."""
        if self._is_sip:
            return True
        self._drop_line_ends()
        kind = recognise(self._buffer, http=False)
        if kind is Kind.UNDECIDED and len(self._buffer) <= self._max_head:
            return False
        if kind is not Kind.SIP:
            self._break(found)
            return False
        self._line_ends = 0
        self._is_sip = True
        return True

    def _measure(self, found: list[Found]) -> bool:
        """Whether it is known how long the message is."""
        buffer = self._buffer
        end = end_of_head(buffer, self._scanned)
        if end < 0 and len(buffer) <= self._max_head:
            self._scanned = max(0, len(buffer) - _END + 1)
            return False
        if not 0 < end <= self._max_head:
            self._break(found)
            return False
        need = end + (content_length(buffer[:end]) or 0)
        if need > self._max_message:
            self._break(found)
            return False
        self._need = need
        return True

    def _drop_line_ends(self) -> None:
        buffer = self._buffer
        if buffer and buffer[0] in b"\r\n":
            begin = len(buffer) - len(buffer.lstrip(b"\r\n"))
            # RFC 5626 section 4.4.1: two ask for one, RFC 3261 section 7.5: others mean nothing
            self._line_ends += buffer.count(b"\n", 0, begin)
            self.pings += self._line_ends // 2
            self._line_ends %= 2
            del buffer[:begin]

    def _break(self, found: list[Found]) -> None:
        found.append(Found(bytes(self._buffer[: self._max_message]), cut=True))
        self._buffer.clear()
        self.broken = True
