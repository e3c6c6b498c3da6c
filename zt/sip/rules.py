"""The rules that turn the outcome of a transaction into an event, or into none.

The probe must not amplify an attack: what repeats is absorbed, and what is expected (a first
challenge, a refresh, a request inside a call) is no news.
"""

from __future__ import annotations

from zt.sip import events
from zt.sip.auth import Challenged, Challenges, Nonces
from zt.sip.calls import Calls
from zt.sip.capture import Datagram
from zt.sip.events import Agent, Event
from zt.sip.parse import Message, claims_sip, parse
from zt.sip.registrations import Registrations
from zt.sip.scanners import signature
from zt.sip.stats import Limits, Stats
from zt.sip.tables import SECOND, ExpiringTable
from zt.sip.transactions import ANSWER_WITHIN, SILENT, Transaction, Transactions

_REJECTED = frozenset({401, 403, 407})
_CHALLENGES = frozenset({401, 407})
# Answers that only the other end of a call gives: the server let the request pass.
_CALLEE_ANSWERS = frozenset({180, 183, 486, 487, 600, 603})
# A BYE that nobody answers, or that the other side knows no call for, ends the call as well
# (RFC 3261 section 15.1.1).
_BYE_MISSED = frozenset({408, 481})
_NO_PROBES = frozenset({"REGISTER", "INVITE"})  # judged by their outcome, whoever sends them
_SHORTEST = ANSWER_WITHIN * SECOND  # no table's entries live shorter


