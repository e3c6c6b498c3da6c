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

A flood fills only its own room: transactions without an answer, ringing ones and finished ones
are bounded apart, and those of proven clients apart from all others. In each room the oldest
leaves first, with an event that says so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from zt.sip.capture import Datagram
from zt.sip.parse import Message
from zt.sip.subject import Ends
from zt.sip.tables import NEVER, SECOND, ExpiringTable
from zt.sip.timers import Timers

_KNOWN_FOR = 24 * 3_600  # seconds that an address counts as a server
_MAX_FORKS = 16  # answers of different callees to one INVITE that are told apart

Key: TypeAlias = tuple[bytes, str, str, int, str]
_Leg: TypeAlias = tuple[str, str, int, str]


class _Stage:
    """Transactions that wait equally long for the same thing, the oldest first.

    Attributes:
        lifetime: microseconds.
        reason: what an event says of those that waited in vain; empty if they are finished.
        entries: with their deadlines, in microseconds.
        weight: bytes of all their requests.
    """

    __slots__ = ("entries", "lifetime", "reason", "weight")

    def __init__(self, seconds: int, reason: str = "") -> None:
        self.lifetime = seconds * SECOND
        self.reason = reason
        self.entries: OrderedDict[Transaction, int] = OrderedDict()
        self.weight = 0

    def enter(self, transaction: Transaction, now: int) -> None:
        transaction.stage = self
        self.entries[transaction] = now + self.lifetime
        self.weight += transaction.weight

    def leave(self, transaction: Transaction) -> None:
        del self.entries[transaction]
        self.weight -= transaction.weight

    def full(self, limit: int, weight: int) -> bool:
        """Whether there is no room for one more transaction."""
        return len(self.entries) >= limit or self.weight >= weight

    def deadline(self) -> int:
        for deadline in self.entries.values():
            return deadline
        return NEVER


class Transaction(msgspec.Struct, eq=False):
    """One request on its first hop, from the client that sent it to the server it went to.

    Attributes:
        key, leg: how it is found: on its hop, and among the hops of the same request.
        started: microseconds; time of the request.
        weight: bytes of the request, which bound what of it is held.
        order: of the request's headers, see `zt.sip.fingerprint`.
        proven: the client's address was proven when it sent this (see `zt.sip.auth`).
        stage: what it waits for.
        messages: packets seen of it, retransmissions included.
        ringing: microseconds; time of the first provisional answer but 100, 0 before.
        last: status of the last response, 0 before.
        tags: To tags of its 2xx: an INVITE that forks has several.
        cancelled: the client took it back, by CANCEL or BYE.
        relayed: a later hop of another transaction.
        in_call: it belonged to a call, answered or ringing, when it was sent.
    """

    key: Key
    leg: _Leg
    request: Message
    ends: Ends
    started: int
    weight: int
    order: str
    proven: bool
    stage: _Stage
    messages: int = 1
    retransmissions: int = 0
    ringing: int = 0
    last: int = 0
    tags: tuple[str, ...] = ()
    cancelled: bool = False
    relayed: bool = False
    in_call: bool = False


class Unanswered(NamedTuple):
    """A transaction that ended without a final answer, when, and why."""

    transaction: Transaction
    time: int
    reason: str


class _Room:
    """The unfinished transactions of one class of clients.

    Attributes:
        invite, bye, request: without answer, by method.
        ringing: INVITEs with a provisional answer.
    """

    __slots__ = ("bye", "invite", "request", "ringing")

    def __init__(self, timers: Timers) -> None:
        self.invite = _Stage(timers.invite, f"no answer within {timers.invite} s")
        self.bye = _Stage(timers.bye, f"no answer within {timers.bye} s")
        self.request = _Stage(timers.request, f"no answer within {timers.request} s")
        self.ringing = _Stage(timers.ringing, f"no final answer within {timers.ringing} s")

    def stages(self) -> tuple[_Stage, ...]:
        return self.invite, self.bye, self.request, self.ringing

    def full(self, limit: int, weight: int) -> bool:
        """Whether there is no room for one more transaction without answer."""
        invite, bye, request = self.invite, self.bye, self.request
        return (
            len(invite.entries) + len(bye.entries) + len(request.entries) >= limit
            or invite.weight + bye.weight + request.weight >= weight
        )

    def oldest(self) -> Transaction:
        """Of those without answer."""
        waiting = (self.invite, self.bye, self.request)
        firsts = (next(iter(stage.entries)) for stage in waiting if stage.entries)
        return min(firsts, key=lambda transaction: transaction.started)


