"""What was found stays found, once, and can be read after the old keys are gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import every_scheme
from support.history import History, make_history

from analytics.jobs import run_jobs
from analytics.store import JobState
from analytics.wire import (
    AllOf,
    Finding,
    JobPart,
    JobSpec,
    Metric,
    Query,
    encode_bytes,
    finding_id,
)
from zt.jobs import compile_job, load_pack
from zt.jobs.pack import Job
from zt.profile import Profile
from zt.query import Session
from zt.query.compile import visible_field
from zt.query.groups import open_groups
from zt.rewrap import Progress, Rewrap, RewrapReport
from zt.rewrap import rewrap as module
from zt.rewrap.again import Again
from zt.rewrap.findings import move_findings


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 60)


@pytest.fixture
def history(tmp_path: Path, profile: Profile, demo_events: list[dict[str, Any]]) -> History:
    """The demo's events under one epoch, with all that its jobs find; the next one is active."""
    history = make_history(tmp_path / "house", [demo_events], profile)
    push_and_run(history)
    history.rotate()
    return history


def push_and_run(history: History, jobs: tuple[Job, ...] = load_pack("sip").jobs) -> None:
    with history.open() as store:
        session = Session(history.ring, store)
        for job in jobs:
            store.put_job(compile_job(job, session))
        assert run_jobs(store).failures == []


def rewrap(history: History, **options: Any) -> RewrapReport:
    with history.open() as store:
        return Rewrap(Session(history.ring, store), **options).run()


def findings(history: History) -> list[Finding]:
    with history.open() as store:
        return whole(store)


def whole(store: JobState) -> list[Finding]:
    """All but partial findings: any number of those may come while two epochs have events."""
    return [finding for finding in store.findings() if not finding.partial]


def opened(session: Session, finding: Finding, job: JobSpec) -> tuple[str, ...]:
    """A finding's group in plaintext."""
    plan = session.decoder.plan(finding.kid, finding.profile)
    texts = []
    for path, ciphertext in zip(job.group_by, finding.group, strict=True):
        [text] = open_groups(session.store, plan, visible_field(plan, path), [ciphertext])
        assert isinstance(text, str), text
        texts.append(text)
    return tuple(texts)


def plain(history: History) -> list[tuple[object, ...]]:
    """Findings as people read them, in the order of their sequences."""
    with history.open() as store:
        session = Session(history.ring, store)
        jobs = {job.id: job for job in store.jobs()}
        return [
            (
                finding.sequence,
                finding.job,
                opened(session, finding, jobs[finding.job]),
                finding.start,
                finding.end,
                finding.metric,
                finding.events,
            )
            for finding in whole(store)
        ]


def test_findings_move_with_their_events(history: History) -> None:
    before = plain(history)
    assert len(before) >= 3
    report = rewrap(history)
    assert (report.findings, report.stale_findings, report.failed) == (len(before), 0, {})
    assert {finding.kid for finding in findings(history)} == {report.kid}
    assert plain(history) == before
    with history.open() as store:
        for finding in store.findings():
            assert len(list(store.events(finding.events))) == len(finding.events)


def test_nothing_is_found_again(history: History) -> None:
    rewrap(history)
    before = findings(history)
    push_and_run(history)
    assert findings(history) == before


def test_jobs_without_a_part_for_the_new_epoch_are_named(history: History) -> None:
    jobs = sorted(job.id for job in load_pack("sip").jobs)
    assert sorted(rewrap(history).unserved) == jobs
    push_and_run(history)
    assert rewrap(history).unserved == []


def test_nothing_is_found_again_by_jobs_that_run_half_way(history: History) -> None:
    """Nor with another metric, though half-way no part has all events of a window."""
    before = {finding[1:] for finding in plain(history)}

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    for _ in range(100):
        try:
            rewrap(history, on_progress=stop)
        except KeyboardInterrupt:
            push_and_run(history)
            assert {finding[1:] for finding in plain(history)} == before
        else:
            break
    push_and_run(history)
    assert {finding[1:] for finding in plain(history)} == before
    with history.open() as store:
        session = Session(history.ring, store)
        [plan] = session.plans
        for finding in whole(store):  # and each has its whole metric again
            job = next(job for job in store.jobs() if job.id == finding.job)
            [part] = [part for part in job.parts if part.kid == plan.kid]
            assert finding.metric == measure(store, job, part, finding)


def measure(store: JobState, job: JobSpec, part: JobPart, finding: Finding) -> int:
    kinds = {"event_count": Metric(kind="count")}
    metric = kinds.get(job.kind) or Metric(kind="distinct", path=job.value)
    query = Query(
        kid=part.kid,
        profile=part.profile,
        since=finding.start,
        until=finding.end,
        filter=part.filter,
        group_by=job.group_by,
        metrics=(metric,),
    )
    return next(int(row.metrics[0] or 0) for row in store.query(query) if row.key == finding.group)


FLOOD = Job.model_validate(
    {
        "id": "flood",
        "kind": "event_count",
        "where": "type:call",
        "group_by": ["client.ip"],
        "window": "10s",
        "threshold": 6,
    }
)


def calls(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {"@timestamp": f"2026-01-01T00:00:{second:02}Z", "type": "call", "client.ip": "192.0.2.1"}
        for second in range(first, last)
    ]


