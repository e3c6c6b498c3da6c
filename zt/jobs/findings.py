"""Opening findings: their groups in plaintext, and what belongs together over epochs made one.

What a finding claims stays a hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter

from analytics.wire import Finding
from keys import WrongKeyError
from zt.encoder.plan import Plan
from zt.errors import IntegrityError, ZtError
from zt.jobs.events import Group
from zt.jobs.joining import Gathered, join_findings
from zt.jobs.pack import Job
from zt.query import Session
from zt.query.compile import visible_field
from zt.query.groups import Refusal, open_groups


@dataclass(frozen=True, slots=True)
class OpenedFinding:
    """A finding with its job and its group in plaintext, by field path.

    Its window, metric and events may be of several epochs and profiles; then the edge found them
    itself, and kid, profile and ciphertexts are those of a finding that led there.
    """

    finding: Finding
    job: Job
    group: Group


def open_findings(
    findings: Iterable[Finding],
    jobs: dict[str, Job],
    session: Session,
    on_refused: Callable[[Finding, Exception], None],
) -> list[OpenedFinding]:
    """Open findings of the edge's own jobs, given by id; each detection comes once.

    The same detection is what has the same job, the same group in plaintext, and windows that
    meet. Where a window may hold events of several epochs or profiles, the job is evaluated on
    the opened events of all (see `zt.jobs.straddling`), and partial findings that lead to no
    detection are left out. They come in the order in which the store has them.

    With a reader ring that can't open a job's events, that job's findings come as the cloud has
    them, and its partial ones are refused.

    Of a group all findings are needed: an event in one part can turn a partial finding of
    another into a detection, and the cloud, which doesn't know that, doesn't write it again.

    Args:
        findings: as the store returned them.
        jobs: the edge's own copies.
        session: the store and the keys; it counts events that are refused.
        on_refused: is given each finding that does not open, and why.

    Raises:
        StoreError: the store can't answer.
    """
    groups: dict[str, dict[tuple[str, ...], tuple[Group, list[Finding]]]] = {}
    for opened in open_each(findings, jobs, session, on_refused):
        of_job = groups.setdefault(opened.job.id, {})
        key = tuple(opened.group.values())
        of_job.setdefault(key, (opened.group, []))[1].append(opened.finding)
    joined = [
        OpenedFinding(finding, jobs[name], group)
        for name, of_job in groups.items()
        for group, finding in join_findings(
            jobs[name], [Gathered(*item) for item in of_job.values()], session, on_refused
        )
    ]
    return sorted(joined, key=attrgetter("finding.sequence"))


def open_each(
    findings: Iterable[Finding],
    jobs: dict[str, Job],
    session: Session,
    on_refused: Callable[[Finding, Exception], None],
) -> Iterator[OpenedFinding]:
    """Open the groups of findings, partial ones too, each for itself; see `open_findings`.

    Raises:
        StoreError: the store can't answer.
    """
    opener = _Opener(jobs, session)
    everything = list(findings)
    opener.expect(everything)
    for finding in everything:
        try:
            job, group = opener.open(finding)
        except (ZtError, WrongKeyError) as error:
            on_refused(finding, error)
            continue
        yield OpenedFinding(finding, job, group)


def open_finding(finding: Finding, jobs: dict[str, Job], session: Session) -> OpenedFinding:
    """Open one finding of the edge's own jobs, given by id, as the store has it.

    Raises:
        IntegrityError: the finding is of no job that the edge knows in this version, or its
            group does not open.
        QueryError: its profile hides the group's fields.
        WrongKeyError: it names an epoch that the ring does not hold.
    """
    job, group = _Opener(jobs, session).open(finding)
    return OpenedFinding(finding, job, group)


class _Opener:
    """Opens the groups of findings, those of a field together."""

    def __init__(self, jobs: dict[str, Job], session: Session) -> None:
        self._session = session
        self._jobs = {(job.id, job.version(session.ring.tenant_key)): job for job in jobs.values()}
        self._texts: dict[tuple[str, str, str], dict[str, str | Refusal]] = {}

    def expect(self, findings: Sequence[Finding]) -> None:
        """Open the groups of all these findings that can be opened."""
        wanted: dict[tuple[str, str, str], dict[str, None]] = {}
        for finding in findings:
            job = self._jobs.get((finding.job, finding.version))
            for path, ciphertext in zip(job.group_by if job else (), finding.group, strict=False):
                known = finding.kid, finding.profile, path
                wanted.setdefault(known, {})[ciphertext] = None
        for (kid, profile, path), ciphertexts in wanted.items():
            with suppress(ZtError, WrongKeyError):  # said of each finding when it is opened
                self._open(self._session.decoder.plan(kid, profile), path, list(ciphertexts))

    def open(self, finding: Finding) -> tuple[Job, Group]:
        """The job and the group; see `open_finding`."""
        job = self._jobs.get((finding.job, finding.version))
        if job is None:
            raise IntegrityError(
                f"a finding is of another version of the job {finding.job} than the pack has",
                "push the pack again with: zt jobs push",
            )
        if len(finding.group) != len(job.group_by):
            raise IntegrityError("a finding's group does not fit its job", "check the store")
        plan = self._session.decoder.plan(finding.kid, finding.profile)
        group = {}
        for path, ciphertext in zip(job.group_by, finding.group, strict=True):
            text = self._open(plan, path, [ciphertext])[ciphertext]
            if not isinstance(text, str):
                raise text
            group[path] = text
        return job, group

    def _open(self, plan: Plan, path: str, ciphertexts: Sequence[str]) -> dict[str, str | Refusal]:
        """The texts of a field's ciphertexts, as far as they were ever asked for."""
        texts = self._texts.setdefault((plan.kid, plan.profile_id, path), {})
        new = [ciphertext for ciphertext in ciphertexts if ciphertext not in texts]
        if new:
            field = visible_field(plan, path)
            texts.update(zip(new, open_groups(self._session.store, plan, field, new), strict=True))
        return texts
