"""Calls: from the 2xx of an INVITE to the BYE (RFC 3261 sections 12, 13 and 15).

A call is one dialog: Call-ID and both tags. A proxied one shows the same dialog on every hop, and
is one call; a forked INVITE that several callees answer is several. A call that shows no sign of
life for as long as its session timer grants (RFC 4028), or else for `Timers.established`, ends by
time-out; a BYE that comes later is no second end.

A call that began before the capture is taken up by a re-INVITE that the other side accepts,
without an event, since its start is not known. A lost 2xx is made up for by the ACK, and so is a
lost INVITE.

Half-open calls, which the caller did not acknowledge, leave first when there are too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from zt.sip.capture import Datagram
from zt.sip.parse import Message
from zt.sip.subject import Ends, Subject, shared, subject
from zt.sip.tables import SECOND, DeadlineTable, ExpiringTable
from zt.sip.timers import Timers
from zt.sip.transactions import Transaction

_SHORTEST_SESSION = 90  # seconds; the least that RFC 4028 section 5 allows
_LONGEST_SESSION = 24 * 3_600  # seconds; a sender must not make the probe wait for longer
_MAX_ORPHANS = 4_096

_Dialog: TypeAlias = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Call:
    """An answered call.

    Attributes:
        dialog: its name.
        subject: the INVITE that set it up, on the caller's hop.
        software: of the callee.
        invited: microseconds; time of the INVITE.
        ringing: microseconds; time of its first provisional answer but 100, 0 if there was none.
        started: microseconds; time of the 2xx.
        ended: microseconds; time of the first BYE, 0 before.
        running: it began before the capture: when, and who called, is not known.
        honest: the 2xx came from where the INVITE went: its tag may prove the caller's address.
        last: status of the last response.
    """

    dialog: _Dialog
    subject: Subject
    software: str
    invited: int
    ringing: int
    started: int
    running: bool
    honest: bool
    last: int
    ended: int = 0
    ended_by_caller: bool = False

    def by_caller(self, message: Message) -> bool:
        """Whether the caller sent a request of this call."""
        return message.from_tag == self.subject.from_tag


class _Orphan(NamedTuple):
    """A 2xx to an INVITE that was not seen: what it takes to make a call of it.

    Attributes:
        time: microseconds.
        session: seconds, of its session timer.
    """

    time: int
    server: bytes
    server_port: int
    client: bytes
    status: int
    session: int | None
    software: str


class Calls:
    """The calls that are open, ring, or ended lately.

    Args:
        limit: calls held; see above for which leaves first, without an event.
        timers: how long they live.

    Attributes:
        forgotten: calls that left because there were too many.
        timed_out: calls that ended without BYE.
    """

    def __init__(self, limit: int, timers: Timers) -> None:
        self._established = timers.established * SECOND
        self._grace = timers.session_grace * SECOND
        self._open: DeadlineTable[_Dialog, Call] = DeadlineTable(limit)
        self._early: ExpiringTable[_Dialog, Transaction] = ExpiringTable(
            timers.ringing * SECOND, limit
        )
        # A late BYE, or the one of the other side, is no news.
        self._ended: ExpiringTable[_Dialog, None] = ExpiringTable(timers.repeats * SECOND, limit)
        self._gone: ExpiringTable[_Dialog, None] = ExpiringTable(_LONGEST_SESSION * SECOND, limit)
        # A 2xx without INVITE, and whom it went to: it takes an ACK from there to believe it.
        self._orphans: ExpiringTable[_Dialog, _Orphan] = ExpiringTable(
            timers.repeats * SECOND, min(limit, _MAX_ORPHANS)
        )
        self.forgotten = 0
        self.timed_out = 0

    def __len__(self) -> int:
        return len(self._open)

    def rings(self, invite: Transaction, response: Message, now: int) -> None:
        """Notes an early dialog (RFC 3261 section 12.1)."""
        request = invite.request
        if response.to_tag and not request.to_tag:
            dialog = _dialog(request.call_id, request.from_tag, response.to_tag)
            self._early.put(dialog, invite, now)

    def start(
        self,
        invite: Transaction,
        response: Message,
        time: int,
        now: int,
        *,
        running: bool = False,
        honest: bool = True,
    ) -> Call | None:
        """Opens a call on a 2xx, or gives None if that call is known already.

        Args:
            invite: what was accepted.
            response: the 2xx, or what stands in for one that was lost.
            time: of it, in microseconds.
            now: microseconds.
            running: the call began before the capture.
            honest: the 2xx came from where the INVITE went.
        """
        request = invite.request
        dialog = _dialog(request.call_id, request.from_tag, response.to_tag)
        if dialog in self._open or self._is_over(dialog):
            return None
        self._early.pop(dialog)
        about = subject(request, invite.ends, invite.order, proven=invite.proven)
        about.to_tag = response.to_tag
        call = Call(
            dialog=dialog,
            subject=about,
            software=shared(response.server or response.user_agent),
            invited=invite.started,
            ringing=invite.ringing,
            started=time,
            running=running,
            honest=honest,
            last=response.status,
        )
        if self._open.put(
            dialog, call, self._deadline(response.session_expires, now), confirmed=running
        ):
            self.forgotten += 1
        return call

    def find(self, request: Message) -> Call | None:
        """The open call that a request belongs to, whichever side sent it."""
        return self._open.get(_dialog(request.call_id, request.from_tag, request.to_tag))

    def find_early(self, request: Message) -> Transaction | None:
        """The INVITE that rings, whose early dialog a request belongs to."""
        return self._early.get(_dialog(request.call_id, request.from_tag, request.to_tag))

    def confirm(self, call: Call) -> None:
        """The caller acknowledged the answer: the call is no longer half-open."""
        self._open.confirm(call.dialog)

    def refresh(self, request: Message, response: Message, now: int) -> None:
        """A request inside a call was accepted: the call lives."""
        dialog = _dialog(request.call_id, request.from_tag, request.to_tag)
        call = self._open.get(dialog)
        if call is not None:
            call.last = response.status
            self._open.move(dialog, self._deadline(response.session_expires, now))

    def bye(self, call: Call, request: Message, time: int) -> None:
        """Notes a BYE; the first one's time is the end of the call."""
        if not call.ended:
            call.ended = time
            call.ended_by_caller = call.by_caller(request)

    def end(self, bye: Message, now: int) -> Call | None:
        """Closes the call that a BYE belongs to; None if there is no such call (any more)."""
        dialog = _dialog(bye.call_id, bye.from_tag, bye.to_tag)
        call = self._open.pop(dialog)
        if call is not None:
            self._ended.put(dialog, None, now)
        return call

    def is_over(self, request: Message) -> bool:
        """Whether a request belongs to a call that ended before."""
        return self._is_over(_dialog(request.call_id, request.from_tag, request.to_tag))

    def orphan(self, response: Message, datagram: Datagram, now: int) -> None:
        """Notes a 2xx to an INVITE that was not seen."""
        dialog = _dialog(response.call_id, response.from_tag, response.to_tag)
        if dialog not in self._open and not self._is_over(dialog):
            server = response.server or response.user_agent
            orphan = _Orphan(
                datagram.time,
                datagram.src,
                datagram.src_port,
                datagram.dst,
                response.status,
                response.session_expires,
                server,
            )
            self._orphans.put(dialog, orphan, now)

    def adopt(self, ack: Message, datagram: Datagram, now: int) -> Call | None:
        """Opens the call of an orphan, if an ACK came from where its 2xx went."""
        dialog = _dialog(ack.call_id, ack.from_tag, ack.to_tag)
        orphan = self._orphans.get(dialog)
        if orphan is None or orphan.client != datagram.src:
            return None
        self._orphans.pop(dialog)
        ends = Ends(
            datagram.src, datagram.src_port, orphan.server, orphan.server_port, datagram.transport
        )
        about = subject(ack, ends, "", proven=datagram.connected)
        about.method = "INVITE"
        call = Call(
            dialog=dialog,
            subject=about,
            software=shared(orphan.software),
            invited=0,
            ringing=0,
            started=orphan.time,
            running=False,
            honest=True,
            last=orphan.status,
        )
        if self._open.put(dialog, call, self._deadline(orphan.session, now), confirmed=True):
            self.forgotten += 1
        return call

    def expire(self, now: int) -> Iterator[tuple[int, Call]]:
        """Removes and yields calls without sign of life, with the time when that was decided."""
        for deadline, call in self._open.expire(now):
            self.timed_out += 1
            self._gone.put(call.dialog, None, now)
            yield deadline, call
        for table in (self._ended, self._gone):
            for _ in table.expire(now):
                pass
        for _ in self._early.expire(now):
            pass
        for _ in self._orphans.expire(now):
            pass

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return min(
            self._open.deadline(),
            self._early.deadline(),
            self._ended.deadline(),
            self._gone.deadline(),
            self._orphans.deadline(),
        )

    def _is_over(self, dialog: _Dialog) -> bool:
        return dialog in self._ended or dialog in self._gone

    def _deadline(self, session: int | None, now: int) -> int:
        """Until when a call lives that a 2xx with this Session-Expires started or refreshed."""
        if session is None:
            return now + self._established
        session = min(max(session, _SHORTEST_SESSION), _LONGEST_SESSION)
        return now + session * SECOND + self._grace


def _dialog(call_id: str, one_tag: str, other_tag: str) -> _Dialog:
    """A dialog has the same name from both sides."""
    if one_tag > other_tag:
        one_tag, other_tag = other_tag, one_tag
    return call_id, one_tag, other_tag
