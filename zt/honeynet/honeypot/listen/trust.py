"""Who is proven to receive at the address that it claims: the server's own view.

The lure makes nonces of which it can tell whom they were given to. The server does not take its
word: a source is proven to it only after a nonce, which a reply carried to that very address, came
back from there (RFC 7616). So no defect of a lure, a personality or a secret makes the honeypot
answer a made-up source with more than it sent.
"""

from __future__ import annotations

import re
from typing import Final

from zt.sip import Datagram
from zt.sip.parse import Message
from zt.sip.proofs import Proofs
from zt.sip.tables import SECOND, ExpiringTable

_HOUR: Final = 3_600 * SECOND
_CHALLENGES: Final = (b"SIP/2.0 401", b"SIP/2.0 407")
# Shorter ones can be guessed. Of longer ones the parser keeps no more.
_NONCE: Final = re.compile(rb'\bnonce="([0-9A-Za-z+/=_.:-]{16,512})"')


class Trust:
    """The nonces that were given over UDP, and the sources that gave one back.

    Both are forgotten after an hour, or when others need the place: then a source is merely
    answered with less. Times must not decrease from call to call.

    Args:
        limit: entries held in each of the two tables.
    """

    def __init__(self, limit: int) -> None:
        self._given: ExpiringTable[tuple[bytes, bytes, str], None] = ExpiringTable(_HOUR, limit)
        self._proofs = Proofs(limit)

    def __len__(self) -> int:
        return len(self._given)

    def give(self, request: Datagram, reply: bytes, now: int) -> None:
        """Notes the nonce of a reply that was sent to a request's sender."""
        if reply.startswith(_CHALLENGES) and (nonce := _NONCE.search(reply)):
            self._given.put((request.src, request.dst, nonce[1].decode("ascii")), None, now)

    def proves(self, request: Datagram, message: Message, now: int) -> bool:
        """Whether a request's sender is proven, by this request or one of the hour before."""
        if request.connected:
            return True
        for one in message.credentials:
            if (request.src, request.dst, one.nonce) in self._given:
                self._proofs.add(request.src, request.dst, now)
                return True
        return self.holds(request)

    def holds(self, request: Datagram) -> bool:
        """Whether the sender of a request was proven before."""
        return request.connected or self._proofs.holds(request.src, request.dst)

    def expire(self, now: int) -> None:
        """Forgets what is too old."""
        for _ in self._given.expire(now):
            pass
        self._proofs.expire(now)
