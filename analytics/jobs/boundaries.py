"""Where one window of a job may hold events of several parts.

That is so around a rotation of keys, and as long as two profiles are in use. A value has another
ciphertext in each part, so no window there can be judged by one part alone.

Both sides use this: the cloud to know where a share of the threshold is worth a finding, the
edge to know which findings it must look at again. It asks for times only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from analytics.jobs.windows import Span
from analytics.store.base import Store
from analytics.wire import JobPart, Metric, Query

BUCKETS = 256
"""Stretches into which a span is cut at most: one stray event far off then joins no others."""

_LONGEST = 2**56
"""Microseconds in a stretch at most; all times that there are make `BUCKETS` of them."""

PartKey = tuple[str, str]
"""Kid and profile of a part."""


class Zone(NamedTuple):
    """A window that starts within `[start, end)` may hold events of each of these parts."""

    start: int
    end: int
    parts: frozenset[PartKey]


def key_of(part: JobPart) -> PartKey:
    """What tells a part from the others of its job."""
    return part.kid, part.profile


def presence(store: Store, part: JobPart, window: int, within: Span) -> list[Span]:
    """Where in a span a part has events of its job, by start.

    What comes back covers every such event and starts and ends with one; between two spans there
    is more than a window without any.

    Raises:
        StoreError: the store can't answer.
    """
    stretch = max(window, -(-(within.end - within.start) // BUCKETS))
    rows = store.query(
        Query(
            kid=part.kid,
            profile=part.profile,
            since=within.start,
            until=within.end,
            filter=part.filter,
            metrics=(Metric(kind="first"), Metric(kind="last")),
            interval=min(stretch, _LONGEST),
        )
    )
    spans: list[Span] = []
    for first, last in sorted((int(row.metrics[0] or 0), int(row.metrics[1] or 0)) for row in rows):
        if spans and first - spans[-1].end < window:
            spans[-1] = Span(spans[-1].start, last + 1)
        else:
            spans.append(Span(first, last + 1))
    return spans


def find_zones(present: Mapping[PartKey, Sequence[Span]], window: int) -> list[Zone]:
    """Where windows start that meet the presence of at least two parts, by start, disjoint.

    Args:
        present: of each part, as `presence` gives it.
        window: microseconds.
    """
    turns = sorted(
        turn
        for part, spans in present.items()
        for span in spans
        for turn in ((span.start - window + 1, True, part), (span.end, False, part))
    )
    zones: list[Zone] = []
    active: set[PartKey] = set()
    since = 0
    for time, enters, part in turns:
        if len(active) > 1 and time > since:
            zones.append(Zone(since, time, frozenset(active)))
        since = time
        if enters:
            active.add(part)
        else:
            active.discard(part)
    return zones
