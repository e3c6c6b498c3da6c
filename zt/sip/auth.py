"""What digest authentication (RFC 7616, RFC 3261 section 22) tells about a client.

Two questions are answered here:

- *Was a password wrong?* Rejected credentials say so if their nonce was fresh: this server gave it
  to this client, and did not accept it before. A nonce that was accepted and is rejected later has
  expired, whether or not the server says `stale=true`. Of a nonce that the probe never saw issued
  nothing is known: a phone may have kept it from before the probe's start. Then the next try
  decides: with the server's new nonce it is judged as any other; without it, or if the client
  gives up, the first one was wrong. So each guess of a password counts, with whatever nonces they
  come, and a phone whose nonce ran out never does.
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


class Nonces:
    """Which nonces were given to whom, and which were accepted from whom.

    Args:
        limit: entries held in each of the two tables.
    """

    def __init__(self, limit: int) -> None:
        # Keys begin with the client's address; a nonce counts only with the server it is from.
        self._issued: ExpiringTable[tuple[bytes, bytes, str], None] = ExpiringTable(_HOUR, limit)
        self._accepted: ExpiringTable[tuple[bytes, str, str], None] = ExpiringTable(_DAY, limit)

    def issue(self, transaction: Transaction, response: Message, now: int) -> None:
        """Notes the nonces of a challenge."""
        ends = transaction.ends
        for challenge in response.challenges:
            if challenge.nonce:
                self._issued.put((ends.client, ends.server, challenge.nonce), None, now)

    def issued(self, request: Message, client: bytes, server: bytes) -> bool:
        """Whether a request comes with a nonce that the server gave to this very client."""
        for one in request.credentials:  # noqa: SIM110 - `any` takes twice as long
            if (client, server, one.nonce) in self._issued:
                return True
        return False

    def accept(self, transaction: Transaction, now: int) -> None:
        """Notes that the server accepted a request's credentials."""
        for one in transaction.request.credentials:
            self._accepted.put((transaction.ends.client, one.username, one.nonce), None, now)

    def accepted(self, transaction: Transaction) -> bool:
        """Whether these credentials' nonce was accepted before, from this client and user."""
        client = transaction.ends.client
        return any(
            (client, one.username, one.nonce) in self._accepted
            for one in transaction.request.credentials
        )

    def expire(self, now: int) -> None:
        """Forgets what is too old."""
        for _ in self._issued.expire(now):
            pass
        for _ in self._accepted.expire(now):
            pass

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return min(self._issued.deadline(), self._accepted.deadline())


_Exact: TypeAlias = tuple[bytes, str, str, str, str]
_Sender: TypeAlias = tuple[bytes, str, str]


@dataclass(slots=True)
class Challenged:
    """A transaction that ended with a challenge, which the client may still answer.

    Attributes:
        time: microseconds; of the challenge.
        rejected: it came with credentials, which are wrong unless the client does better.
    """

    transaction: Transaction
    response: Message
    time: int
    sender: _Sender
    rejected: bool


class Challenges:
    """Challenges that wait for the client's next try.

    A request with credentials answers the challenge of the same Call-ID, From tag and To; else,
    for clients that start anew, the oldest one of the same source, user and method. One answers
    one: a sender can't cover a hundred guesses of names by one login of its own.

    Args:
        limit: challenges held; the oldest leaves first and counts as unanswered.
        weight: bytes of requests held.
        seconds: that a client has to come back with credentials.
    """

    def __init__(self, limit: int, weight: int, seconds: int) -> None:
        self._limit = weight
        self._weight = 0
        self._waiting: ExpiringTable[_Exact, Challenged] = ExpiringTable(seconds * SECOND, limit)
        self._by_sender: dict[_Sender, dict[_Exact, None]] = {}
        self._reason = f"challenge not answered within {seconds} s"
        self.evicted: list[Challenged] = []  # what left early and was not taken yet

    def wait(
        self, transaction: Transaction, response: Message, time: int, now: int, *, rejected: bool
    ) -> None:
        """Notes a challenge. Repeats of the same attempt count as one."""
        exact = _exact(transaction)
        waiting = self._waiting.get(exact)
        if waiting is not None:
            waiting.transaction.messages += transaction.messages
            waiting.response = response
            return
        sender = _sender(transaction, headers.user(_identity(transaction.request)))
        challenged = Challenged(transaction, response, time, sender, rejected)
        evicted = self._waiting.put(exact, challenged, now)
        self._by_sender.setdefault(sender, {})[exact] = None
        self._weight += transaction.weight
        if evicted is not None:
            self._forget(evicted)
            self.evicted.append(evicted)
        while self._weight > self._limit:
            evicted = self._waiting.pop_oldest()
            self._forget(evicted)
            self.evicted.append(evicted)

    def answer(self, transaction: Transaction) -> Challenged | None:
        """Settles the challenge that a request with credentials answers, if there is one.

        Returns:
            Credentials that were wrong, as this request shows: it repeats the try with another
            nonce than the one that the server asked for.
        """
        exact = _exact(transaction)
        challenged = self._waiting.get(exact)
        if challenged is not None:
            self._waiting.pop(exact)
            self._forget(challenged)
            return challenged if _made_up(transaction, challenged) else None
        names = {one.username for one in transaction.request.credentials}
        names.add(headers.user(_identity(transaction.request)))
        for name in sorted(names - {""}):
            others = self._by_sender.get(_sender(transaction, name))
            if others:
                other = next(iter(others))
                challenged = self._waiting.get(other)
                if challenged is not None and not _made_up(transaction, challenged):
                    self._waiting.pop(other)
                    self._forget(challenged)
                break
        return None

    def take_evicted(self) -> list[tuple[Challenged, str]]:
        """Gives what left early, once, with the reason."""
        evicted, self.evicted = self.evicted, []
        return [(challenged, "too many open challenges") for challenged in evicted]

    def unanswered(self, now: int) -> Iterator[tuple[Challenged, str]]:
        """Removes and yields what waited in vain, with the reason."""
        yield from self.take_evicted()
        for _, challenged in self._waiting.expire(now):
            self._forget(challenged)
            yield challenged, self._reason

    def drain(self, now: int) -> Iterator[tuple[Challenged, str]]:
        """Removes everything at the end of a capture."""
        yield from self.unanswered(now)
        for challenged in self._waiting.drain():
            yield challenged, "challenge not answered by the end of capture"
        self._by_sender.clear()
        self._weight = 0

    def deadline(self) -> int:
        """When `unanswered` has something to do next."""
        return self._waiting.deadline()

    def _forget(self, challenged: Challenged) -> None:
        self._weight -= challenged.transaction.weight
        others = self._by_sender.get(challenged.sender)
        if others is not None:
            others.pop(_exact(challenged.transaction), None)
            if not others:
                del self._by_sender[challenged.sender]


def _made_up(transaction: Transaction, challenged: Challenged) -> bool:
    """Whether credentials were rejected, and the next ones ignore the nonce that was asked for."""
    if not challenged.rejected:
        return False
    asked = {challenge.nonce for challenge in challenged.response.challenges}
    return asked.isdisjoint(one.nonce for one in transaction.request.credentials)


def _identity(request: Message) -> str:
    """Whom a request speaks for: the address of record in To for REGISTER, else From."""
    return request.to_uri if request.method == "REGISTER" else request.from_uri


def _exact(transaction: Transaction) -> _Exact:
    request = transaction.request
    return (
        transaction.ends.client,
        request.call_id,
        request.from_tag,
        request.to_uri,
        request.method,
    )


def _sender(transaction: Transaction, name: str) -> _Sender:
    return transaction.ends.client, name, transaction.request.method
