"""Whose address is no mere claim: `client.proven`.

Over UDP a source address is a claim. These show that somebody receives at it:

- a request with a nonce that this server gave to this very address (RFC 7616);
- a request that continues a dialog with the To tag that the answer to this very address carried.
  Only tags of dialogs count: proxies make those of rejections from what the request says, so that
  an attacker could compute them;
- an established connection (`Datagram.connected`).

A proof holds for an hour, and towards the server it was given to: a "server" of the attacker's own
can't prove anything about a stranger towards others. It is as good as nonces and tags are: a server
that gives the same nonce to everybody (some do, for the length of a second) lets an attacker who
asks at the same moment prove a forged address, and so do a network that lets forged answers of its
own server in, and a callee who tells the attacker its tag.
"""

from __future__ import annotations

from zt.sip.tables import SECOND, ExpiringTable

_HOUR = 3_600 * SECOND


class Proofs:
    """The pairs of client and server whose client is proven.

    Args:
        limit: pairs held; what was proven longest ago leaves first.
    """

    def __init__(self, limit: int) -> None:
        self._proven: ExpiringTable[tuple[bytes, bytes], None] = ExpiringTable(_HOUR, limit)

    def add(self, client: bytes, server: bytes, now: int) -> None:
        """A proof came."""
        self._proven.put((client, server), None, now)

    def holds(self, client: bytes, server: bytes) -> bool:
        """Whether there was one in the hour before."""
        return (client, server) in self._proven

    def expire(self, now: int) -> None:
        """Forgets what is too old."""
        for _ in self._proven.expire(now):
            pass

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return self._proven.deadline()
