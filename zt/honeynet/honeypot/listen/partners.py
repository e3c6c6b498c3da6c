"""What the server needs of the parts it stands between: who answers, and who writes down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zt.sip import Datagram
from zt.sip.parse import Message


class Answer(Protocol):
    """One reply to a message."""

    @property
    def payload(self) -> bytes:
        """What is sent."""

    @property
    def delay(self) -> int:
        """Microseconds to wait before."""


class Answerer(Protocol):
    """Says what is answered to whom; it never raises, whatever the message."""

    def answer(self, message: Message, datagram: Datagram) -> Sequence[Answer]:
        """The replies to a request, which may be broken (`Message.error`), in their order."""

    def advance(self, now: int) -> Sequence[tuple[Datagram, bytes]]:
        """Replies that are due by microsecond `now` since 1970, each with the request that it
        answers; of that, the addresses count."""


class Witness(Protocol):
    """Sees all that comes and all that is sent."""

    def seen(self, datagram: Datagram, message: Message | None = None) -> None:
        """A message that came, or a reply that was sent: then `src` is this honeypot.

        Args:
            datagram: the message.
            message: the same, parsed, where that was done already.
        """

    def advance(self, now: int) -> None:
        """Time passes, to microsecond `now` since 1970."""
