"""Bringing jobs to the cloud, and the parts that they lack there since keys rotated."""

from __future__ import annotations

from collections.abc import Iterable

from keys import GrantError
from zt.errors import QueryError
from zt.jobs.compile import compile_job
from zt.jobs.pack import Job
from zt.query import Session


def push_jobs(jobs: Iterable[Job], session: Session) -> None:
    """Compile jobs for every epoch and profile of the store, and put them there.

    Parts that the cloud has evaluated before go on where they were; new ones start at their
    epoch's first event.

    Raises:
        QueryError: no profile of the store can serve a job; then nothing was put.
        GrantError: the ring is a reader ring.
        StoreError: the store can't take them.
    """
    if session.ring.is_reader:
        raise GrantError(
            f"{session.ring.path} is a reader ring, which pushes no jobs", "use the full ring"
        )
    for spec in [compile_job(job, session) for job in jobs]:
        session.store.put_job(spec)


def add_missing_parts(jobs: Iterable[Job], session: Session) -> list[str]:
    """Give the jobs that the cloud has in this version their parts for new epochs and profiles.

    Jobs that were never pushed, or in another version, are left alone: who looks at findings
    doesn't change what is detected. The new parts are evaluated by the cloud's next run.

    Returns:
        The ids of the jobs that got parts.

    Raises:
        StoreError: the store can't take them.
    """
    if session.ring.is_reader:
        return []  # whoever reads findings by it leaves the jobs to who has the full ring
    there = {spec.id: spec for spec in session.store.jobs()}
    stored = {(plan.kid, plan.profile_id) for plan in session.decoder.plans()}
    added: list[str] = []
    for job in jobs:
        spec = there.get(job.id)
        if spec is None or spec.version != job.version(session.ring.tenant_key):
            continue
        known = {(part.kid, part.profile) for part in spec.parts}
        if stored <= known:
            continue
        try:
            compiled = compile_job(job, session).parts
        except QueryError:  # no profile that is stored now can serve the job
            continue
        new = tuple(part for part in compiled if (part.kid, part.profile) not in known)
        if new:
            session.store.put_job(spec.model_copy(update={"parts": spec.parts + new}))
            added.append(job.id)
    return added
