"""Running detection jobs: every part of every job, as far as there is something new.

A part is evaluated from its watermark, a position in the order of ingest, so an event that
arrives late is seen like any other. The watermark moves to the position that was read before
anything else, and together with the last findings: a crash, or an ingest in between, makes the
next run look at some groups again, which changes nothing. Findings of a part that finds very
many are written in batches, with the old watermark until the last. So are those that its news
mean for other parts: see `straddling`.

A change of a part's filter under the same version does not go back to events before the
watermark; who wants that gives the job a new version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from analytics.jobs.boundaries import PartKey, key_of
from analytics.jobs.candidates import candidates
from analytics.jobs.groups import GroupSearch
from analytics.jobs.kinds import kind_of
from analytics.jobs.straddling import partial_findings
from analytics.store.base import JobState
from analytics.wire import AnalyticsError, Finding, JobPart, JobSpec, StoreError

BATCH = 5_000
"""Findings held in memory before they are written."""


class JobFailure(NamedTuple):
    """A part that could not be evaluated; its watermark stays, so the next run tries again."""

    job: str
    kid: str
    profile: str
    error: AnalyticsError


@dataclass(slots=True)
class RunReport:
    """What a run did.

    `groups` changed since the last run, `candidates` of them might reach the threshold and were
    looked at, `findings` were written: new ones, and ones whose metric changed, partial ones too.
    """

    jobs: int = 0
    parts: int = 0
    groups: int = 0
    candidates: int = 0
    findings: int = 0
    failures: list[JobFailure] = field(default_factory=list)


def run_jobs(store: JobState) -> RunReport:
    """Evaluate what is new since the last run, of every job.

    A job that fails is reported, and the others run.

    Raises:
        StoreError: the jobs can't even be read.
        StoreBusyError: another process owns the store.
    """
    report = RunReport()
    for job in store.jobs():
        report.jobs += 1
        done: set[PartKey] = set()
        for part in job.parts:
            try:
                _run_part(store, job, part, done, report)
            except AnalyticsError as error:
                report.failures.append(JobFailure(job.id, part.kid, part.profile, error))
            except Exception as error:  # noqa: BLE001 one bad job must never silence the others
                reason = StoreError(
                    f"unexpected {type(error).__name__}: {error}",
                    "the job is tried again in the next run; please report this as a bug",
                )
                report.failures.append(JobFailure(job.id, part.kid, part.profile, reason))
    return report


def _run_part(
    store: JobState, job: JobSpec, part: JobPart, done: set[PartKey], report: RunReport
) -> None:
    kind_of(job.kind)
    if key_of(part) in done:
        raise StoreError(
            f"job {job.id} has two parts for the same epoch and profile",
            "push it again with one part for each: they would share a watermark",
        )
    done.add(key_of(part))
    report.parts += 1
    position, watermark = store.position(), store.watermark(job, part)
    if position <= watermark:
        return
    found = _Found(store, job, report)
    changes = list(store.changed_groups(job, part, watermark))
    report.groups += len(changes)
    for change in candidates(store, job, part, changes):
        report.candidates += 1
        found.add(part, GroupSearch(store, job, part, change.group).evaluate(change))
    if len(job.parts) > 1:
        found.write()
        for other, partial in partial_findings(store, job, part, changes):
            found.add(other, partial)
    found.write(part, position)


class _Found:
    """Findings of one job on their way to the store, so many at a time."""

    def __init__(self, store: JobState, job: JobSpec, report: RunReport) -> None:
        self._store = store
        self._job = job
        self._report = report
        self._held: dict[PartKey, tuple[JobPart, list[Finding]]] = {}
        self._number = 0

    def add(self, part: JobPart, findings: list[Finding]) -> None:
        if not findings:
            return
        self._held.setdefault(key_of(part), (part, []))[1].extend(findings)
        self._number += len(findings)
        if self._number >= BATCH:
            self.write()

    def write(self, last: JobPart | None = None, position: int = 0) -> None:
        """Write what is held; of the last part also the watermark, after all others'."""
        mine = None if last is None else self._held.pop(key_of(last), (last, []))
        for part, findings in self._held.values():
            self._put(part, findings, self._store.watermark(self._job, part))
        if mine is not None:
            self._put(*mine, position)
        self._held, self._number = {}, 0

    def _put(self, part: JobPart, findings: list[Finding], watermark: int) -> None:
        self._store.write_findings(self._job, part, findings, watermark)
        self._report.findings += len(findings)
