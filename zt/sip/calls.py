"""Calls: from the 2xx of an INVITE to the BYE (RFC 3261 sections 12, 13 and 15).

A call is one dialog: Call-ID and both tags. Of a forked INVITE the first 2xx is the call; a
proxied one shows the same dialog on every hop, and is one call. Calls that the capture does not
show the end of stay open; nothing is invented for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from zt.sip.parse import Message
from zt.sip.tables import SECOND, ExpiringTable
from zt.sip.transactions import Transaction

_LONGEST = 24 * 3_600 * SECOND  # a call without BYE is forgotten after a day

_Dialog: TypeAlias = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Call:
    """An answered call.

    Attributes:
        invite: the transaction that set it up, on the caller's hop.
        started: microseconds; time of the 2xx.
        ended: microseconds; time of the first BYE, 0 before.
    """

    invite: Transaction
    started: int
    ended: int = 0
    ended_by_caller: bool = False


class Calls:
    """The open calls.

    Args:
        limit: calls held; the oldest is forgotten first, without an event.
    """

    def __init__(self, limit: int) -> None:
        self._open: ExpiringTable[_Dialog, Call] = ExpiringTable(_LONGEST, limit)
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._open)

    def start(self, invite: Transaction, response: Message, time: int, now: int) -> Call | None:
        """Opens a call on a 2xx, or gives None if that call is open already."""
        request = invite.request
        dialog = _dialog(request.call_id, request.from_tag, response.to_tag)
        if dialog in self._open:
            return None
        call = Call(invite, time)
        if self._open.put(dialog, call, now) is not None:
            self.forgotten += 1
        return call

    def find(self, request: Message) -> Call | None:
        """The call that a request belongs to, whichever side sent it."""
        return self._open.get(_dialog(request.call_id, request.from_tag, request.to_tag))

    def bye(self, call: Call, request: Message, time: int) -> None:
        """Notes a BYE; the first one's time is the end of the call."""
        if not call.ended:
            call.ended = time
            call.ended_by_caller = request.from_tag == call.invite.request.from_tag

    def end(self, bye: Message) -> Call | None:
        """Closes the call that a BYE belongs to; None if the other side's BYE closed it before."""
        return self._open.pop(_dialog(bye.call_id, bye.from_tag, bye.to_tag))

    def expire(self, now: int) -> None:
        """Forgets calls that are open for too long."""
        for _ in self._open.expire(now):
            self.forgotten += 1

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return self._open.deadline()


def _dialog(call_id: str, one_tag: str, other_tag: str) -> _Dialog:
    """A dialog has the same name from both sides."""
    return call_id, min(one_tag, other_tag), max(one_tag, other_tag)
