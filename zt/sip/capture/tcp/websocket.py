"""SIP over WebSocket (RFC 6455, RFC 7118): the upgrade, frames, and messages in them."""

from __future__ import annotations

import re

from zt.sip.capture.tcp.framing import MAX_MESSAGE, Found
from zt.sip.capture.tcp.startline import Kind, recognise

MAX_UPGRADE = 16_384  # bytes of the HTTP head
_SIP_OFFERED = re.compile(
    rb"^sec-websocket-protocol[ \t]*:(?:[^\r\n]*,)?[ \t]*sip[ \t]*(?:,|\r?$)",
    re.IGNORECASE | re.MULTILINE,
)
_UPGRADE = re.compile(rb"^upgrade[ \t]*:[ \t]*websocket", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"HTTP/1\.1 101(?![0-9])")

_CONTINUATION, _TEXT, _BINARY = 0, 1, 2
_FINAL, _RESERVED, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_MAX_CONTROL = 125  # bytes (RFC 6455 section 5.5)


def upgrade(head: bytes) -> bool:
    """Whether an HTTP request asks for, or a response grants, SIP over WebSocket."""
    if head.startswith(b"HTTP/") and not _STATUS.match(head):
        return False
    return _UPGRADE.search(head) is not None and _SIP_OFFERED.search(head) is not None


def begins(data: bytes) -> bool:
    """Whether bytes from the middle of a connection begin with a frame that holds SIP.

    True only where a whole header of a first frame stands there, with a length of sense, and what
    follows, unmasked, begins as SIP does: by chance that happens once in 2^40 segments.
    """
    if len(data) < 16 or data[0] & ~_FINAL not in (_TEXT, _BINARY):
        return False
    header = _header(data)
    if header is None:
        return False
    at, length, mask = header
    start = data[at : at + 256]
    if mask is not None:
        start = _unmasked(start, mask)
    return 16 <= length <= MAX_MESSAGE and (
        start.startswith(b"SIP/2.0 ")
        or (b"SIP/2.0" in start and recognise(start, http=False) is Kind.SIP)
    )


class WebSocketFraming:
    """Cuts one direction of an upgraded connection into the messages of its frames.

    A message is one SIP message (RFC 7118 section 5). Compressed ones (RFC 7692), and ones longer
    than `MAX_MESSAGE`, are passed by; what breaks the protocol ends the reading until a segment
    begins with a frame that holds SIP. At most `MAX_MESSAGE` bytes of a message, as many of a
    frame, and one segment are held.

    Args:
        lost: the connection is read from its middle.
    """

    transport = "WS"

    def __init__(self, *, lost: bool = False) -> None:
        self._buffer = bytearray()
        self._message = bytearray()
        self._open = False  # a message has begun
        self._usable = True  # and can be read
        self._skip = 0  # bytes of a frame to pass by
        self._lost = lost

    @property
    def held(self) -> int:
        """Bytes held."""
        return len(self._buffer) + len(self._message)

    def feed(self, data: bytes) -> list[Found]:
        """Takes the next bytes; gives the messages that they complete."""
        if self._lost:
            if not begins(data):
                return []
            self._lost = False
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        self._buffer += data
        found: list[Found] = []
        while not self._skip and not self._lost and self._frame(found):
            pass
        return found

    def lose(self) -> list[Found]:
        """Says that bytes are missing here."""
        self._drop_message()
        self._buffer.clear()
        self._skip = 0
        self._lost = True
        return []

    def _frame(self, found: list[Found]) -> bool:
        """Takes a frame from the front of the buffer; False where more bytes are needed."""
        buffer = self._buffer
        header = _header(buffer)
        if header is None:
            return False
        at, length, mask = header
        opcode, control = buffer[0] & _OPCODE, bool(buffer[0] & 0x08)
        broken = length > _MAX_CONTROL if control else opcode > _BINARY
        if broken or (not control and self._open != (opcode == _CONTINUATION)):
            self.lose()
            return False
        # Reserved bits: an extension, as compression.
        usable = self._usable and not buffer[0] & _RESERVED
        usable = usable and len(self._message) + length <= MAX_MESSAGE
        whole = len(buffer) >= at + length
        if not whole and (control or usable):
            return False
        if not control:
            self._usable = usable
            self._open = True
            if usable:
                data = bytes(buffer[at : at + length])
                self._message += _unmasked(data, mask) if mask is not None else data
            else:
                self._message.clear()
                # Passed by as it comes, without being held.
                self._skip = max(0, at + length - len(buffer))
            if buffer[0] & _FINAL:
                self._end(found)
        del buffer[: at + length]
        return True

    def _end(self, found: list[Found]) -> None:
        if self._usable and self._message.strip(b"\r\n"):  # not a keep-alive
            found.append(Found(bytes(self._message), cut=False))
        self._drop_message()

    def _drop_message(self) -> None:
        self._message.clear()
        self._open = False
        self._usable = True


def _header(data: bytes | bytearray) -> tuple[int, int, bytes | None] | None:
    """Where a frame's data start, their length, and the mask; None where bytes are missing."""
    if len(data) < 2:
        return None
    length, at = data[1] & 0x7F, 2
    if length >= 126:
        at = 4 if length == 126 else 10
        if len(data) < at:
            return None
        length = int.from_bytes(data[2:at], "big")
    if not data[1] & _MASKED:
        return at, length, None
    return (at + 4, length, bytes(data[at : at + 4])) if len(data) >= at + 4 else None


def _unmasked(data: bytes, mask: bytes) -> bytes:
    """RFC 6455 section 5.3, as one operation on long integers."""
    size = len(data)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(data, "big") ^ key).to_bytes(size, "big")