class Rules:
    """Turns datagrams into events; knows no clock but theirs.

    Args:
        agent: who makes the events.
        limits: how much to remember.
        stats: where to count.
    """

    def __init__(self, agent: Agent, limits: Limits, stats: Stats) -> None:
        self._agent = agent
        self._stats = stats
        self._now = 0  # never goes back, though packets may be out of order
        self._wake = 0  # nothing expires before
        self._transactions = Transactions(limits.transactions)
        self._challenges = Challenges(limits.challenges)
        self._nonces = Nonces(limits.nonces)
        self._calls = Calls(limits.calls)
        self._registrations = Registrations(limits.registrations)
        self._broken: ExpiringTable[tuple[bytes, int], None] = ExpiringTable(
            ANSWER_WITHIN * SECOND, limits.parse_errors
        )

    def count(self) -> None:
        """Brings those counters up to date that the tables keep."""
        self._stats.retransmissions = self._transactions.retransmissions
        self._stats.unmatched_responses = self._transactions.unmatched_responses
        self._stats.calls_forgotten = self._calls.forgotten

    def advance(self, time: int) -> list[Event]:
        """Lets time pass, to microsecond `time`; gives the events that this decides."""
        found: list[Event] = []
        self._now = max(self._now, time)
        if self._now >= self._wake:
            self._expire(found)
        return found

    def feed(self, datagram: Datagram) -> list[Event]:
        """Takes one datagram; gives the events that it, or the time it came at, decided."""
        stats = self._stats
        stats.datagrams += 1
        stats.cut += datagram.cut
        found = self.advance(datagram.time)
        if not claims_sip(datagram.payload, datagram.src_port, datagram.dst_port):
            stats.not_sip += 1
            return found
        message = parse(datagram.payload)
        if message.error:
            if datagram.cut:  # what is missing is the capture's fault, not the sender's
                stats.cut_unusable += 1
            else:
                self._parse_error(datagram, message, found)
        elif message.status:
            stats.responses += 1
            self._response(message, datagram, found)
        else:
            stats.requests += 1
            self._request(message, datagram)
        return found

    def finish(self) -> list[Event]:
        """Ends the capture: what is still open gets its event, with that as its reason."""
        found: list[Event] = []
        for transaction, time, reason in self._transactions.drain(self._now):
            self._unanswered(transaction, time, reason, found)
        for challenged, reason in self._challenges.drain(self._now):
            self._unsettled(challenged, reason, found)
        return found

    def _expire(self, found: list[Event]) -> None:
        """Lets everything go whose time has come."""
        now = self._now
        for transaction, time, reason in self._transactions.ended(now):
            self._unanswered(transaction, time, reason, found)
        for challenged, reason in self._challenges.unanswered(now):
            self._unsettled(challenged, reason, found)
        self._nonces.expire(now)
        self._calls.expire(now)
        self._registrations.expire(now)
        for _ in self._broken.expire(now):
            pass
        self._wake = min(
            now + _SHORTEST,  # what is new until then expires later
            self._transactions.deadline(),
            self._challenges.deadline(),
            self._nonces.deadline(),
            self._calls.deadline(),
            self._registrations.deadline(),
            self._broken.deadline(),
        )

    def _parse_error(self, datagram: Datagram, message: Message, found: list[Event]) -> None:
        self._stats.parse_errors += 1
        broken = (datagram.src, hash(datagram.payload))
        if broken in self._broken:
            return
        self._broken.put(broken, None, self._now)
        proven = self._nonces.proven(datagram.src, datagram.transport)
        self._add(found, events.parse_error(self._agent, datagram, message, proven=proven))

    def _request(self, message: Message, datagram: Datagram) -> None:
        if message.method in SILENT:
            if message.method == "CANCEL":
                self._transactions.cancel(message, datagram)
            return
        transaction = self._transactions.request(message, datagram, self._now)
        if self._transactions.evicted:
            self._wake = 0
        if transaction is None or transaction.relayed:
            return
        transaction.proven = self._nonces.prove(transaction, self._now)
        if message.credentials:
            self._challenges.answer(transaction)
        # A REGISTER is never part of a call: it must not hide in one of the sender's own.
        if message.to_tag and message.method != "REGISTER" and (call := self._calls.find(message)):
            transaction.in_call = True
            if message.method == "BYE":
                self._calls.bye(call, message, datagram.time)

    def _response(self, message: Message, datagram: Datagram, found: list[Event]) -> None:
        if message.method in SILENT:
            return
        transaction = self._transactions.response(message, datagram, self._now)
        if self._transactions.evicted:
            self._wake = 0
        if transaction is None or transaction.relayed:
            return
        if message.status // 100 == 2 or message.status in _CALLEE_ANSWERS:
            self._nonces.accept(transaction, self._now)
        if message.status < 200:
            return
        if message.status in _REJECTED and self._rejected(transaction, message, datagram, found):
            return
        self._decided(transaction, message, datagram.time, found)

    def _rejected(
        self, transaction: Transaction, response: Message, datagram: Datagram, found: list[Event]
    ) -> bool:
        """Judges a 401, 403 or 407; False leaves it to the rules for all failures."""
        challenge = response.status in _CHALLENGES
        if challenge and datagram.src == transaction.server:
            self._nonces.issue(transaction, response, self._now)
        if transaction.request.credentials:
            accepted = self._nonces.accepted(transaction)
            if not challenge:
                if accepted:  # the password was right: what is forbidden is the request
                    return False
                self._emit(found, "auth-failed", datagram.time, transaction, response)
                return True
            if not accepted and not any(one.stale for one in response.challenges):
                self._emit(found, "auth-failed", datagram.time, transaction, response)
                return True
        elif not challenge:
            return False
        method = transaction.request.method
        if method not in _NO_PROBES and signature(transaction.request):
            return False  # a scanner does not come back with credentials
        if not transaction.in_call and method != "BYE":
            self._challenges.wait(transaction, response, datagram.time, self._now)
            if self._challenges.evicted:
                self._wake = 0
        return True

    def _decided(
        self, transaction: Transaction, response: Message, time: int, found: list[Event]
    ) -> None:
        """Judges a final response that is about more than authentication."""
        request = transaction.request
        success = response.status < 300
        if transaction.in_call or request.method == "BYE":
            if request.method == "BYE" and (success or response.status in _BYE_MISSED):
                self._call_end(transaction, response, time, "", found)
        elif request.method == "INVITE":
            if not success:
                reason = "cancelled" if transaction.cancelled and response.status == 487 else ""
                self._emit(found, "call-attempt", time, transaction, response, reason=reason)
            # A To tag without a call: one that began before the capture.
            elif not request.to_tag and self._calls.start(transaction, response, time, self._now):
                self._emit(found, "call-start", time, transaction, response)
        elif request.method == "REGISTER" and success:
            change = self._registrations.registered(transaction, response, self._now)
            if change is not None:
                kind, contact = change
                self._emit(found, kind.value, time, transaction, response, contact=contact)
        elif not success or not request.to_tag or signature(request):
            kind_other = "other-ok" if success else "other-failed"
            self._emit(found, self._other(request, kind_other), time, transaction, response)

    def _unanswered(
        self, transaction: Transaction, time: int, reason: str, found: list[Event]
    ) -> None:
        """Judges a transaction without final response."""
        request = transaction.request
        if transaction.relayed:
            return
        if transaction.in_call or request.method == "BYE":
            if request.method == "BYE":
                self._call_end(transaction, None, time, reason, found)
        elif request.method == "INVITE":
            self._emit(found, "call-attempt", time, transaction, reason=reason)
        else:
            kind = self._other(request, "other-timeout")
            self._emit(found, kind, time, transaction, reason=reason)

    def _unsettled(self, challenged: Challenged, reason: str, found: list[Event]) -> None:
        """Judges a challenge that the client did not answer: it counts when it came."""
        transaction, response, time = challenged.transaction, challenged.response, challenged.time
        kind = "call-attempt" if transaction.request.method == "INVITE" else "other-failed"
        self._emit(found, kind, time, transaction, response, reason=reason)

    def _call_end(
        self,
        bye: Transaction,
        response: Message | None,
        time: int,
        reason: str,
        found: list[Event],
    ) -> None:
        call = self._calls.end(bye.request)
        if call is not None:
            self._add(found, events.call_end(self._agent, time, call, bye, response, reason))

    @staticmethod
    def _other(request: Message, kind: str) -> str:
        """The type of an outcome that is neither call nor binding."""
        return "msg-probe" if request.method not in _NO_PROBES and signature(request) else kind

    def _emit(
        self,
        found: list[Event],
        kind: str,
        time: int,
        transaction: Transaction,
        response: Message | None = None,
        *,
        reason: str = "",
        contact: str = "",
    ) -> None:
        event = events.outcome(
            self._agent, kind, time, transaction, response, reason=reason, contact=contact
        )
        self._add(found, event)

    def _add(self, found: list[Event], event: Event) -> None:
        counts, kind = self._stats.events, event["type"]
        counts[kind] = counts.get(kind, 0) + 1
        found.append(event)
