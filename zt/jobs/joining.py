"""One job's findings joined over epochs and profiles; see `straddling` for what that means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from analytics.jobs import (
    Detection,
    Zone,
    find_detections,
    find_zones,
    key_of,
    presence,
    span_around,
)
from analytics.wire import Finding, finding_id
from keys import GrantError
from zt.jobs.events import Group, JobEvents
from zt.jobs.pack import Job
from zt.jobs.reading import GroupReader, Need
from zt.jobs.straddling import NEVER, Settled, is_near, settle
from zt.query import Session


class Gathered(NamedTuple):
    """The findings of one group in plaintext; windows before `floor` are settled already."""

    group: Group
    findings: Sequence[Finding]
    floor: int = NEVER


def join_findings(
    job: Job,
    gathered: Sequence[Gathered],
    session: Session,
    on_refused: Callable[[Finding, Exception], None],
) -> list[tuple[Group, Finding]]:
    """The detections of groups in plaintext, given all findings of each.

    A reader ring that can't open the job's events judges none: then whole findings come as they
    are, and partial ones are refused.

    Raises:
        StoreError: the store can't answer.
    """
    try:
        return list(_join(job, gathered, session))
    except GrantError as error:
        for item in gathered:
            for finding in item.findings:
                if finding.partial:
                    on_refused(finding, error)
    return [(item.group, f) for item in gathered for f in item.findings if not f.partial]


def _join(
    job: Job, gathered: Sequence[Gathered], session: Session
) -> Iterator[tuple[Group, Finding]]:
    events = JobEvents(job, session)
    everything = [finding for item in gathered for finding in item.findings]
    zones = _zones(job, events, everything, session)
    reader = GroupReader(job, events)
    reader.expect(
        Need(item.group, finding.start - job.window + 1, finding.start + 2 * job.window)
        for item in gathered
        for finding in item.findings
        if finding.partial or is_near(finding, zones, job.window)
    )
    for group, findings, floor in gathered:
        slider = _Slider(job, reader, group)
        for item in settle(findings, zones, job.window, slider.slide, slider.is_backed, floor):
            yield group, _as_finding(item)


def _zones(job: Job, events: JobEvents, findings: list[Finding], session: Session) -> list[Zone]:
    """Where windows that meet a finding may hold events of several parts."""
    if len(events.parts) < 2 or not findings:
        return []
    first = min(finding.start for finding in findings)
    last = max(finding.start for finding in findings)
    around = span_around(first, last + job.window, job.window)
    present = {
        key_of(part): presence(session.store, part, job.window, around) for part in events.parts
    }
    return find_zones(present, job.window)


class _Slider:
    """Slides a job's window over a group's events of all parts, and keeps in mind which it saw."""

    def __init__(self, job: Job, reader: GroupReader, group: Group) -> None:
        self._job = job
        self._reader = reader
        self._group = group
        self._seen: set[str] = set()

    def slide(self, since: int, before: int) -> list[Detection]:
        job = self._job
        events = self._reader.events(self._group, since, before + job.window - 1)
        self._seen.update(event.id for event in events)
        found = find_detections(events, job.kind, job.threshold, job.window)
        return [detection for detection in found if detection.start < before]

    def is_backed(self, finding: Finding) -> bool:
        return not self._seen.isdisjoint(finding.events)


def _as_finding(item: Settled) -> Finding:
    finding, detection = item
    if detection is None:
        return finding
    name = finding_id(
        finding.job,
        finding.version,
        finding.kid,
        finding.profile,
        finding.group,
        detection.start,
    )
    return finding.model_copy(update={"id": name, **detection._asdict(), "partial": False})
