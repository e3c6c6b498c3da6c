"""Messages become transactions: a request, its retransmissions, and its one final answer.

Keys (RFC 3261 section 17.2.3, and RFC 2543 for requests without the magic cookie) hold the
client's address, the top Via's branch, Call-ID, CSeq number and method. The branch tells apart
what reuses one CSeq (SIPVicious svcrack); Call-ID and CSeq tell apart what reuses one branch, so
that a constant branch does not hide an attack as a retransmission. The client's port is no part
of the key, since without rport an answer goes to the port in the Via.

A request that a proxy forwards shows again on its next hop, with a new branch. Such a *relayed*
transaction has the Call-ID, From tag, CSeq and method of an open one, and comes from the address
that one went to. A proxy with several addresses (IPv4 and IPv6) may send it from another one:
then the Via below its own must name the open one's branch, and that address must have answered
requests before. A Via alone would not do: an attacker writes what he likes into it, and could
hide a hundred attempts behind one. Relayed transactions are followed, but the first hop counts.

Timers run on capture time (RFC 3261 section 17): 32 s until the first answer (timers B and F),
three minutes from one provisional answer of an INVITE to the next (timer C), and 32 s during
which retransmissions of a finished transaction are absorbed (timers D, I, J, K).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from zt.sip.capture import Datagram
from zt.sip.parse import Message
from zt.sip.tables import SECOND, ExpiringTable

ANSWER_WITHIN = 32  # seconds, 64 * T1
FINAL_WITHIN = 180  # seconds, timer C
_KNOWN_FOR = 24 * 3_600  # seconds that an address counts as a server

# Methods without transactions of their own here: ACK and CANCEL belong to their INVITE, PRACK is
# part of one. What happens to them is never an event.
SILENT = frozenset({"ACK", "CANCEL", "PRACK"})

Key: TypeAlias = tuple[bytes, str, str, int, str]
_Leg: TypeAlias = tuple[str, str, int, str]


@dataclass(slots=True, eq=False)
class Transaction:
    """One request on its first hop, from the client that sent it to the server it went to.

    Attributes:
        key, leg: how it is found: on its hop, and among the hops of the same request.
        started: microseconds; time of the request.
        proven: the client's address was proven when it sent this (see `zt.sip.auth`).
        messages: packets seen of it, retransmissions included.
        cancelled: a CANCEL for it was seen.
        relayed: a later hop of another transaction.
        in_call: it belonged to a call that was open when it was sent.
    """

    key: Key
    leg: _Leg
    request: Message
    client: bytes
    client_port: int
    server: bytes
    server_port: int
    transport: str
    started: int
    proven: bool = False
    messages: int = 1
    retransmissions: int = 0
    cancelled: bool = False
    relayed: bool = False
    in_call: bool = False


class Unanswered(NamedTuple):
    """A transaction that ended without a final answer, when, and why."""

    transaction: Transaction
    time: int
    reason: str


class Transactions:
    """All transactions that are open, or finished so lately that repeats may come.

    Args:
        limit: transactions held in each of the three states; the oldest leaves first, and is
            reported by `ended` with that reason.

    Attributes:
        evicted: what left early; `ended` should be called soon when there is something.
    """

    def __init__(self, limit: int) -> None:
        self._calling: ExpiringTable[Key, Transaction] = ExpiringTable(
            ANSWER_WITHIN * SECOND, limit
        )
        self._proceeding: ExpiringTable[Key, Transaction] = ExpiringTable(
            FINAL_WITHIN * SECOND, limit
        )
        self._finished: ExpiringTable[Key, Transaction] = ExpiringTable(
            ANSWER_WITHIN * SECOND, limit
        )
        # The first hop of each request, as long as one of the tables holds it.
        self._first_hops: dict[_Leg, Transaction] = {}
        # Addresses that answered requests from elsewhere.
        self._servers: ExpiringTable[bytes, None] = ExpiringTable(_KNOWN_FOR * SECOND, limit)
        self.evicted: list[Unanswered] = []
        self.retransmissions = 0
        self.unmatched_responses = 0

    def request(self, message: Message, datagram: Datagram, now: int) -> Transaction | None:
        """Opens the transaction of a request whose method is not in `SILENT`.

        Returns:
            The new transaction, or None where a retransmission was absorbed.
        """
        key = _key(message, datagram.src)
        open_one = self._calling.get(key) or self._proceeding.get(key)
        known = open_one or self._finished.get(key)
        if known is not None:
            if _same(known.request, message):
                known.messages += 1
                known.retransmissions += 1
                self.retransmissions += 1
                return None
            # Not a repeat, whatever its key says: a sender must not hide attempts that way.
            self._calling.pop(key)
            self._proceeding.pop(key)
            self._finished.pop(key)
            self._forget(known)
            if open_one is not None:
                self.evicted.append(
                    Unanswered(known, datagram.time, "another request took its place")
                )
        leg = (message.call_id, message.from_tag, message.cseq, message.method)
        transaction = Transaction(
            key,
            leg,
            message,
            datagram.src,
            datagram.src_port,
            datagram.dst,
            datagram.dst_port,
            datagram.transport,
            datagram.time,
        )
        first = self._first_hops.get(leg)
        if first is not None and self._relays(transaction, first):
            transaction.relayed = True
        else:
            self._first_hops[leg] = transaction
        self._evict(self._calling.put(key, transaction, now), datagram.time)
        return transaction

    def cancel(self, message: Message, datagram: Datagram) -> None:
        """Marks the INVITE that a CANCEL is for (RFC 3261 section 9.1: same key but the method)."""
        key = (*_key(message, datagram.src)[:-1], "INVITE")
        transaction = self._calling.get(key) or self._proceeding.get(key)
        if transaction is not None:
            transaction.messages += 1
            transaction.cancelled = True

    def response(self, message: Message, datagram: Datagram, now: int) -> Transaction | None:
        """Finds what a response answers; a final one finishes it.

        Returns:
            The transaction, or None for a repeated response or one without a request.
        """
        key = _key(message, datagram.dst)
        transaction = self._calling.get(key) or self._proceeding.get(key)
        if transaction is None:
            if key in self._finished:
                self.retransmissions += 1
            else:
                self.unmatched_responses += 1
            return None
        transaction.messages += 1
        if message.status >= 200:
            self._calling.pop(key)
            self._proceeding.pop(key)
            evicted = self._finished.put(key, transaction, now)
            if evicted is not None:
                self._forget(evicted)
            if not transaction.relayed and datagram.src not in self._servers:
                self._servers.put(datagram.src, None, now)
        elif message.method == "INVITE":
            self._calling.pop(key)
            self._evict(self._proceeding.put(key, transaction, now), datagram.time)
        return transaction

    def ended(self, now: int) -> Iterator[Unanswered]:
        """Removes and yields what ended without a final answer by `now`."""
        yield from self.evicted
        self.evicted.clear()
        for deadline, transaction in self._calling.expire(now):
            self._forget(transaction)
            yield Unanswered(transaction, deadline, f"no answer within {ANSWER_WITHIN} s")
        for deadline, transaction in self._proceeding.expire(now):
            self._forget(transaction)
            yield Unanswered(transaction, deadline, f"no final answer within {FINAL_WITHIN} s")
        for _, transaction in self._finished.expire(now):
            self._forget(transaction)
        for _ in self._servers.expire(now):
            pass

    def drain(self, now: int) -> Iterator[Unanswered]:
        """Removes everything, and yields what was still open at the end of a capture."""
        yield from self.ended(now)
        for table in (self._calling, self._proceeding):
            for transaction in table.drain():
                yield Unanswered(transaction, now, "end of capture")
        for _ in self._finished.drain():
            pass
        self._first_hops.clear()

    def deadline(self) -> int:
        """When `ended` has something to do next."""
        return min(self._calling.deadline(), self._proceeding.deadline(), self._finished.deadline())

    def _relays(self, transaction: Transaction, first: Transaction) -> bool:
        """Whether `transaction` is a later hop of `first`."""
        if transaction.client == first.server:
            # On one host all hops share the address: there the port tells proxy from client.
            return first.client != first.server or transaction.client_port == first.server_port
        return (
            transaction.client != first.client
            and first.request.branch != ""
            and transaction.request.previous_branch == first.request.branch
            and transaction.client in self._servers
        )

    def _evict(self, transaction: Transaction | None, time: int) -> None:
        if transaction is not None:
            self._forget(transaction)
            self.evicted.append(Unanswered(transaction, time, "too many open transactions"))

    def _forget(self, transaction: Transaction) -> None:
        if self._first_hops.get(transaction.leg) is transaction:
            del self._first_hops[transaction.leg]


def _key(message: Message, client: bytes) -> Key:
    if message.branch:
        return client, message.branch, message.call_id, message.cseq, message.method
    # RFC 2543: without a unique branch the caller has to help. Not To: what a response repeats
    # of it differs where a server reads parameters without brackets as part of the URI.
    identity = f"{message.via}\n{message.from_tag}"
    return client, identity, message.call_id, message.cseq, message.method


def _same(first: Message, second: Message) -> bool:
    """Whether a second request with the same key repeats the first, or only reuses its key."""
    return (
        first.uri == second.uri
        and first.to_uri == second.to_uri
        and first.credentials == second.credentials
    )
