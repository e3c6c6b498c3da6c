"""The rules that turn the outcome of a transaction into an event, or into none.

The probe must not amplify an attack: what repeats is absorbed, and what is expected (a first
challenge, a refresh, a keep-alive, a request inside a call) is no news.
"""

from __future__ import annotations

from zt.sip import events
from zt.sip.auth import Challenged, Challenges, Nonces
from zt.sip.calls import Call, Calls
from zt.sip.capture import Datagram
from zt.sip.events import Agent, Event
from zt.sip.fingerprint import header_order
from zt.sip.geoip import Places
from zt.sip.keepalives import KeepAlives
from zt.sip.parse import Message, claims_sip, parse
from zt.sip.proofs import Proofs
from zt.sip.registrations import Registrations
from zt.sip.scanners import signature
from zt.sip.stats import Limits, Stats
from zt.sip.tables import SECOND, ExpiringTable
from zt.sip.timers import Timers
from zt.sip.transactions import Transaction, Transactions

_REJECTED = frozenset({401, 403, 407})
_CHALLENGES = frozenset({401, 407})
# Answers that only the other end of a call gives: the server let the request pass.
_CALLEE_ANSWERS = frozenset({180, 183, 486, 487, 600, 603})
# A BYE that nobody answers, or that the other side knows no call for, ends the call as well
# (RFC 3261 section 15.1.1).
_BYE_MISSED = frozenset({408, 481})
_NO_PROBES = frozenset({"REGISTER", "INVITE"})  # judged by their outcome, whoever sends them
_MAX_PING = 4  # bytes; CRLF CRLF (RFC 5626) and what phones send instead
_PING = b"\r\n\0 "
_REPEATED = 32 * SECOND  # microseconds during which a broken message is not reported again
_TICK = SECOND // 10  # microseconds; what expires within is reported together, at its own times


