"""Keep-alives: requests that ask the same again and again, only to hear that all is well.

Phones and proxies poll each other by OPTIONS, SUBSCRIBE, NOTIFY or PUBLISH. The first outcome is an
event, and so is each one that differs from the one before (ok, failed, no answer); all others are
only counted. What comes again within less than a second is no keep-alive, and every one of it is
an event, so that a flood shows (the throttle sees to it that it doesn't show too much).
"""

from __future__ import annotations

from typing import TypeAlias

from zt.sip.parse import Message
from zt.sip.subject import Ends
from zt.sip.tables import SECOND, ExpiringTable
from zt.sip.timers import Timers

_METHODS = frozenset({"OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH"})

# client, server, method, From, To
_Poll: TypeAlias = tuple[bytes, bytes, str, str, str]


class KeepAlives:
    """The last outcome of what is polled.

    Args:
        limit: polls remembered; the one seen longest ago is forgotten first, and so would be
            news again.
        timers: how fast and how slow they may be.

    Attributes:
        absorbed: outcomes that were no news.
    """

    def __init__(self, limit: int, timers: Timers) -> None:
        self._fastest = timers.keep_alive * SECOND
        self._known: ExpiringTable[_Poll, tuple[str, int]] = ExpiringTable(
            timers.polling * SECOND, limit
        )
        self.absorbed = 0

    def news(self, request: Message, ends: Ends, outcome: str, started: int, now: int) -> bool:
        """Whether the outcome of a request is news.

        Args:
            request: of any method.
            ends: who sent it to whom.
            outcome: what would be reported.
            started: microseconds; time of the request.
            now: microseconds.
        """
        if request.method not in _METHODS:
            return True
        poll = (ends.client, ends.server, request.method, request.from_uri, request.to_uri)
        before = self._known.get(poll)
        self._known.put(poll, (outcome, started), now)
        if before is None or before[0] != outcome or started - before[1] < self._fastest:
            return True
        self.absorbed += 1
        return False

    def expire(self, now: int) -> None:
        """Forgets polls that ended."""
        for _ in self._known.expire(now):
            pass

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return self._known.deadline()
