"""Which changed groups can have a window that reaches the threshold, in one question.

The store groups and counts; only groups that it names are looked at one by one. So a million
groups with one event each cost one statement. Nothing is lost: kinds are monotone, and a window
is part of the span that is asked for; in a long one it meets two buckets of its own length at
most, so one of the two holds at least half of the threshold.
"""

from __future__ import annotations

from collections.abc import Collection

from analytics.jobs.kinds import kind_of
from analytics.jobs.windows import Span
from analytics.store.base import GroupChange, JobState
from analytics.wire import AllOf, In, JobPart, JobSpec, Query, Row

FEW = 16
"""So many groups are looked at without asking first."""

HISTORY = 16
"""Windows in a span that is long, so that a histogram says where in it to look."""

FIRST_ROWS, MORE_ROWS = 1_000, 8
"""Rows asked for at first, and by how much more while they all reach."""

LISTED = 1_000
"""Groups that are named in a question at most."""

_MIN_TIME, _MAX_TIME = -(2**63), 2**63 - 1


def candidates(
    store: JobState, job: JobSpec, part: JobPart, changes: list[GroupChange]
) -> list[GroupChange]:
    """The changes of groups that may reach the threshold; some of these won't.

    Raises:
        StoreError: the store can't answer.
        UnsupportedError: a kind that this version doesn't evaluate.
    """
    if len(changes) <= FEW or job.threshold == 1:
        return changes
    able = groups_reaching(store, job, part, span_of(changes, job.window))
    return [change for change in changes if change.group in able]


def groups_reaching(
    store: JobState, job: JobSpec, part: JobPart, span: Span
) -> set[tuple[str, ...]]:
    """The groups that may have a window within the span that reaches the threshold.

    Raises:
        StoreError, UnsupportedError: see `candidates`.
    """
    by_bucket = is_long(span, job.window) and half_of(job.threshold) > 1
    least = half_of(job.threshold) if by_bucket else job.threshold
    query = _by_group(job, part, span, job.window if by_bucket else None)
    return {row.key for row in rows_reaching(store, query, least)}


def largest_metric(
    store: JobState,
    job: JobSpec,
    part: JobPart,
    span: Span,
    groups: Collection[tuple[str, ...]] = (),
) -> int:
    """What no group's window within the span exceeds; 0 without events.

    Args:
        store: with the events.
        job: the job.
        part: of the job.
        span: of time.
        groups: if there are a few, only of these.

    Raises:
        StoreError, UnsupportedError: see `candidates`.
    """
    query = _by_group(job, part, span)
    if 0 < len(groups) <= LISTED:
        first = tuple(sorted({group[0] for group in groups}))
        only = In(path=job.group_by[0], values=first)
        query = query.model_copy(update={"filter": AllOf(parts=(part.filter, only))})
    rows = store.query(query.model_copy(update={"limit": 1}))
    return max((int(row.metrics[0] or 0) for row in rows), default=0)


def _by_group(job: JobSpec, part: JobPart, span: Span, interval: int | None = None) -> Query:
    return Query(
        kid=part.kid,
        profile=part.profile,
        since=span.start,
        until=span.end,
        filter=part.filter,
        group_by=job.group_by,
        metrics=(kind_of(job.kind).metric(job),),
        interval=interval,
    )


def rows_reaching(store: JobState, query: Query, least: int) -> list[Row]:
    """The rows of a query whose first metric is at least `least`.

    Rows come by that metric, largest first, so no more than a multiple of these is asked for.
    """
    limit = FIRST_ROWS
    while True:
        rows = store.query(query.model_copy(update={"limit": limit}))
        reaching = [row for row in rows if (row.metrics[0] or 0) >= least]
        if len(rows) < limit or len(reaching) < len(rows):
            return reaching
        limit *= MORE_ROWS


def span_of(changes: list[GroupChange], window: int) -> Span:
    """Every window that holds a time of some change."""
    first = min(change.first for change in changes)
    return span_around(first, max(change.last for change in changes), window)


def span_around(first: int, last: int, window: int) -> Span:
    """Every window that holds a time of `first..last`, as far as times reach."""
    return Span(max(first - window, _MIN_TIME), min(last + window, _MAX_TIME))


def is_long(span: Span, window: int) -> bool:
    """Whether a span is worth asking for its histogram before it is read."""
    return span.end - span.start > HISTORY * window


def half_of(threshold: int) -> int:
    """What the fuller of two buckets holds at least if both together reach the threshold."""
    return -(-threshold // 2)
