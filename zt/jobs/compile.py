"""Compiling jobs: one part for each epoch and profile that the store holds."""

from __future__ import annotations

from analytics.wire import JobPart, JobSpec
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.jobs.pack import Job
from zt.query import Session
from zt.query.compile import Compiler, visible_field


def compile_job(job: Job, session: Session) -> JobSpec:
    """A job as the cloud runs it.

    Profiles that lack the job's fields have no part in it; they hold other events.

    Raises:
        QueryError: no profile of the store can serve the job; says what hinders it.
    """
    parts: list[JobPart] = []
    hindrance: QueryError | None = None
    for plan in session.plans:
        try:
            parts.append(_part(job, plan))
        except QueryError as error:
            hindrance = error
    if hindrance is not None and not parts:
        raise QueryError(
            f"the job {job.id} can't run on what is stored: {hindrance}", hindrance.hint
        )
    return JobSpec(
        id=job.id,
        version=job.version(session.ring.tenant_key),
        kind=job.kind,
        parts=tuple(parts),
        group_by=job.group_by,
        value=job.value,
        window=job.window,
        threshold=job.threshold,
        severity=job.severity,
        tags=job.tags,
    )


def _part(job: Job, plan: Plan) -> JobPart:
    for path in (*job.group_by, *([job.value] if job.value else [])):
        visible_field(plan, path)
    compiled = Compiler(plan, values=None).compile(job.question)
    return JobPart(
        kid=plan.kid,
        profile=plan.profile_id,
        filter=compiled.filter,
        exactness=compiled.exactness,
    )