def test_what_straddled_the_rotation_is_found_whole(tmp_path: Path, profile: Profile) -> None:
    """Neither epoch alone had enough of it."""
    history = make_history(tmp_path / "house", [calls(0, 4), calls(4, 8)], profile)
    push_and_run(history, (FLOOD,))
    assert [found for found in findings(history) if found.metric >= FLOOD.threshold] == []
    rewrap(history)
    push_and_run(history, (FLOOD,))
    [found] = [found for found in findings(history) if found.metric >= FLOOD.threshold]
    assert (found.metric, found.kid) == (8, history.ring.active.kid.hex())


def test_what_can_not_be_opened_stays_as_it_is(history: History) -> None:
    """Groups that are no ciphertexts, are of jobs that are gone, or unproven."""
    with history.open() as store:
        genuine = next(iter(store.findings()))
        job = next(job for job in store.jobs() if job.id == genuine.job)
        part = next(part for part in job.parts if part.kid == genuine.kid)
        updates: list[dict[str, Any]] = [
            {"group": ("198.51.100.126",)},
            {"group": ("nonsense",)},
            {"version": "A" * 22},
            {"job": "gone"},
            {"group": (*genuine.group, "x")},
            {"profile": "A" * 22},
        ]
        lies = [
            genuine.model_copy(update={"id": encode_bytes(bytes([n]) * 16), **update})
            for n, update in enumerate(updates)
        ]
        store.write_findings(job, part, lies, 0)
    before = {finding.id: finding for finding in findings(history)}
    report = rewrap(history)
    assert (report.stale_findings, report.failed.total()) == (3, 3)
    assert not any("as before" in reason for reason in report.failed), report.failed
    assert any("no value record that proves it" in reason for reason in report.failed)
    assert (report.left, report.forgotten) == ({}, [genuine.kid])
    after = {finding.id: finding for finding in findings(history)}
    for lie in lies:
        assert after[lie.id] == before[lie.id]
    assert len(after) == len(before)
    assert {finding.kid for finding in after.values() if finding not in before.values()} == {
        report.kid
    }


def test_the_value_that_proves_a_group_is_there_before_its_events(history: History) -> None:
    before = plain(history)

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewrap(history, on_progress=stop)
    assert {finding.kid for finding in findings(history)} == {history.ring.active.kid.hex()}
    assert plain(history) == before


def test_findings_without_value_records_open_before_their_events_move(tmp_path: Path) -> None:
    """Ciphertexts that prove themselves have none; their findings need the header all the same."""
    fields = {"type": {"scheme": "clear"}, "client.ip": {"scheme": "det"}}
    timed = {"@timestamp": {"scheme": "clear", "kind": "time"}}
    profile = Profile.model_validate(
        {"name": "plain-det", "time": "@timestamp", "fields": fields | timed}
    )
    history = make_history(tmp_path / "house", [calls(0, 8)], profile)
    push_and_run(history, (FLOOD,))
    history.rotate()
    before = plain(history)
    with history.open() as store:
        session = Session(history.ring, store)
        [kid] = [epoch.kid for epoch in store.epochs()]
        assert move_findings(session, Again(session), kid).moved == len(before) == 1
    assert plain(history) == before


def test_groups_of_every_scheme_move(tmp_path: Path) -> None:
    """Whatever a value was encrypted with, what did not fit its scheme included."""
    events = every_scheme.events()
    history = make_history(tmp_path / "house", [events], every_scheme.PROFILE)
    written: dict[str, str] = {}
    with history.open() as store:
        session = Session(history.ring, store)
        [plan] = session.plans
        for number, path in enumerate(sorted(plan.visible)):
            job = JobSpec(
                id=f"job-{number}",
                version="A" * 22,
                kind="event_count",
                parts=(JobPart(kid=plan.kid, profile=plan.profile_id, filter=AllOf(parts=())),),
                group_by=(path,),
                window=1,
                threshold=1,
            )
            store.put_job(job)
            query = Query(kid=plan.kid, profile=plan.profile_id, group_by=(path,))
            found = [made(job, plan.kid, plan.profile_id, row.key) for row in store.query(query)]
            store.write_findings(job, job.parts[0], found, 0)
        written = texts(session, store)
    assert len({(job.id) for job in _jobs(history)}) >= 25
    assert len(written) > 150
    history.rotate()
    report = rewrap(history)
    assert (report.findings, report.failed) == (len(written), {})
    with history.open() as store:
        session = Session(history.ring, store)
        assert texts(session, store) == written
        [plan] = session.plans
        for job in store.jobs():
            query = Query(kid=plan.kid, profile=plan.profile_id, group_by=job.group_by)
            keys = {row.key for row in store.query(query)}
            assert {item.group for item in store.findings() if item.job == job.id} == keys


def _jobs(history: History) -> list[JobSpec]:
    with history.open() as store:
        return store.jobs()


def made(job: JobSpec, kid: str, profile: str, group: tuple[str, ...]) -> Finding:
    return Finding(
        id=finding_id(job.id, job.version, kid, profile, group, 0),
        job=job.id,
        version=job.version,
        kid=kid,
        profile=profile,
        group=group,
        start=0,
        end=1,
        metric=1,
        severity="low",
        events=(),
    )


def texts(session: Session, store: JobState) -> dict[str, str]:
    """By job and sequence, what each finding's group is."""
    jobs = {job.id: job for job in store.jobs()}
    return {
        f"{finding.job} {finding.sequence}": opened(session, finding, jobs[finding.job])[0]
        for finding in store.findings()
    }
