"""Partial findings: what keeps a rotation of keys from blinding a detection.

A window that holds events of k parts reaches the threshold only if a group of one of them has at
least a k-th of it there, and what the largest groups of the other parts could add to it. The
cloud can't tell which groups of two parts are the same, so it reports every such group; the edge
opens it, asks for its counterparts and adds up.

What holds once the runner has been through: a window that holds events of several parts and
reaches the threshold over all of them meets a finding of its group, whole or partial, in one of
them. For the last of its events that came was new to the runner, which then looked at every part
around it. Far from other parts nothing partial is looked for; there a run costs one look into
the other parts' times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analytics.jobs.boundaries import Zone, find_zones, key_of, presence
from analytics.jobs.candidates import groups_reaching, largest_metric, span_of
from analytics.jobs.groups import GroupSearch
from analytics.jobs.windows import Span
from analytics.store.base import GroupChange, JobState
from analytics.wire import Finding, JobPart, JobSpec

TOGETHER = 5_000
"""Groups that are read together at most."""

MAX_TOGETHER = 50_000
"""Events that are read together at most; of more, fewer groups are."""


def partial_findings(
    store: JobState, job: JobSpec, changed: JobPart, changes: list[GroupChange]
) -> Iterator[tuple[JobPart, list[Finding]]]:
    """What new events of a part lead to where other parts are near: by part, group by group.

    The part's own whole findings are written already.

    Raises:
        StoreError: the store can't answer.
        UnsupportedError: a kind that this version doesn't evaluate.
    """
    if len(job.parts) < 2 or job.threshold == 1 or not changes:
        return  # a threshold of 1 has no smaller share
    parts = {key_of(part): part for part in job.parts}
    own = key_of(changed)
    around = span_of(changes, job.window)
    present = {
        key: presence(store, part, job.window, around) for key, part in parts.items() if key != own
    }
    if not any(present.values()):
        return
    present[own] = presence(store, changed, job.window, around)
    new = {change.group for change in changes}
    for zone in find_zones(present, job.window):
        within = _events_of(zone, around, job.window)
        if within.start >= within.end:
            continue
        most = {  # of the part with news only groups that have some: others were looked at before
            key: largest_metric(store, job, parts[key], within, new if key == own else ())
            for key in sorted(zone.parts)
        }
        for key, metric in most.items():
            share = share_of(job.threshold, [most[other] for other in most if other != key])
            if share > metric:
                continue
            split = job.model_copy(update={"threshold": share})
            groups = groups_reaching(store, split, parts[key], within)
            if key == own:
                groups &= new
            for found in _search(store, split, parts[key], sorted(groups), within):
                yield parts[key], found


def share_of(threshold: int, others: Sequence[int]) -> int:
    """What a window's events in one part reach at least, in some part of all that it meets.

    In the part that has most of them it is this or more: as many parts as there are each have
    the same share, or this one has what the others lack.

    Args:
        threshold: of the job.
        others: the largest metric that each other part has for any group there.
    """
    return max(-(-threshold // (len(others) + 1)), threshold - sum(others))


def _search(
    store: JobState, job: JobSpec, part: JobPart, groups: Sequence[tuple[str, ...]], within: Span
) -> Iterator[list[Finding]]:
    """The partial findings of groups, with few questions however many there are.

    Who floods a rotation with groups pays for each; the cloud must not pay more.
    """
    for first in range(0, len(groups), TOGETHER):
        yield from _together(store, job, part, groups[first : first + TOGETHER], within)


def _together(
    store: JobState, job: JobSpec, part: JobPart, groups: Sequence[tuple[str, ...]], within: Span
) -> Iterator[list[Finding]]:
    events = store.events_of_groups(job, part, groups, *within, limit=MAX_TOGETHER)
    if events is not None:
        known = store.findings_of_groups(job, part, groups, *within)
        for group, own, there in zip(groups, events, known, strict=True):
            search = GroupSearch(store, job, part, group, partial=True)
            yield search.partial_of(own, there, within)
    elif len(groups) > 1:
        half = len(groups) // 2
        yield from _together(store, job, part, groups[:half], within)
        yield from _together(store, job, part, groups[half:], within)
    else:
        yield GroupSearch(store, job, part, groups[0], partial=True).evaluate_partial(within)


def _events_of(zone: Zone, around: Span, window: int) -> Span:
    """The events of all windows that start in a zone and lie within a span."""
    return Span(max(zone.start, around.start), min(zone.end + window - 1, around.end))
