"""Opening findings: their groups in plaintext. What a finding claims stays a hint."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.wire import Finding
from zt.errors import IntegrityError
from zt.jobs.pack import Job
from zt.query import Session
from zt.query.compile import visible_field
from zt.query.groups import open_groups


@dataclass(frozen=True, slots=True)
class OpenedFinding:
    """A finding with its job and its group in plaintext, by field path."""

    finding: Finding
    job: Job
    group: dict[str, str]


def open_finding(finding: Finding, jobs: dict[str, Job], session: Session) -> OpenedFinding:
    """Open a finding of one of the edge's own jobs, given by id.

    Raises:
        IntegrityError: the finding is of no job that the edge knows in this version, or its
            group does not open.
        QueryError: its profile hides the group's fields.
        WrongKeyError: it names an epoch that the ring does not hold.
    """
    job = jobs.get(finding.job)
    if job is None or job.version(session.ring.tenant_key) != finding.version:
        raise IntegrityError(
            f"a finding is of another version of the job {finding.job} than the pack has",
            "push the pack again with: zt jobs push",
        )
    if len(finding.group) != len(job.group_by):
        raise IntegrityError("a finding's group does not fit its job", "check the store")
    plan = session.decoder.plan(finding.kid, finding.profile)
    group = {}
    for path, ciphertext in zip(job.group_by, finding.group, strict=True):
        [text] = open_groups(session.store, plan, visible_field(plan, path), [ciphertext])
        if isinstance(text, IntegrityError):
            raise text
        group[path] = text
    return OpenedFinding(finding, job, group)
