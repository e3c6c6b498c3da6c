"""Detections that straddle epochs and profiles: one group's findings, made one over all parts.

The cloud judges each part alone: its windows start where the part's own events start, and its
partial findings say where a group reached its share of the threshold (`analytics.jobs`). Here
the exact windows are slid over the opened events of all parts instead, wherever a window may
hold events of two; elsewhere the cloud's windows are these windows already, and stand.

What holds, if the cloud has run its jobs on all that is stored and every part's events came in
the order of time: the result is what `find_detections` gives for all events of the group in
plaintext: the same windows with the same metrics, none more, none less. If events of one part
came late, the cloud's windows keep the places they had (see `analytics.jobs.windows`) where they
stand; then no two windows of the result meet, each reaches the threshold, and every window that
does meets one of them. Metrics of windows that stand are the cloud's word, as ever. Of a flood
the first events count (`zt.jobs.events.MAX_EVENTS`), so there a metric may be too low.

Why no window is missed: one that reaches the threshold meets a finding of its group, whole or
partial, so only windows that meet one are looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from analytics.jobs import Detection, Zone
from analytics.wire import Finding

Slide = Callable[[int, int], list[Detection]]
"""`slide(since, before)`: the detections of windows that start within `[since, before)`, slid
over the events of all parts from `since` on."""

NEVER = -(2**64)
"""Before every time."""


class Settled(NamedTuple):
    """A finding of the result; `detection` is None where the cloud's own stands."""

    finding: Finding
    detection: Detection | None


def settle(
    findings: Sequence[Finding],
    zones: Sequence[Zone],
    window: int,
    slide: Slide,
    is_backed: Callable[[Finding], bool],
    floor: int = NEVER,
) -> list[Settled]:
    """The detections of a group, given its findings in all parts.

    A whole finding that no detection found here meets, or that is not backed, comes back as it
    is: who acts on it proves it anyhow, and says why not.

    Args:
        findings: of one job and one group in plaintext.
        zones: where windows may hold events of several parts, by start.
        window: of the job, microseconds.
        slide: see `Slide`.
        is_backed: whether some event that a finding names is among those that were slid over.
        floor: windows that start before are settled already and not looked for, and none of
            them ends later.
    """
    ordered = sorted(findings, key=lambda finding: (finding.start, finding.partial))
    settled: list[Settled] = []
    doubted: list[Finding] = []
    free = done = floor  # where the last window ends; before what all starts were tried
    for index, finding in enumerate(ordered):
        since, before = finding.start - window + 1, end_of(finding, window)
        if (
            not finding.partial
            and finding.start >= max(free, done)
            and not _meets_next(ordered, index, before)
            and not is_near(finding, zones, window)
        ):
            settled.append(Settled(finding, None))
            free = before
            continue
        if (begin := max(since, free, done)) < before:
            for detection in slide(begin, before):
                settled.append(Settled(finding, detection))
                free = detection.end
            done = before
        if not finding.partial and finding.start >= floor:
            doubted.append(finding)
    spans = [(item.detection or item.finding) for item in settled]
    for finding in doubted:
        end = end_of(finding, window)
        is_met = any(span.start < end and span.end > finding.start for span in spans)
        if not (is_met and is_backed(finding)):
            settled.append(Settled(finding, None))
    return settled


def is_near(finding: Finding, zones: Sequence[Zone], window: int) -> bool:
    """Whether a window that meets the finding's may hold events of several parts."""
    since, before = finding.start - window + 1, end_of(finding, window)
    return any(zone.start < before and zone.end > since for zone in zones)


def end_of(finding: Finding, window: int) -> int:
    """Where a finding's window ends; no window of the job is longer."""
    return min(finding.end, finding.start + window)


def _meets_next(ordered: Sequence[Finding], index: int, end: int) -> bool:
    """Whether a window that ends there meets a whole finding behind that index.

    An honest cloud's windows of one part never meet, and those of two only in a zone; but
    history that was encrypted again has them all in one. And a made-up one must not take the
    place of another.
    """
    for other in ordered[index + 1 :]:
        if other.start >= end:
            return False
        if not other.partial:
            return True
    return False
