"""Calls that seem to ring, are busy, or are answered late: of proven sources only.

All replies of a call are written when it comes, so a call is a handful of texts and a time. Who
answers is decided by the number dialled, the same each time.

A final reply is repeated until the caller acknowledges it, as the protocol wants it: over UDP, and
also that of an answered call (RFC 3261 sections 13.3.1.4 and 17.2.1), for 32 seconds. Calls are
bounded in number, and for each source; the oldest gives way.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

import msgspec

from zt.sip import Datagram
from zt.sip.tables import SECOND, DeadlineTable

_RING_AFTER: Final = 400_000  # microseconds until a phone rings
_T1: Final = 500_000  # microseconds; RFC 3261 section 17.1.1.1
_T2: Final = 4 * SECOND
_PATIENCE: Final = 64 * _T1


class Key(NamedTuple):
    """What tells calls apart; where it came from is part of it, so nobody ends another's call."""

    src: bytes
    src_port: int
    transport: str
    call_id: bytes
    from_tag: str


class Late(NamedTuple):
    """A reply that comes later than the answer to its request.

    Attributes:
        to: the request's place: the reply goes to its `src` and `src_port`, from its `dst` and
            `dst_port`, by its transport and connection. Without the request's payload.
    """

    to: Datagram
    payload: bytes


class State(Enum):
    """Where a call is."""

    NEW = 0  # its phone will ring
    RINGING = 1
    DONE = 2  # the final reply waits for its ACK
    ANSWERED = 3  # and has it


class Call(msgspec.Struct, gc=False):
    """One call.

    Attributes:
        to: where its request came from.
        branch: of its INVITE's top Via.
        cseq: of its INVITE.
        wait: microseconds from ringing to the final reply.
        last: what was sent last.
        is_answered: the final reply is success.
    """

    key: Key
    to: Datagram
    branch: str
    cseq: int
    ringing: bytes
    final: bytes
    terminated: bytes
    wait: int
    is_answered: bool
    last: bytes
    state: State = State.NEW
    pause: int = _T1
    until: int = 0


class Calls:
    """The calls that go on.

    Args:
        limit: calls remembered.
        limit_of_one: of one source.
        life: seconds that an answered call is remembered.
    """

    def __init__(self, limit: int, limit_of_one: int, life: int) -> None:
        self._calls: DeadlineTable[Key, Call] = DeadlineTable(limit)
        self._of: dict[bytes, int] = {}
        self._limit_of_one = limit_of_one
        self._life = life * SECOND

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, key: Key) -> Call | None:
        """The call of that key."""
        return self._calls.get(key)

    def has_room(self, src: bytes) -> bool:
        """Whether a source may begin another call."""
        return self._of.get(_source(src), 0) < self._limit_of_one

    def begin(self, call: Call, now: int) -> None:
        """A call came; one of the same key is over."""
        self.end(call.key)
        source = _source(call.key.src)
        self._of[source] = self._of.get(source, 0) + 1
        evicted = self._calls.put(call.key, call, now + _RING_AFTER, confirmed=True)
        if evicted is not None:
            self._forget(evicted)

    def end(self, key: Key) -> bool:
        """A call is over; tells whether there was one."""
        call = self._calls.pop(key)
        if call is None:
            return False
        self._forget(call)
        return True

    def cancel(self, call: Call, now: int) -> bytes | None:
        """Ends a call that is not answered yet; gives the reply to its INVITE."""
        if call.state not in (State.NEW, State.RINGING):
            return None
        call.final, call.is_answered = call.terminated, False
        self._calls.move(call.key, self._finish(call, now))
        return call.final

    def acknowledge(self, call: Call, now: int) -> None:
        """An ACK for a call's final reply came."""
        if call.state is not State.DONE:
            return
        if not call.is_answered:
            self.end(call.key)
            return
        call.state = State.ANSWERED
        self._calls.move(call.key, now + self._life)

    def advance(self, now: int) -> list[Late]:
        """What is due by now: one reply for each call at most."""
        late: list[Late] = []
        for _, call in list(self._calls.expire(now)):
            next_time = self._step(call, now)
            if next_time is None:
                self._forget(call)
                continue
            self._calls.put(call.key, call, next_time, confirmed=True)
            late.append(Late(call.to, call.last))
        return late

    def deadline(self) -> int:
        """When `advance` has something to do next."""
        return self._calls.deadline()

    def _step(self, call: Call, now: int) -> int | None:
        """Moves a call on; gives the time of its next step, or None if it is over."""
        if call.state is State.NEW:
            call.state, call.last = State.RINGING, call.ringing
            return now + call.wait
        if call.state is State.RINGING:
            return self._finish(call, now)
        if call.state is State.DONE and now < call.until:
            call.pause = min(2 * call.pause, _T2)
            return min(now + call.pause, call.until)
        return None

    def _finish(self, call: Call, now: int) -> int:
        """The final reply is sent; gives the time when it is sent again, or given up."""
        call.state, call.last = State.DONE, call.final
        call.until = now + _PATIENCE
        repeats = call.is_answered or call.to.transport == "UDP"
        return now + call.pause if repeats else call.until

    def _forget(self, call: Call) -> None:
        source = _source(call.key.src)
        left = self._of[source] - 1
        if left:
            self._of[source] = left
        else:
            del self._of[source]


def _source(src: bytes) -> bytes:
    """Who is one: an IPv4 address, an IPv6 /64."""
    return src if len(src) == 4 else src[:8]