class Rules:
    """Turns datagrams into events; knows no clock but theirs.

    Args:
        agent: who makes the events.
        limits: how much to remember.
        stats: where to count.
        timers: how long to wait.
        places: where addresses are, or None.
    """

    def __init__(
        self,
        agent: Agent,
        limits: Limits,
        stats: Stats,
        timers: Timers | None = None,
        places: Places | None = None,
    ) -> None:
        timers = timers or Timers()
        self._agent = agent
        self._stats = stats
        self._places = places
        self._began = -1  # microseconds; time of the first datagram
        self._now = 0  # never goes back, though packets may be out of order
        self._wake = 0  # nothing expires before
        # What is new expires no sooner than this.
        self._shortest = SECOND * min(
            timers.invite,
            timers.ringing,
            timers.bye,
            timers.request,
            timers.repeats,
            timers.challenge,
            timers.polling,
            timers.established,
            timers.binding_grace,
        )
        self._running_until = timers.established * SECOND
        self._transactions = Transactions(limits.transactions, limits.request_bytes, timers)
        self._challenges = Challenges(limits.challenges, limits.request_bytes, timers.challenge)
        self._nonces = Nonces(limits.nonces)
        self._proofs = Proofs(limits.proofs)
        self._calls = Calls(limits.calls, timers)
        self._registrations = Registrations(limits.registrations, timers)
        self._keep_alives = KeepAlives(limits.keep_alives, timers)
        self._broken: ExpiringTable[tuple[bytes, int], None] = ExpiringTable(
            _REPEATED, limits.parse_errors
        )

    def count(self) -> None:
        """Brings those counters up to date that the tables keep."""
        stats = self._stats
        stats.retransmissions = self._transactions.retransmissions
        stats.unmatched_responses = self._transactions.unmatched_responses
        stats.keep_alives = self._keep_alives.absorbed
        stats.calls_forgotten = self._calls.forgotten
        stats.calls_timed_out = self._calls.timed_out
        stats.bindings_forgotten = self._registrations.forgotten

    def sizes(self) -> dict[str, int]:
        """How much is held at this moment."""
        return {
            "transactions": len(self._transactions),
            "calls": len(self._calls),
            "bindings": len(self._registrations),
        }

    def proven(self, client: bytes, server: bytes) -> bool:
        """Whether a client proved its address towards a server in the hour before."""
        return self._proofs.holds(client, server)

    def advance(self, time: int) -> list[Event]:
        """Lets time pass, to microsecond `time`; gives the events that this decides."""
        found: list[Event] = []
        if time > self._now:
            self._now = time
            if time >= self._wake:
                self._expire(found)
        return found

    def feed(self, datagram: Datagram, message: Message | None = None) -> list[Event]:
        """Takes one datagram, and its message if that is parsed already; gives the events that it,
        or the time it came at, decided."""
        stats = self._stats
        stats.datagrams += 1
        stats.cut += datagram.cut
        found = self.advance(datagram.time)
        if self._began < 0:
            self._began = datagram.time
        payload = datagram.payload
        if not claims_sip(payload, datagram.src_port, datagram.dst_port):
            stats.not_sip += 1
            stats.pings += len(payload) <= _MAX_PING and not payload.strip(_PING)
            return found
        if message is None:
            message = parse(payload)
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
            self._request(message, datagram, found)
        if self._transactions.evicted or self._challenges.evicted:
            self._report_evicted(found)
        return found

    def finish(self) -> list[Event]:
        """Ends the capture: what is still open gets its event, with that as its reason."""
        found: list[Event] = []
        for transaction, time, reason in self._transactions.drain(self._now):
            self._unanswered(transaction, time, reason, found)
        for challenged, reason in self._challenges.drain(self._now):
            self._unsettled(challenged, reason, found)
        return found

    def _report_evicted(self, found: list[Event]) -> None:
        """Reports what had to leave for something newer."""
        for transaction, time, reason in self._transactions.take_evicted():
            self._unanswered(transaction, time, reason, found)
        for challenged, reason in self._challenges.take_evicted():
            self._unsettled(challenged, reason, found)

    def _expire(self, found: list[Event]) -> None:
        """Lets everything go whose time has come."""
        now = self._now
        for transaction, time, reason in self._transactions.ended(now):
            self._unanswered(transaction, time, reason, found)
        for challenged, reason in self._challenges.unanswered(now):
            self._unsettled(challenged, reason, found)
        for time, call in self._calls.expire(now):
            reason = "no sign of life, and no BYE"
            self._add(found, events.call_end(self._agent, time, call, None, None, reason))
        for time, binding in self._registrations.expire(now):
            self._add(found, events.expired(self._agent, time, binding))
        self._nonces.expire(now)
        self._proofs.expire(now)
        self._keep_alives.expire(now)
        for _ in self._broken.expire(now):
            pass
        due = min(
            now + self._shortest,  # what is new until then expires later
            self._transactions.deadline(),
            self._challenges.deadline(),
            self._nonces.deadline(),
            self._proofs.deadline(),
            self._calls.deadline(),
            self._registrations.deadline(),
            self._keep_alives.deadline(),
            self._broken.deadline(),
        )
        self._wake = max(due, now + _TICK)

    def _parse_error(self, datagram: Datagram, message: Message, found: list[Event]) -> None:
        self._stats.parse_errors += 1
        broken = (datagram.src, hash(datagram.payload))
        if broken in self._broken:
            return
        self._broken.put(broken, None, self._now)
        proven = datagram.connected or self._proofs.holds(datagram.src, datagram.dst)
        self._add(found, events.parse_error(self._agent, datagram, message, proven=proven))

    def _request(self, message: Message, datagram: Datagram, found: list[Event]) -> None:
        method = message.method
        if method == "ACK":
            self._ack(message, datagram, found)
            return
        if method == "CANCEL":
            self._transactions.cancel(message, datagram)
            return
        # A REGISTER is never part of a call: it must not hide in one of the sender's own.
        call = early = None
        if message.to_tag and method != "REGISTER":
            call = self._calls.find(message)
            if call is None:
                early = self._calls.find_early(message)
        proven = self._prove(message, datagram, call, early)
        if method == "PRACK":  # part of its INVITE; what happens to it is never an event
            return
        order = "" if call is not None else header_order(datagram.payload)
        transaction = self._transactions.request(
            message, datagram, self._now, order=order, proven=proven
        )
        if transaction is None or transaction.relayed:
            return
        if message.credentials and (wrong := self._challenges.answer(transaction)):
            self._emit(found, "auth-failed", wrong.time, wrong.transaction, wrong.response)
        if call is not None:
            transaction.in_call = True
            if method == "BYE":
                self._calls.bye(call, message, datagram.time)
        elif early is not None:
            transaction.in_call = True
            if method == "BYE":
                early.cancelled = True

    def _prove(
        self, message: Message, datagram: Datagram, call: Call | None, early: Transaction | None
    ) -> bool:
        """Whether the sender of a request is proven, by this request or before."""
        client, server = datagram.src, datagram.dst
        shown = False
        if call is not None:
            shown = call.honest and call.subject.ends.client == client and call.by_caller(message)
        elif early is not None:
            shown = early.ends.client == client and early.request.from_tag == message.from_tag
        if not shown and message.credentials:
            shown = self._nonces.issued(message, client, server)
        if shown:
            self._proofs.add(client, server, self._now)
        return shown or datagram.connected or self._proofs.holds(client, server)

    def _ack(self, ack: Message, datagram: Datagram, found: list[Event]) -> None:
        """An ACK: proof of a dialog, and of final answers that were lost on the way here."""
        now = self._now
        if call := self._calls.find(ack):
            self._prove(ack, datagram, call, None)
            if call.by_caller(ack):
                self._calls.confirm(call)
            return
        invite = self._transactions.invite_of(ack, datagram.src)
        if invite is not None:
            self._lost_answer(invite, ack, datagram.time, found)
        elif call := self._calls.adopt(ack, datagram, now):
            reason = "the INVITE was not seen"
            self._add(found, events.late_start(self._agent, datagram.time, call, reason))

    def _lost_answer(
        self, invite: Transaction, ack: Message, time: int, found: list[Event]
    ) -> None:
        """An INVITE rings here, though its client acknowledges the final answer already."""
        reason = "the final answer was not seen"
        if ack.branch == invite.request.branch:  # RFC 3261 section 17.1.1.3: it was no 2xx
            self._transactions.finish(invite, self._now)
            if not invite.in_call:
                self._emit(found, "call-attempt", time, invite, reason=reason)
        elif ack.to_tag and (not invite.ringing or self._calls.find_early(ack)):
            self._transactions.finish(invite, self._now)
            if invite.in_call:
                return
            invite.tags = (ack.to_tag,)
            stand_in = Message(status=invite.last, to_tag=ack.to_tag)
            call = self._calls.start(invite, stand_in, time, self._now, honest=False)
            if call is not None:
                self._calls.confirm(call)
                event = events.call_start(self._agent, time, call, invite, None, reason)
                self._add(found, event)

    def _response(self, message: Message, datagram: Datagram, found: list[Event]) -> None:
        status = message.status
        transaction = self._transactions.match(message, datagram)
        if transaction is None:
            if message.method == "INVITE" and status // 100 == 2:
                self._calls.orphan(message, datagram, self._now)
            return
        if not self._transactions.answer(transaction, message, datagram, self._now):
            return
        if transaction.relayed:
            return
        if status < 300 or status in _CALLEE_ANSWERS:
            if status >= 180 and transaction.request.credentials:
                self._nonces.accept(transaction, self._now)
            if status < 200:
                honest = datagram.src == transaction.ends.server
                if honest and status > 100 and message.method == "INVITE":
                    self._calls.rings(transaction, message, self._now)
                return
        if status in _REJECTED and self._rejected(transaction, message, datagram, found):
            return
        self._decided(transaction, message, datagram, found)

    def _rejected(
        self, transaction: Transaction, response: Message, datagram: Datagram, found: list[Event]
    ) -> bool:
        """Judges a 401, 403 or 407; False leaves it to the rules for all failures."""
        challenge = response.status in _CHALLENGES
        request, ends = transaction.request, transaction.ends
        rejected = False
        if request.credentials:
            accepted = self._nonces.accepted(transaction)
            fresh = self._nonces.issued(request, ends.client, ends.server)
            if not challenge:
                if accepted:  # the password was right: what is forbidden is the request
                    return False
                self._emit(found, "auth-failed", datagram.time, transaction, response)
                return True
            if not accepted and not any(one.stale for one in response.challenges):
                if fresh or not any(one.nonce for one in response.challenges):
                    self._issue(transaction, response, datagram)
                    self._emit(found, "auth-failed", datagram.time, transaction, response)
                    return True
                rejected = True
        elif not challenge:
            return False
        self._issue(transaction, response, datagram)
        method = request.method
        if method not in _NO_PROBES and signature(request):
            return False  # a scanner does not come back with credentials
        if rejected or not transaction.in_call:
            self._challenges.wait(
                transaction, response, datagram.time, self._now, rejected=rejected
            )
        return True

    def _issue(self, transaction: Transaction, response: Message, datagram: Datagram) -> None:
        """Notes the nonces of a challenge, if it came from where the request went."""
        if datagram.src == transaction.ends.server:
            self._nonces.issue(transaction, response, self._now)

    def _decided(
        self, transaction: Transaction, response: Message, datagram: Datagram, found: list[Event]
    ) -> None:
        """Judges a final response that is about more than authentication."""
        request, time = transaction.request, datagram.time
        success = response.status < 300
        if request.method == "BYE":
            self._bye_decided(transaction, response, time, found)
        elif transaction.in_call:
            if success:
                self._calls.refresh(request, response, self._now)
        elif request.method == "INVITE":
            if success:
                self._accepted(transaction, response, datagram, found)
            else:
                reason = "cancelled" if transaction.cancelled and response.status == 487 else ""
                self._emit(found, "call-attempt", time, transaction, response, reason=reason)
        elif request.method == "REGISTER" and success:
            self._registered(transaction, response, time, found)
        elif not success or not request.to_tag or signature(request):
            self._other(
                "other-ok" if success else "other-failed", transaction, response, time, found
            )

    def _accepted(
        self, invite: Transaction, response: Message, datagram: Datagram, found: list[Event]
    ) -> None:
        """Judges the 2xx of an INVITE outside of known calls."""
        time, now = datagram.time, self._now
        honest = datagram.src == invite.ends.server
        if invite.request.to_tag and time < self._began + self._running_until:
            # A call that began before the capture; later there can be none that is not known.
            self._calls.start(invite, response, time, now, running=True, honest=honest)
        elif call := self._calls.start(invite, response, time, now, honest=honest):
            self._add(found, events.call_start(self._agent, time, call, invite, response))

    def _registered(
        self, transaction: Transaction, response: Message, time: int, found: list[Event]
    ) -> None:
        change = self._registrations.registered(transaction, response, time, self._now)
        if change is None:
            return
        kind, contact, binding = change
        event = events.outcome(
            self._agent, kind.value, time, transaction, response, contact=contact
        )
        if binding is not None:
            events.removed(event, binding, time)
        self._add(found, event)

    def _bye_decided(
        self, bye: Transaction, response: Message, time: int, found: list[Event]
    ) -> None:
        """Judges the final response to a BYE."""
        status = response.status
        if bye.in_call or self._calls.is_over(bye.request):
            if status < 300 or status in _BYE_MISSED:
                self._call_end(bye, response, time, "", found)
        elif status < 300 and bye.request.to_tag:
            self._add(found, events.unmatched_end(self._agent, time, bye, response))
        else:  # somebody tries to end what is no call, or not his
            self._other("other-failed", bye, response, time, found)

    def _unanswered(
        self, transaction: Transaction, time: int, reason: str, found: list[Event]
    ) -> None:
        """Judges a transaction without final response."""
        request = transaction.request
        if transaction.relayed:
            return
        if request.method == "BYE" and (transaction.in_call or self._calls.is_over(request)):
            self._call_end(transaction, None, time, reason, found)
        elif transaction.in_call:
            return
        elif request.method == "INVITE":
            self._emit(found, "call-attempt", time, transaction, reason=reason)
        else:
            self._other("other-timeout", transaction, None, time, found, reason=reason)

    def _unsettled(self, challenged: Challenged, reason: str, found: list[Event]) -> None:
        """Judges a challenge that the client did not answer: it counts when it came."""
        transaction, response, time = challenged.transaction, challenged.response, challenged.time
        if challenged.rejected:
            self._emit(found, "auth-failed", time, transaction, response, reason=reason)
        elif transaction.request.method == "INVITE":
            self._emit(found, "call-attempt", time, transaction, response, reason=reason)
        else:
            self._other("other-failed", transaction, response, time, found, reason=reason)

    def _call_end(
        self,
        bye: Transaction,
        response: Message | None,
        time: int,
        reason: str,
        found: list[Event],
    ) -> None:
        call = self._calls.end(bye.request, self._now)
        if call is not None:
            self._add(found, events.call_end(self._agent, time, call, bye, response, reason))

    def _other(
        self,
        kind: str,
        transaction: Transaction,
        response: Message | None,
        time: int,
        found: list[Event],
        *,
        reason: str = "",
    ) -> None:
        """Reports an outcome that is neither call nor binding, unless it only repeats itself."""
        request = transaction.request
        if request.method not in _NO_PROBES and signature(request):
            kind = "msg-probe"
        elif not self._keep_alives.news(
            request, transaction.ends, kind, transaction.started, self._now
        ):
            return
        self._emit(found, kind, time, transaction, response, reason=reason)

    def _emit(
        self,
        found: list[Event],
        kind: str,
        time: int,
        transaction: Transaction,
        response: Message | None = None,
        *,
        reason: str = "",
    ) -> None:
        self._add(
            found, events.outcome(self._agent, kind, time, transaction, response, reason=reason)
        )

    def _add(self, found: list[Event], event: Event) -> None:
        counts, kind = self._stats.events, event["type"]
        counts[kind] = counts.get(kind, 0) + 1
        if self._places is not None:
            self._locate(event, self._places)
        found.append(event)

    @staticmethod
    def _locate(event: Event, places: Places) -> None:
        """Adds where client and server are."""
        found = {
            name: dict(place)
            for name, end in (("src", "client"), ("dst", "server"))
            if (place := places.place(event[end]["ip"]))
        }
        if found:
            event["geoip"] = found
