"""A customer's session with a store: the ring checked against it, questions asked and opened.

Nothing that a store returns is believed: events are taken only with their seal, group keys only
if they open, and the question itself is evaluated again on what comes back. Counts remain the
cloud's word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from analytics.store import Store
from analytics.wire import EventLine, Metric, Selection, parse_line, parse_time
from keys import KeysError, Ring, labels
from zt.encoder import Decoder
from zt.encoder.plan import Plan
from zt.errors import IntegrityError, QueryError, ZtError
from zt.query.ast import EVERYTHING, Node, Pattern, Term, terms
from zt.query.compile import Compiled, Compiler
from zt.query.dictionary import Values
from zt.query.evaluate import matches, text_matches
from zt.query.explain import Explained, explained, number_of_events, selection
from zt.query.fitting import check_epochs, take_headers
from zt.query.measure import COUNT, Measure, by_cloud, by_edge
from zt.query.merge import Group, Merger
from zt.query.overlap import Asked, newest_first, overlapping
from zt.values.paths import values_at

MAX_RESIDUAL = 200_000
"""Events that are fetched and opened where the cloud can't count: about a minute."""


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
        known: Container[str] = (),
    ) -> Iterator[Found]:
        """The events that a question asks for, newest first, those without a time last.

        It is compiled once for each epoch and profile whose time range overlaps, and for none
        before its turn comes: a question with a limit ends without having asked older epochs.
        Events whose ids are `known` count towards the limit of what is fetched; they are left out
        unopened.

        Raises:
            GrantError: the ring is a reader ring that can't verify events, or does not open what
                the question asks for in one of them; the store was not asked the question.
        """
        self.ring.require(labels.SEAL_KEYSPACE)
        asked = self._asked(where, since, until)
        seen: set[str] = set()
        streams = (
            (newest, self._search(plan, where, since, until, limit, seen, known))
            for plan, newest in asked
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
        known: Container[str],
    ) -> Iterator[Found]:
        compiled = Compiler(plan, Values(self.store)).compile(where)
        asked = selection(plan, compiled, since, until, limit)
        yield from self._selected(asked, compiled, where, seen, known)

    def _selected(
        self,
        asked: Selection,
        compiled: Compiled,
        where: Node,
        seen: set[str],
        known: Container[str] = (),
    ) -> Iterator[Found]:
        """The events that the cloud selects, without those that are not asked for."""
        for found in self.open(self.store.scan(asked), seen, known):
            in_time = _within(found.time, asked.since, asked.until)
            if in_time and matches(where, found.view, found.plan):
                yield found
            elif compiled.exactness == "exact":
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

    def open(
        self, lines: Iterable[bytes], seen: set[str] | None = None, known: Container[str] = ()
    ) -> Iterator[Found]:
        """Verify and decrypt events of the store, each id once; count those that fail.

        `seen` holds the ids that came before, and takes in those that come now. Those that are
        `known` are passed over.

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
                if line.meta.id in known:
                    continue
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

        The cloud is asked for all groups and the largest are chosen here: so an answer is exact,
        and costs with the number of distinct values.
        """
        groups = self.measure((path,), where=where, since=since, until=until)[:limit]
        return [Count(group.key[0], int(group.figures[0] or 0)) for group in groups]

    def measure(
        self,
        by: Sequence[str] = (),
        figures: Sequence[Metric] = (COUNT,),
        every: int | None = None,
        *,
        where: Node = EVERYTHING,
        since: int | None = None,
        until: int | None = None,
    ) -> list[Group]:
        """Groups of events and their figures, the largest first figure first.

        Groups are merged by plaintext: over epochs and profiles, and over JSON types, since an
        encrypted 1 and "1" differ. Where the cloud can select the events only nearly, they are
        fetched, opened and measured here.

        Args:
            by: fields; an event counts in the group of each value that it has there.
            figures: what is measured.
            every: the length of intervals in microseconds; events without a time are in none.
            where: which events.
            since, until: their times, half-open.

        Raises:
            QueryError: a field can't be asked for or measured, the answer has too many groups, or
                too many events would have to be fetched.
            GrantError: see `search`.
        """
        measure = Measure(tuple(by), tuple(figures), every, since, until)
        merger = Merger(measure.figures)
        for plan, _ in self._asked(where, since, until):
            measure.check(plan)
            compiled = Compiler(plan, Values(self.store)).compile(where)
            if compiled.exactness == "exact":
                by_cloud(self.store, plan, measure, compiled.filter, merger, self.refused)
            else:
                self._check_residual(plan, compiled, measure)
                asked = selection(plan, compiled, since, until, None)
                by_edge(self._selected(asked, compiled, where, set()), plan, measure, merger)
        return merger.groups()

    def values(self, path: str, leaf: Term | Pattern | None = None) -> list[str]:
        """The values of a field that some event has, sorted; those that a leaf on it asks for."""
        groups = self.measure((path,), where=leaf or EVERYTHING)
        texts = [group.key[0] for group in groups]
        if leaf is not None:  # of an array all elements came
            fields = [field for plan in self.plans if (field := plan.field(path))]
            texts = [t for t in texts if any(text_matches(leaf, t, field) for field in fields)]
        return sorted(texts)

    def explain(
        self,
        where: Node = EVERYTHING,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
        measure: Measure | None = None,
    ) -> list[Explained]:
        """What the cloud would see of a question, for each epoch and profile that is asked.

        Its dictionary is looked up as the question itself would do it; events are not asked for.

        Args:
            where, since, until, limit: see `search`.
            measure: what `measure` is asked for; None: events are searched.
        """
        return [
            explained(self.store, plan, where, since, until, limit, measure)
            for plan, _ in self._asked(where, since, until)
        ]

    def _check_residual(self, plan: Plan, compiled: Compiled, measure: Measure) -> None:
        """Refuse to fetch more events than anyone would wait for.

        Raises:
            QueryError: says how many there are.
        """
        (row,) = self.store.query(number_of_events(plan, compiled.filter, measure))
        if (number := int(row.metrics[0] or 0)) > MAX_RESIDUAL:
            raise QueryError(
                f"the cloud can't tell the events apart, and {number:,} would have to be fetched",
                "ask for a shorter time, or for longer parts of words",
            )


def event_time(view: dict[str, Any], plan: Plan) -> int | None:
    """The time of an opened event in microseconds, None where it has no valid one.

    As in stores no array is a time.
    """
    if plan.profile.time is None:
        return None
    for value in values_at(view, plan.profile.time):
        with suppress(ValueError):
            return parse_time(value) if isinstance(value, str) else None
    return None


def _within(time: int | None, since: int | None, until: int | None) -> bool:
    if since is None and until is None:
        return True
    return time is not None and (since is None or time >= since) and (until is None or time < until)


__all__ = ["Count", "Explained", "Found", "Session", "event_time"]
