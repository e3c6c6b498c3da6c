"""What digest authentication (RFC 7616, RFC 3261 section 22) tells about a sender.

Three questions are answered here:

- *Is the sender's address proven?* Over UDP a source address is a claim. A request with a nonce
  that the server sent to that very address shows that somebody receives there; so does TCP or
  TLS. The proof holds for an hour. It is as good as the nonces are: a server that gives the same
  nonce to everybody (some do, for the length of a second) lets an attacker who asks at the same
  moment prove a forged address, and so does a network that lets forged answers of its own server
  in.
- *Was a nonce accepted before?* Then its rejection means that it expired, and no password was
  wrong, whether or not the server says `stale=true`.
- *Did the client answer its challenge?* A first request is normally rejected with a challenge, so
  that is no failure, unless the client leaves it at that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from zt.sip import headers
from zt.sip.parse import Message
from zt.sip.tables import SECOND, ExpiringTable
from zt.sip.transactions import Transaction

_HOUR = 3_600 * SECOND
_DAY = 24 * _HOUR
ANSWER_WITHIN = 32  # seconds that a client has to come back with credentials


class Nonces:
    """Which nonces were sent to whom, which were accepted from whom, and who is proven by them.

    Args:
        limit: entries held in each of the three tables.
    """

    def __init__(self, limit: int) -> None:
        # Keys begin with the client's address; a nonce counts only with the server it is from,
        # so that a "server" of the attacker's own can't prove anything about a stranger.
        self._issued: ExpiringTable[tuple[bytes, bytes, str], None] = ExpiringTable(_HOUR, limit)
        self._accepted: ExpiringTable[tuple[bytes, str, str], None] = ExpiringTable(_DAY, limit)
        self._proven: ExpiringTable[bytes, None] = ExpiringTable(_HOUR, limit)

    def issue(self, transaction: Transaction, response: Message, now: int) -> None:
        """Notes the nonces of a challenge."""
        for challenge in response.challenges:
            if challenge.nonce:
                key = (transaction.client, transaction.server, challenge.nonce)
                self._issued.put(key, None, now)

    def prove(self, transaction: Transaction, now: int) -> bool:
        """Whether the sender of a request is proven, by this request or in the hour before."""
        for credentials in transaction.request.credentials:
            if (transaction.client, transaction.server, credentials.nonce) in self._issued:
                self._proven.put(transaction.client, None, now)
                return True
        return self.proven(transaction.client, transaction.transport)

    def proven(self, client: bytes, transport: str) -> bool:
        """Whether an address is proven already, or by the transport it speaks."""
        return transport != "UDP" or client in self._proven

    def accept(self, transaction: Transaction, now: int) -> None:
        """Notes that the server accepted a request's credentials."""
        for one in transaction.request.credentials:
            self._accepted.put((transaction.client, one.username, one.nonce), None, now)

    def accepted(self, transaction: Transaction) -> bool:
        """Whether these credentials' nonce was accepted before, from this client and user."""
        return any(
            (transaction.client, one.username, one.nonce) in self._accepted
            for one in transaction.request.credentials
        )

    def expire(self, now: int) -> None:
        """Forgets what is too old."""
        for table in (self._issued, self._accepted, self._proven):
            for _ in table.expire(now):
                pass

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return min(t.deadline() for t in (self._issued, self._accepted, self._proven))


_Exact: TypeAlias = tuple[bytes, str, str, str, str]
_Sender: TypeAlias = tuple[bytes, str, str]


@dataclass(slots=True)
class Challenged:
    """A transaction that ended with a challenge, which the client may still answer."""

    transaction: Transaction
    response: Message
    time: int  # microseconds; of the challenge
    sender: _Sender


class Challenges:
    """Challenges that wait for the client's second try.

    A request with credentials answers the challenge of the same Call-ID, From tag and To; else,
    for clients that start anew, the oldest one of the same source, user and method. One answers
    one: a sender can't cover a hundred guesses of names by one login of its own.

    Args:
        limit: challenges held; the oldest leaves first and counts as unanswered.
    """

    def __init__(self, limit: int) -> None:
        self._waiting: ExpiringTable[_Exact, Challenged] = ExpiringTable(
            ANSWER_WITHIN * SECOND, limit
        )
        self._by_sender: dict[_Sender, dict[_Exact, None]] = {}
        self.evicted: list[Challenged] = []  # to be yielded by the next `unanswered`

    def wait(self, transaction: Transaction, response: Message, time: int, now: int) -> None:
        """Notes a challenge. Repeats of the same attempt count as one."""
        exact = _exact(transaction)
        waiting = self._waiting.get(exact)
        if waiting is not None:
            waiting.transaction.messages += transaction.messages
            return
        sender = _sender(transaction, headers.user(_identity(transaction.request)))
        evicted = self._waiting.put(exact, Challenged(transaction, response, time, sender), now)
        self._by_sender.setdefault(sender, {})[exact] = None
        if evicted is not None:
            self._forget(evicted)
            self.evicted.append(evicted)

    def answer(self, transaction: Transaction) -> None:
        """Settles the challenge that a request with credentials answers, if there is one."""
        exact = _exact(transaction)
        challenged = self._waiting.pop(exact)
        if challenged is None:
            names = {one.username for one in transaction.request.credentials}
            names.add(headers.user(_identity(transaction.request)))
            for name in sorted(names - {""}):
                others = self._by_sender.get(_sender(transaction, name))
                if others:
                    challenged = self._waiting.pop(next(iter(others)))
                    break
        if challenged is not None:
            self._forget(challenged)

    def unanswered(self, now: int) -> Iterator[tuple[Challenged, str]]:
        """Removes and yields what waited in vain, with the reason."""
        for challenged in self.evicted:
            yield challenged, "too many open challenges"
        self.evicted.clear()
        for _, challenged in self._waiting.expire(now):
            self._forget(challenged)
            yield challenged, f"challenge not answered within {ANSWER_WITHIN} s"

    def drain(self, now: int) -> Iterator[tuple[Challenged, str]]:
        """Removes everything at the end of a capture."""
        yield from self.unanswered(now)
        for challenged in self._waiting.drain():
            yield challenged, "challenge not answered by the end of capture"
        self._by_sender.clear()

    def deadline(self) -> int:
        """When `unanswered` has something to do next."""
        return self._waiting.deadline()

    def _forget(self, challenged: Challenged) -> None:
        others = self._by_sender.get(challenged.sender)
        if others is not None:
            others.pop(_exact(challenged.transaction), None)
            if not others:
                del self._by_sender[challenged.sender]


def _identity(request: Message) -> str:
    """Whom a request speaks for: the address of record in To for REGISTER, else From."""
    return request.to_uri if request.method == "REGISTER" else request.from_uri


def _exact(transaction: Transaction) -> _Exact:
    request = transaction.request
    return transaction.client, request.call_id, request.from_tag, request.to_uri, request.method


def _sender(transaction: Transaction, name: str) -> _Sender:
    return transaction.client, name, transaction.request.method