class Transactions:
    """All transactions that are open, or finished so lately that repeats may come.

    Args:
        limit: transactions held in each of five rooms, see above.
        weight: bytes of requests held in each of them.
        timers: how long they wait.

    Attributes:
        evicted: what left early and was not taken yet.
    """

    def __init__(self, limit: int, weight: int, timers: Timers) -> None:
        self._limit = limit
        self._weight = weight
        self._all: dict[Key, Transaction] = {}
        self._rooms = (_Room(timers), _Room(timers))  # of unproven clients, of proven ones
        self._finished = _Stage(timers.repeats)
        self._stages = (*self._rooms[0].stages(), *self._rooms[1].stages(), self._finished)
        # The first hop of each request, as long as it is held.
        self._first_hops: dict[_Leg, Transaction] = {}
        # Addresses that answered requests from elsewhere.
        self._servers: ExpiringTable[bytes, None] = ExpiringTable(_KNOWN_FOR * SECOND, limit)
        self.evicted: list[Unanswered] = []
        self.retransmissions = 0
        self.unmatched_responses = 0

    def __len__(self) -> int:
        return len(self._all)

    def request(
        self, message: Message, datagram: Datagram, now: int, *, order: str, proven: bool
    ) -> Transaction | None:
        """Opens the transaction of a request that is neither ACK nor CANCEL.

        Returns:
            The new transaction, or None where a retransmission was absorbed.
        """
        key = _key(message, datagram.src)
        known = self._all.get(key)
        if known is not None:
            if _same(known.request, message):
                known.messages += 1
                known.retransmissions += 1
                self.retransmissions += 1
                return None
            # Not a repeat, whatever its key says: a sender must not hide attempts that way.
            finished = known.stage is self._finished
            self._forget(known)
            if not finished:
                reason = "another request took its place"
                self.evicted.append(Unanswered(known, datagram.time, reason))
        room = self._rooms[proven]
        while room.full(self._limit, self._weight):
            self._evict(room.oldest(), datagram.time)
        method = message.method
        stage = (
            room.invite if method == "INVITE" else (room.bye if method == "BYE" else room.request)
        )
        leg = (message.call_id, message.from_tag, message.cseq, method)
        transaction = Transaction(
            key,
            leg,
            message,
            Ends(
                datagram.src,
                datagram.src_port,
                datagram.dst,
                datagram.dst_port,
                datagram.transport,
            ),
            datagram.time,
            len(datagram.payload),
            order,
            proven,
            stage,
        )
        self._all[key] = transaction
        stage.enter(transaction, now)
        first = self._first_hops.get(leg)
        if first is not None and self._relays(transaction, first):
            transaction.relayed = True
        else:
            self._first_hops[leg] = transaction
        return transaction

    def cancel(self, message: Message, datagram: Datagram) -> None:
        """Marks the INVITE that a CANCEL is for (RFC 3261 section 9.1: same key but the method)."""
        transaction = self._all.get((*_key(message, datagram.src)[:-1], "INVITE"))
        if transaction is not None and transaction.stage is not self._finished:
            transaction.messages += 1
            transaction.cancelled = True

    def match(self, message: Message, datagram: Datagram) -> Transaction | None:
        """Finds what a response answers; None, and counted, if the request was not seen."""
        transaction = self._all.get(_key(message, datagram.dst))
        if transaction is None:
            self.unmatched_responses += 1
        return transaction

    def answer(
        self, transaction: Transaction, message: Message, datagram: Datagram, now: int
    ) -> bool:
        """Takes a response to a transaction; False where a repeated one was absorbed.

        Of a finished INVITE, a 2xx of another callee is no repeat (RFC 3261 section 13.2.2.4).
        """
        status = message.status
        if transaction.stage is self._finished:
            self.retransmissions += 1
            if status // 100 != 2 or not transaction.tags or message.to_tag in transaction.tags:
                return False
            if len(transaction.tags) >= _MAX_FORKS:
                return False
            self.retransmissions -= 1
            transaction.messages += 1
            transaction.tags += (message.to_tag,)
            return True
        transaction.messages += 1
        transaction.last = status
        if status >= 200:
            if status < 300 and message.method == "INVITE":
                transaction.tags = (message.to_tag,)
            self.finish(transaction, now)
            if not transaction.relayed and datagram.src not in self._servers:
                self._servers.put(datagram.src, None, now)
        elif message.method == "INVITE":
            if status > 100 and not transaction.ringing:
                transaction.ringing = datagram.time
            self._ring(transaction, datagram.time, now)
        return True

    def invite_of(self, ack: Message, client: bytes) -> Transaction | None:
        """The INVITE that rings, though the client acknowledges its final answer already."""
        leg = (ack.call_id, ack.from_tag, ack.cseq, "INVITE")
        invite = self._first_hops.get(leg)
        if invite is None or invite.stage is not self._rooms[invite.proven].ringing:
            return None
        return invite if invite.ends.client == client else None

    def finish(self, transaction: Transaction, now: int) -> None:
        """A final answer came, or is known to have come."""
        finished = self._finished
        while finished.full(self._limit, self._weight):
            self._forget(next(iter(finished.entries)))
        transaction.stage.leave(transaction)
        finished.enter(transaction, now)

    def take_evicted(self) -> list[Unanswered]:
        """Gives what left early, once."""
        evicted, self.evicted = self.evicted, []
        return evicted

    def ended(self, now: int) -> Iterator[Unanswered]:
        """Removes and yields what ended without a final answer by `now`."""
        yield from self.take_evicted()
        for stage in self._stages:
            while (deadline := stage.deadline()) <= now:
                transaction = next(iter(stage.entries))
                self._forget(transaction)
                if stage.reason:
                    yield Unanswered(transaction, deadline, stage.reason)
        for _ in self._servers.expire(now):
            pass

    def drain(self, now: int) -> Iterator[Unanswered]:
        """Removes everything, and yields what was still open at the end of a capture."""
        yield from self.ended(now)
        for stage in self._stages:
            for transaction in stage.entries:
                if stage.reason:
                    yield Unanswered(transaction, now, "end of capture")
            stage.entries.clear()
            stage.weight = 0
        self._all.clear()
        self._first_hops.clear()

    def deadline(self) -> int:
        """When `ended` has something to do next."""
        return min(stage.deadline() for stage in self._stages)

    def _ring(self, transaction: Transaction, time: int, now: int) -> None:
        """A provisional answer came: from now on the client waits for longer."""
        ringing = self._rooms[transaction.proven].ringing
        transaction.stage.leave(transaction)
        while ringing.full(self._limit, self._weight):
            self._evict(next(iter(ringing.entries)), time)
        ringing.enter(transaction, now)

    def _relays(self, transaction: Transaction, first: Transaction) -> bool:
        """Whether `transaction` is a later hop of `first`."""
        ends, before = transaction.ends, first.ends
        if ends.client == before.server:
            # On one host all hops share the address: there the port tells proxy from client.
            return before.client != before.server or ends.client_port == before.server_port
        return (
            ends.client != before.client
            and first.request.branch != ""
            and transaction.request.previous_branch == first.request.branch
            and ends.client in self._servers
        )

    def _evict(self, transaction: Transaction, time: int) -> None:
        self._forget(transaction)
        self.evicted.append(Unanswered(transaction, time, "too many open transactions"))

    def _forget(self, transaction: Transaction) -> None:
        del self._all[transaction.key]
        transaction.stage.leave(transaction)
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
