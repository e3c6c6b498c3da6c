"""One direction of a connection: what it speaks, and the messages in it."""

from __future__ import annotations

from zt.sip.capture.tcp.framing import Found, SipFraming
from zt.sip.capture.tcp.startline import Kind, find_start, recognise
from zt.sip.capture.tcp.websocket import MAX_UPGRADE, WebSocketFraming, begins, upgrade


def from_middle(data: bytes) -> SipFraming | WebSocketFraming | None:
    """What speaks, by a segment from the middle of a stream; None where that is not SIP."""
    if find_start(data) >= 0:
        return SipFraming(lost=True)
    return WebSocketFraming(lost=True) if begins(data) else None


class StreamReader:
    """Decides by the first bytes what a stream is, then cuts it into messages.

    Args:
        framing: what it is, where that is known already.
    """

    def __init__(self, framing: SipFraming | WebSocketFraming | None = None) -> None:
        self._first = bytearray()
        self._middle = False  # the first bytes of the stream were not captured
        self.framing = framing
        self.foreign = False  # speaks no SIP; nothing is held or looked at any more

    @property
    def held(self) -> int:
        """Bytes held."""
        return len(self._first) + (self.framing.held if self.framing else 0)

    @property
    def transport(self) -> str:
        """What the messages' `Datagram.transport` is."""
        return self.framing.transport if self.framing else "TCP"

    def feed(self, data: bytes) -> list[Found]:
        """Takes the next bytes; gives the messages that they complete."""
        if self.framing is not None:
            return self.framing.feed(data)
        if self.foreign:
            return []
        if self._middle:
            self.framing = from_middle(data)
            self.foreign = self.framing is None
            return self.framing.feed(data) if self.framing else []
        self._first += data
        kind = recognise(self._first, http=True)
        if kind is Kind.SIP:
            return self._begin(SipFraming(), bytes(self._first))
        if kind is Kind.HTTP:
            return self._http()
        # Line ends alone are keep-alives: they decide nothing, and nothing has to be kept of them.
        if kind is Kind.UNDECIDED and not self._first.strip(b"\r\n"):
            self._first.clear()
        self._give_up(kind is Kind.FOREIGN)
        return []

    def lose(self) -> list[Found]:
        """Says that bytes are missing here; gives the message that they belonged to, cut."""
        if self.framing is None:
            self._first.clear()
            self._middle = True
            return []
        return self.framing.lose()

    def _http(self) -> list[Found]:
        end = self._first.find(b"\r\n\r\n")
        if end < 0:
            self._give_up(len(self._first) > MAX_UPGRADE)
            return []
        if upgrade(bytes(self._first[: end + 2])):
            return self._begin(WebSocketFraming(), bytes(self._first[end + 4 :]))
        self._give_up(True)
        return []

    def _begin(self, framing: SipFraming | WebSocketFraming, data: bytes) -> list[Found]:
        self._first.clear()
        self.framing = framing
        return framing.feed(data)

    def _give_up(self, foreign: bool) -> None:
        if foreign:
            self.foreign = True
            self._first.clear()
