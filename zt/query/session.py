"""A customer's session with a store: the ring checked against it, questions asked and opened.

Nothing that a store returns is believed: events are taken only with their seal, group keys only
if they open, and the question itself is evaluated again on what comes back. Counts remain the
cloud's word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from analytics.store import Store
from analytics.wire import (
    EventLine,
    Lookup,
    Metric,
    Query,
    Selection,
    ValueRecord,
    parse_line,
    parse_time,
)
from keys import KeysError, Ring, labels
from zt.encoder import Decoder
from zt.encoder.plan import Plan
from zt.errors import IntegrityError, QueryError, ZtError
from zt.query.ast import EVERYTHING, Node, terms
from zt.query.compile import Compiler, visible_field
from zt.query.evaluate import matches, texts_at
from zt.query.fitting import check_epochs, take_headers
from zt.query.groups import open_groups
from zt.query.overlap import Asked, newest_first, overlapping


@dataclass(frozen=True, slots=True)
class Found:
    """One event that a store returned: opened and verified, or refused with the reason."""

    id: str
    event: dict[str, Any]
    view: dict[str, Any]
    """The event as questions and detections see it; see `OpenedEvent`."""
    time: int | None
    """Microseconds since 1970, as the cloud sees it."""
    plan: Plan


@dataclass(frozen=True, slots=True)
class Count:
    """A value of a field and the weight of the events that have it."""

    value: str
    count: int


class Session:
    """Asks a store questions with the keys of a ring.

    Epochs that the ring has destroyed are left out, whether the store holds events of theirs
    still or heard of them again by a batch that was resent: they end alone.

    Attributes:
        refused: how many events and groups were refused, by reason; events of destroyed epochs
            are counted from the start.

    Raises:
        StoreError: the store is another tenant's.
        WrongKeyError: the store holds epochs that the ring does not, or other keys of that name.
        RingError: the ring is older than one that wrote what the store holds.
        IntegrityError: no header of some (epoch, profile) verifies.
    """

    def __init__(self, ring: Ring, store: Store) -> None:
        self.store = store
        self.ring = ring
        self.refused: Counter[str] = Counter()
        if lost := check_epochs(ring, store):
            self.refused["an event whose epoch was destroyed"] = lost
        self.decoder = Decoder(ring)
        take_headers(self.decoder, ring, store)

    @property
    def plans(self) -> list[Plan]:
        """What is stored, by epoch and profile.

        Raises:
            QueryError: nothing is.
        """
        plans = self.decoder.plans()
        if not plans:
            raise QueryError(
                "the store holds no events yet", "send some with: zt-analytics ingest -s STORE"
            )
        return plans

    def search(
        self,
        where: Node = EVERYTHING,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Found]:
        """The events that a question asks for, newest first, those without a time last.

        It is compiled once for each epoch and profile whose time range overlaps, and for none
        before its turn comes: a question with a limit ends without having asked older epochs.

        Raises:
            GrantError: the ring is a reader ring that can't verify events, or does not open what
                the question asks for in one of them; the store was not asked the question.
        """
        self.ring.require(labels.SEAL_KEYSPACE)
        asked = self._asked(where, since, until)
        seen: set[str] = set()
        streams = (
            (newest, self._search(plan, where, since, until, limit, seen)) for plan, newest in asked
        )
        yield from islice(newest_first(streams), limit)

    def _search(
        self,
        plan: Plan,
        where: Node,
        since: int | None,
        until: int | None,
        limit: int | None,
        seen: set[str],
    ) -> Iterator[Found]:
        selection = Selection(
            kid=plan.kid,
            profile=plan.profile_id,
            since=since,
            until=until,
            filter=Compiler(plan, _StoreValues(self.store)).compile(where),
            limit=limit,
        )
        for found in self.open(self.store.scan(selection), seen):
            if matches(where, found.view, found.plan) and _within(found.time, since, until):
                yield found
            else:
                self.refused["an event that was not asked for"] += 1

    def _asked(self, where: Node, since: int | None, until: int | None) -> list[Asked]:
        """The epochs and profiles to ask, newest first.

        Raises:
            GrantError: a reader ring does not open what the question asks for in one of them.
        """
        asked = overlapping(self.plans, self.store.epochs(), since, until)
        if self.ring.is_reader:  # a refusal comes before the first answer, not behind some
            for (plan, _), term in product(asked, terms(where)):
                with suppress(QueryError):  # said when the plan's turn comes
                    Compiler(plan, values=None).compile(term)
        return asked

    def open(self, lines: Iterable[bytes], seen: set[str] | None = None) -> Iterator[Found]:
        """Verify and decrypt events of the store, each id once; count those that fail.

        `seen` holds the ids that came before, and takes in those that come now.

        Raises:
            GrantError: the ring is a reader ring that can't verify events.
        """
        self.ring.require(labels.SEAL_KEYSPACE)
        seen = set() if seen is None else seen
        for raw in lines:
            line = parse_line(raw)
            try:
                if not isinstance(line, EventLine):
                    raise IntegrityError(
                        "the store returned something that is no event", "check it"
                    )
                if line.meta.id in seen:
                    raise IntegrityError("the store returned one event twice", "check it")
                opened = self.decoder.open(line)
            except (ZtError, KeysError) as error:
                self.refused[str(error)] += 1
                continue
            seen.add(line.meta.id)
            time = event_time(opened.view, opened.plan)
            yield Found(line.meta.id, opened.event, opened.view, time, opened.plan)

    def top(
        self,
        path: str,
        *,
        where: Node = EVERYTHING,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> list[Count]:
        """The values of a field by the weight of their events, largest first.

        Groups are summed by plaintext: over epochs and profiles, and over JSON types, since an
        encrypted 1 and "1" differ. So the cloud is asked for all groups and the largest are
        chosen here: an answer is exact, and costs with the number of distinct values.
        """
        totals: Counter[str] = Counter()
        for plan, _ in self._asked(where, since, until):
            field = visible_field(plan, path)
            query = Query(
                kid=plan.kid,
                profile=plan.profile_id,
                since=since,
                until=until,
                filter=Compiler(plan, _StoreValues(self.store)).compile(where),
                group_by=(path,),
                metrics=(Metric(kind="count"),),
            )
            rows = self.store.query(query)
            opened = open_groups(self.store, plan, field, [row.key[0] for row in rows])
            keys: set[str] = set()
            for row, value in zip(rows, opened, strict=True):
                if not isinstance(value, str):
                    self.refused[str(value)] += 1
                elif row.key[0] in keys:
                    self.refused["a group that came twice in one answer"] += 1
                else:
                    keys.add(row.key[0])
                    totals[value] += int(row.metrics[0] or 0)
        ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        return [Count(value, count) for value, count in ranked[:limit]]


class _StoreValues:
    """The compiler's view of a store. What it returns is a hint: the compiler opens each value."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def records(self, lookup: Lookup) -> list[ValueRecord]:
        return list(self._store.values(lookup))

    def texts(self, query: Query) -> list[str]:
        return [row.key[0] for row in self._store.query(query)]


def event_time(view: dict[str, Any], plan: Plan) -> int | None:
    """The time of an opened event in microseconds, None where it has no valid one."""
    if plan.profile.time is None:
        return None
    for text in texts_at(view, plan.profile.time):
        try:
            return parse_time(text)
        except ValueError:
            return None
    return None


def _within(time: int | None, since: int | None, until: int | None) -> bool:
    if since is None and until is None:
        return True
    return time is not None and (since is None or time >= since) and (until is None or time < until)


__all__ = ["Count", "Found", "Session", "event_time"]
