"""One connection, TCP or TLS: bytes in and out, none of which may wait for the other side."""

from __future__ import annotations

import socket
import ssl
from typing import Final, Protocol

from zt.honeynet.honeypot.listen.framing import Found, ServerFraming
from zt.honeynet.honeypot.listen.limits import ListenLimits

_READ: Final = 16_384  # bytes; no TLS record holds more
_PONG: Final = b"\r\n"  # RFC 5626 section 4.4.1


class Keeper(Protocol):
    """Who has the streams."""

    def watch(self, stream: Stream, writing: bool) -> None:
        """It begins, or ceases, to wait for room to write."""

    def end(self, stream: Stream) -> None:
        """It is at its end: to be closed at once."""


class Stream:
    """The server's side of a connection; a `Way` back to its sender.

    Args:
        opened: accepted, non-blocking; of TLS, not shaken hands yet.
        address: of the other side, packed, and its port; `local` likewise of this side.
        limits: how much is held.
        keeper: who has it.
        now: microseconds.

    Attributes:
        heard: when its last message was complete, or it began.
        began: when the message began that is not complete; 0 while there is none.
        spoke: whether a whole message came.
        is_shaking_hands: TLS has not begun yet.
        is_waiting: for room to write.
        closed: it was ended: nothing is read or sent any more; set by its keeper.
    """

    __slots__ = (
        "_keeper", "_limits", "_out", "address", "began", "closed", "framing", "heard",
        "is_shaking_hands", "is_waiting", "local", "socket", "spoke", "transport",
    )  # fmt: skip

    def __init__(
        self,
        opened: socket.socket,
        address: tuple[bytes, int],
        local: tuple[bytes, int],
        limits: ListenLimits,
        keeper: Keeper,
        now: int,
    ) -> None:
        self.socket = opened
        self.address = address
        self.local = local
        self.is_shaking_hands = isinstance(opened, ssl.SSLSocket)
        self.transport = "TLS" if self.is_shaking_hands else "TCP"
        self.framing = ServerFraming(limits)
        self.heard = now
        self.began = 0
        self.spoke = False
        self.is_waiting = False
        self.closed = False
        self._limits = limits
        self._out = bytearray()
        self._keeper = keeper

    def read(self, now: int) -> list[Found] | None:
        """What is complete now; None at the connection's end. Reads once, never blocks.

        Raises:
            BlockingIOError: nothing is there.
        """
        try:
            data = self.socket.recv(_READ)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            raise BlockingIOError from None
        except ssl.SSLWantWriteError:
            self._wait(True)
            raise BlockingIOError from None
        except (OSError, ValueError):  # also what OpenSSL says of a stream that it can't read
            return None
        if not data:
            return None
        found = self.framing.feed(data)
        if any(not one.cut for one in found):
            self.heard, self.spoke = now, True
        if not self.framing.held:
            self.began = 0
        elif not self.began or found:
            self.began = now
        return found

    def shake_hands(self, now: int) -> bool | None:
        """Goes on with the handshake: True when it is complete, None when it failed."""
        if not isinstance(self.socket, ssl.SSLSocket):
            return True
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._wait(False)
            return False
        except ssl.SSLWantWriteError:
            self._wait(True)
            return False
        except (OSError, ValueError):
            return None
        self.is_shaking_hands = False
        self.heard = now
        self._wait(False)
        return True

    def send(self, payload: bytes) -> bool:
        """See `Way`. What the other side does not read is held, up to a limit; then it ends."""
        if self.closed or self.is_shaking_hands:
            return False
        if len(self._out) + len(payload) > self._limits.unsent_bytes:
            self._keeper.end(self)
            return False
        self._out += payload
        self.write()
        return not self.closed

    def pong(self) -> None:
        """Answers a keep-alive; several that came at once need one answer."""
        self.framing.pings = 0
        self.send(_PONG)

    def write(self) -> None:
        """Sends what is held, as far as the other side takes it."""
        while self._out:
            try:
                sent = self.socket.send(self._out)
            except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError):
                self._wait(True)
                return
            except ssl.SSLWantReadError:
                break  # what comes next goes on with it
            except (OSError, ValueError):
                self._keeper.end(self)
                return
            del self._out[:sent]
        self._wait(False)

    @property
    def has_more(self) -> bool:
        """Whether bytes wait inside of TLS, where no selector sees them."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    @property
    def unsent(self) -> int:
        """Bytes that wait for the other side to read."""
        return len(self._out)

    def _wait(self, writing: bool) -> None:
        if writing != self.is_waiting:
            self.is_waiting = writing
            self._keeper.watch(self, writing)
