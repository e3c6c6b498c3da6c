"""Findings of an old epoch: their groups encrypted again, so that they outlive it.

They move before the events do. The cloud then finds a known window where a group's events
arrive, and no detection twice; and whoever follows findings sees none again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from analytics.wire import Finding, JobSpec, finding_id
from keys import KeysError
from zt.encoder.batch import Batch
from zt.encoder.fields import FieldPlan
from zt.encoder.plan import Plan
from zt.encoder.writer import BatchWriter
from zt.errors import IntegrityError, ZtError
from zt.query import Session
from zt.query.groups import Refusal, open_groups
from zt.rewrap.again import Again
from zt.schemes.base import UnfitError

BATCH = 1000
"""Findings that move in one step."""

_Place = tuple[str, str, str]
"""Kid, profile and path."""


@dataclass(slots=True)
class MovedFindings:
    """What became of an epoch's findings.

    `stale` ones are of jobs that the store has no more, or in another version: what their groups
    are of is not known, and nobody can open them. `failed` counts by reason those that stay.
    """

    moved: int = 0
    stale: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def move_findings(session: Session, again: Again, kid: str) -> MovedFindings:
    """Encrypt the groups of an epoch's findings again.

    Raises:
        StoreError: the store can't do it; what moved before stays moved.
    """
    done = MovedFindings()
    jobs = {(job.id, job.version): job for job in session.store.jobs()}
    findings = (finding for finding in session.store.findings() if finding.kid == kid)
    while batch := list(islice(findings, BATCH)):
        _Move(session, again, jobs, done).run(batch)
    return done


class _Move:
    """A batch of findings on its way."""

    def __init__(
        self,
        session: Session,
        again: Again,
        jobs: dict[tuple[str, str], JobSpec],
        done: MovedFindings,
    ) -> None:
        self._session = session
        self._again = again
        self._jobs = jobs
        self._done = done
        self._work: dict[str, tuple[BatchWriter, Batch]] = {}
        self._opened: dict[_Place, dict[str, str | Refusal]] = {}

    def run(self, findings: list[Finding]) -> None:
        known = [(finding, job) for finding in findings if (job := self._job(finding)) is not None]
        self._done.stale += len(findings) - len(known)
        self._open(known)
        moved: dict[str, Finding] = {}
        for finding, job in known:
            try:
                moved[finding.id] = self._moved(finding, job)
            except (ZtError, KeysError) as error:
                self._done.failed[str(error)] += 1
        # First what the new groups are opened and proven by, then the groups.
        if moved:
            lines = [line for work in self._work.values() for line in self._again.head(*work)]
            self._session.store.replace(lines, kid=findings[0].kid)
            self._done.moved += self._session.store.replace_findings(moved)

    def _job(self, finding: Finding) -> JobSpec | None:
        job = self._jobs.get((finding.job, finding.version))
        return None if job is None or len(job.group_by) != len(finding.group) else job

    def _open(self, known: list[tuple[Finding, JobSpec]]) -> None:
        """Open the groups' values, column by column."""
        texts: dict[_Place, set[str]] = {}
        for finding, job in known:
            for path, text in zip(job.group_by, finding.group, strict=True):
                texts.setdefault((finding.kid, finding.profile, path), set()).add(text)
        for place, found in texts.items():
            kid, profile, path = place
            try:
                plan = self._session.decoder.plan(kid, profile)
            except (ZtError, KeysError):
                continue  # said where the finding is moved
            if (field := plan.field(path)) is not None:
                ordered = sorted(found)
                values = open_groups(self._session.store, plan, field, ordered)
                self._opened[place] = dict(zip(ordered, values, strict=True))

    def _moved(self, finding: Finding, job: JobSpec) -> Finding:
        plan = self._session.decoder.plan(finding.kid, finding.profile)
        writer, work = self._work_of(plan)
        group = tuple(
            self._encrypted(path, ciphertext, plan, writer.plan, work)
            for path, ciphertext in zip(job.group_by, finding.group, strict=True)
        )
        new = (writer.plan.kid, writer.plan.profile_id, group)
        return finding.model_copy(
            update={
                "id": finding_id(finding.job, finding.version, *new, finding.start),
                **dict(zip(("kid", "profile", "group"), new, strict=True)),
            }
        )

    def _work_of(self, plan: Plan) -> tuple[BatchWriter, Batch]:
        if (work := self._work.get(plan.profile_id)) is None:
            writer = self._again.writer(plan)
            work = self._work[plan.profile_id] = (writer, writer.batch())
        return work

    def _encrypted(self, path: str, old: str, plan: Plan, new_plan: Plan, work: Batch) -> str:
        """A value of a group under the new epoch.

        Raises:
            IntegrityError: the old one is not proven, or the new one does not open to the same.
        """
        field, new_field = plan.field(path), new_plan.field(path)
        if field is None or new_field is None:
            raise IntegrityError("a finding's group names a hidden field", "check the store")
        text = self._opened[plan.kid, plan.profile_id, path][old]
        if not isinstance(text, str):
            raise text
        if _is_clear(field, old):
            return old
        try:
            new = work.scalar(new_field, field.reveal(old))
        except UnfitError:
            new = ""
        if not isinstance(new, str) or not new or new_field.reveal_text(new) != text:
            raise IntegrityError(
                "a finding's group would not open as before", "please report this as a bug"
            )
        return new


def _is_clear(field: FieldPlan, text: str) -> bool:
    """Whether this text of a column is the value itself, under every epoch."""
    if field.fallback is None:
        return True
    return field.rule.scheme == "coarsen" and not field.fallback.made(text)
