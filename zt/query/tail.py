"""Following a question: the events that come, each once, in order of time.

A store has no order of arrival: events may arrive late, and out of order. So each look asks for
all of a window of time that ends now, and passes on what it has not seen. The window begins
`lateness` before the newest event so far; what arrives later than that is not followed, and the
ids of what is older are forgotten. Events without a time are not followed either.

Memory is bounded by `MAX_EVENTS` whatever comes: where more than that lie in the window it begins
later, and that is said. An event that claims a time to come waits until then: else one such
event would end the window for all that are honest, and ten thousand would fill it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from analytics.store import Store
from analytics.wire import MICROSECONDS
from keys import Ring
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.query.ast import Node
from zt.query.session import Found, Session
from zt.query.sessions import Sessions

MAX_EVENTS: Final = 10_000
"""Events in one look, and ids that are remembered."""

LATENESS: Final = 60 * MICROSECONDS
"""How late an event may arrive and still be followed, where nobody says."""


@dataclass(slots=True)
class Heard:
    """What one look found.

    Attributes:
        found: oldest first.
        refused: how many events were refused, by reasons that are new.
        left_out: before this moment there were more than can be followed; None: all is here.
        plans: what is stored, if that is new.
    """

    found: list[Found] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    left_out: int | None = None
    plans: list[Plan] = field(default_factory=list)


class Tail:
    """Looks at a store again and again for the events that a question asks for.

    Args:
        ring: is refreshed when its file changes.
        where: the question.
        first: how many of the events that are there already the first look passes on.
        since: from then on, microseconds since 1970.
        until: before then.
        lateness: how late an event may arrive, microseconds.
        clock: microseconds since 1970.
    """

    def __init__(
        self,
        ring: Ring,
        where: Node,
        *,
        first: int,
        since: int | None = None,
        until: int | None = None,
        lateness: int = LATENESS,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._sessions = Sessions(ring)
        self._session: Session | None = None
        self._where = where
        self._first: int | None = first
        self._floor = since
        self._until = until
        self._lateness = lateness
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._newest = -(2**63)
        self._told: set[str] = set()

    def look(self, store: Store) -> Heard:
        """What is new.

        Raises:
            QueryError: the question can't be answered.
            GrantError, StoreError, WrongKeyError, RingError, ProviderError, IntegrityError: see
                `Session` and `Session.search`.
        """
        session = self._sessions.at(store, store.epochs())
        plans = session.decoder.plans()
        heard = Heard()
        if plans and all(plan.profile.time is None for plan in plans):
            raise QueryError(
                "the profile names no time, so new events can't be told from old ones",
                "add `time: FIELD` to the profile for new events",
            )
        if not plans:
            self._first = None  # whatever comes is new
            return heard
        now = self._clock()
        before = self._newest
        if self._first is None:
            heard.found = found = self._ask(session, now, self._floor, MAX_EVENTS)
            if len(found) == MAX_EVENTS and before < min(map(_time, found)):
                heard.left_out = min(map(_time, found))
        else:
            found, heard.found = self._begin(session, now, self._first)
        # From here on nothing can fail: what was found is passed on.
        self._first = None
        self._remember(found, now)
        if found and self._floor is not None and self._floor > self._newest:
            heard.left_out = self._floor  # too many of one moment: more of it can't be told apart
        heard.found.sort(key=_time)
        for reason in session.refused.keys() - self._told:
            heard.refused[reason] = session.refused[reason]
        self._told.update(session.refused)
        if session is not self._session:
            self._session, heard.plans = session, plans
        return heard

    def _begin(self, session: Session, now: int, first: int) -> tuple[list[Found], list[Found]]:
        """All events of the window, which are not new from now on, and the first to pass on."""
        shown = self._ask(session, now, self._floor, max(first, 1))
        if not shown:
            return [], []
        floor = self._higher(self._horizon(shown, now))
        return [*self._ask(session, now, floor, MAX_EVENTS), *shown], shown[:first]

    def _ask(self, session: Session, now: int, since: int | None, limit: int) -> list[Found]:
        """The newest events of a span that were not seen, but none of a time to come."""
        until = now + self._lateness
        if self._until is not None:
            until = min(until, self._until)
        found = session.search(self._where, since=since, until=until, limit=limit, known=self._seen)
        return list(found)

    def _remember(self, found: list[Found], now: int) -> None:
        """Take in what was found, and forget what lies before the window or is too much."""
        if not found:
            return
        self._seen |= {item.id: _time(item) for item in found}
        self._newest = max(self._newest, *self._seen.values())
        floor = self._higher(self._horizon(found, now))
        if len(self._seen) >= MAX_EVENTS:
            times = sorted(self._seen.values(), reverse=True)
            floor = max(floor, times[MAX_EVENTS - 1] + 1)
        self._floor = floor
        self._seen = {name: moment for name, moment in self._seen.items() if moment >= floor}

    def _horizon(self, found: list[Found], now: int) -> int:
        """Where the window begins."""
        return min(max(map(_time, found)), now) - self._lateness

    def _higher(self, moment: int) -> int:
        """The moment, or the floor if that is later: it never falls."""
        return moment if self._floor is None else max(self._floor, moment)


def _time(found: Found) -> int:
    """The time of an event that was asked for by time, and so has one."""
    if found.time is None:
        raise AssertionError("an event without a time is in no span of time")
    return found.time
