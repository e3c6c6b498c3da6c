"""Measuring events: groups and figures, by the cloud where its filter is exact, else here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Protocol

from analytics.store import Store
from analytics.wire import (
    RATE_PATH,
    Filter,
    Metric,
    Query,
    Row,
    scalar_text,
)
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.query.compile import visible_field
from zt.query.evaluate import askable, comparable, weight
from zt.query.groups import Refusal, open_groups
from zt.query.merge import Key, Merger, Number

PAGE = 50_000
"""Rows that are opened together."""

COUNT = Metric(kind="count")
_COUNTS = ("count", "events", "values")
_NUMERIC = ("sum", "avg", "min", "max", "values")


class Opened(Protocol):
    """An event that was verified and opened; see `zt.query.session.Found`."""

    @property
    def view(self) -> dict[str, Any]: ...

    @property
    def time(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Measure:
    """What is to be measured.

    Attributes:
        by: fields by which events are grouped.
        figures: what is measured of each group.
        every: the length of intervals in microseconds, None without.
        since, until: times of events, half-open.
    """

    by: tuple[str, ...] = ()
    figures: tuple[Metric, ...] = (COUNT,)
    every: int | None = None
    since: int | None = None
    until: int | None = None

    def check(self, plan: Plan) -> None:
        """Refuse what the cloud can't measure.

        Raises:
            QueryError: a field is hidden, or has no numbers or times that compare.
        """
        for path in self.by:
            visible_field(plan, path)
        for figure in self.figures:
            if figure.path is None:
                continue
            kind = visible_field(plan, figure.path).rule.column_kind
            if figure.kind in _NUMERIC and kind not in ("number", "time"):
                raise QueryError(
                    f"{figure.path} has no {figure.kind}: it is neither a number nor a time that "
                    "the cloud compares",
                    "give the field scheme clear or coarsen, and kind number or time, for new "
                    "events",
                )

    def queries(self, plan: Plan, where: Filter, merger: Merger) -> list[Query]:
        """What the cloud is asked: the groups, then for each distinct figure its values."""
        groups = Query(
            kid=plan.kid,
            profile=plan.profile_id,
            since=self.since,
            until=self.until,
            filter=where,
            group_by=self.by,
            metrics=merger.metrics,
            interval=self.every,
            order="key",
        )
        return [
            groups,
            *(
                groups.model_copy(update={"group_by": (*self.by, path), "metrics": ()})
                for path in merger.distinct
            ),
        ]


def by_cloud(
    store: Store, plan: Plan, measure: Measure, where: Filter, merger: Merger, refused: Counter[str]
) -> None:
    """Have the cloud measure what its filter selects exactly, and open the groups."""
    first, *rest = measure.queries(plan, where, merger)
    for key, row in _opened(store, plan, first, refused):
        merger.add(key, row.metrics)
    for path, query in zip(merger.distinct, rest, strict=True):
        for ((*group, text), bucket), _ in _opened(store, plan, query, refused):
            merger.add_value(path, (tuple(group), bucket), text)


def by_edge(events: Iterable[Opened], plan: Plan, measure: Measure, merger: Merger) -> None:
    """Measure opened events here, as the cloud would: for questions that it answers only nearly."""
    if not measure.by and measure.every is None:  # one group, even if there is no event
        merger.add(((), None), [0 if m.kind in _COUNTS else None for m in merger.metrics])
    for event in events:
        bucket = None
        if measure.every is not None:
            if event.time is None:
                continue
            bucket = event.time - event.time % measure.every
        row = [_measured(metric, event, plan) for metric in merger.metrics]
        columns = [_texts(event, path, plan) for path in measure.by]
        values = [(path, text) for path in merger.distinct for text in _texts(event, path, plan)]
        for group in product(*columns):
            merger.add((group, bucket), row)
            for path, text in values:
                merger.add_value(path, (group, bucket), text)


def _texts(event: Opened, path: str, plan: Plan) -> list[str]:
    """The texts of an event's values at a path, as often as the cloud has them.

    An encrypted 1 and "1" are two values of one text.
    """
    field = visible_field(plan, path)
    values = [value for value in askable(event.view, path, field) if value is not None]
    distinct = dict.fromkeys(
        (scalar_text(value), None if field.keyspace is None else type(value)) for value in values
    )
    return [text for text, _ in distinct if text is not None]


def _measured(metric: Metric, event: Opened, plan: Plan) -> Number | None:
    """What one event adds to a metric."""
    match metric.kind:
        case "events":
            return 1
        case "count":
            return weight(event.view) if plan.field(RATE_PATH) else 1
        case "first" | "last":
            return event.time
    numbers = _numbers(event, metric.path or "", plan)
    match metric.kind:
        case "values":
            return len(numbers)
        case "sum":
            return sum(numbers) if numbers else None
        case "min":
            return min(numbers, default=None)
    return max(numbers, default=None)


def _numbers(event: Opened, path: str, plan: Plan) -> list[Number]:
    """The numbers or times at a path that the cloud compares; those of one text once."""
    field = visible_field(plan, path)
    values = {scalar_text(value): value for value in askable(event.view, path, field)}
    numbers = (comparable(value, field) for value in values.values())
    return [number for number in numbers if number is not None]


def _opened(
    store: Store, plan: Plan, query: Query, refused: Counter[str]
) -> Iterator[tuple[Key, Row]]:
    """The rows of an answer with their keys opened; those that do not open are counted."""
    seen: set[tuple[tuple[str, ...], int | None]] = set()
    grouped = bool(query.group_by) or query.interval is not None
    rows = store.groups(query) if grouped else iter(store.query(query))
    while page := list(islice(rows, PAGE)):
        opened = [
            _open(store, plan, path, [row.key[n] for row in page])
            for n, path in enumerate(query.group_by)
        ]
        for row in page:
            texts = [known[ct] for known, ct in zip(opened, row.key, strict=True)]
            plain = tuple(text for text in texts if isinstance(text, str))
            if len(plain) < len(texts):
                refused[str(next(text for text in texts if not isinstance(text, str)))] += 1
            elif (row.key, row.bucket) in seen:
                refused["a group that came twice in one answer"] += 1
            else:
                seen.add((row.key, row.bucket))
                yield (plain, row.bucket), row


def _open(store: Store, plan: Plan, path: str, keys: Sequence[str]) -> dict[str, str | Refusal]:
    """Each distinct key of a grouped field, opened."""
    distinct = list(dict.fromkeys(keys))
    opened = open_groups(store, plan, visible_field(plan, path), distinct)
    return dict(zip(distinct, opened, strict=True))
