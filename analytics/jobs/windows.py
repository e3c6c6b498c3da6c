"""Exact sliding windows over the events of one group.

Pure: the cloud runs it on ciphertexts, the edge repeats it on opened events before it believes
a finding. Any span of `window` microseconds counts, half-open, wherever it starts; there is no
grid between whose lines an attack could hide.

Windows of one group never overlap, and an event counts in one of them only. They are anchored
greedily: the earliest window that reaches the threshold makes a detection and consumes its
events, and the search goes on behind it. Windows that were found before keep their place. An
event that arrives late, before such a window, is looked at together with what is left of its
surroundings; if that reaches the threshold, its window ends where the known one starts. So a
straggler doesn't find the same attack twice, and no order of arrival hides a group: one whose
events reach the threshold somewhere always has a detection there or overlapping it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from analytics.jobs.kinds import Kind, kind_of
from analytics.store.base import JobEvent

_TIME = itemgetter(0)


class Span(NamedTuple):
    """A half-open span of time, microseconds."""

    start: int
    end: int


class Detection(NamedTuple):
    """A window that reached the threshold.

    `start` is the time of its first event, `end` at most `window` later (less only where a
    known window follows), `metric` what it holds, `events` the ids that suffice, by time.
    """

    start: int
    end: int
    metric: int
    events: tuple[str, ...]


def find_detections(
    events: Sequence[JobEvent],
    kind: str,
    threshold: int,
    window: int,
    anchored: Iterable[tuple[int, int]] = (),
) -> list[Detection]:
    """Every detection among a group's events, beside the windows that are known already.

    Takes linear time.

    Args:
        events: by (time, id).
        kind: of the job.
        threshold: what a window must reach, at least 1.
        window: microseconds, at least 1.
        anchored: (start, end) of known windows, disjoint, by start; their events are consumed.

    Raises:
        UnsupportedError: a kind that this version doesn't evaluate.
        ValueError: threshold or window below 1: every span would reach it, or none exist.
    """
    if threshold < 1 or window < 1:
        raise ValueError("threshold and window must be positive")
    rule = kind_of(kind)
    found: list[Detection] = []
    low = 0
    for start, end in anchored:
        high = bisect_left(events, start, lo=low, key=_TIME)
        found += _slide(events[low:high], rule, threshold, window, start)
        low = bisect_left(events, end, lo=high, key=_TIME)
    found += _slide(events[low:], rule, threshold, window, None)
    return found


def measure(events: Sequence[JobEvent], kind: str, since: int, until: int) -> int:
    """What the events within `[since, until)` amount to.

    Args:
        events: by (time, id).
        kind: of the job.
        since, until: microseconds.
    """
    tally = kind_of(kind).tally()
    low = bisect_left(events, since, key=_TIME)
    for event in events[low : bisect_left(events, until, lo=low, key=_TIME)]:
        tally.add(event)
    return tally.metric


def free_spans(within: Span, anchored: Iterable[tuple[int, int]]) -> list[Span]:
    """What known windows (disjoint, by start) leave of a span."""
    free: list[Span] = []
    low = within.start
    for start, end in anchored:
        if start > low:
            free.append(Span(low, min(start, within.end)))
        low = max(low, end)
        if low >= within.end:
            return free
    free.append(Span(low, within.end))
    return free


def _slide(
    events: Sequence[JobEvent], kind: Kind, threshold: int, window: int, limit: int | None
) -> Iterator[Detection]:
    """Detections whose windows end at `limit` at the latest; all events are before it."""
    first = behind = 0  # the window holds events[first:behind]
    tally = kind.tally()
    while first < len(events):
        start = events[first].time
        end = start + window if limit is None else min(start + window, limit)
        while behind < len(events) and events[behind].time < end:
            tally.add(events[behind])
            behind += 1
        if tally.metric >= threshold:
            evidence = kind.evidence(events[first:behind], threshold)
            yield Detection(start, end, tally.metric, evidence)
            first, tally = behind, kind.tally()
        else:
            tally.remove(events[first])
            first += 1
