"""A block over a rotation of keys: proven by events of all epochs, once, and never by a lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from unit.jobs.rotated import SOURCES, Call, Cloud, calls, make_job, rotations

from analytics.jobs import key_of
from analytics.store import JobState, open_store
from analytics.wire import MICROSECONDS, Finding, Selection, finding_id
from keys import Ring
from zt.jobs import Job, Pack
from zt.policy import Decision, Policy, decide

HOUR = 3_600 * MICROSECONDS
POLICY = Policy.model_validate(
    {
        "name": "test",
        "rules": [
            {
                "job": "flood",
                "block": "source",
                "for": "1h",
                "max_age": "1h",
                "admit_unproven": True,
            }
        ],
    }
)


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> list[Ring]:
    return rotations(tmp_path_factory.mktemp("ring"), 2)


@pytest.fixture
def cloud(tmp_path: Path, rings: list[Ring]) -> Iterator[Cloud]:
    with open_store(f"duckdb:{tmp_path / 'store.db'}", create=True) as store:
        yield Cloud(store, rings)


def judge(cloud: Cloud, job: Job, used: set[tuple[str, str]] | None = None) -> Decision:
    session = cloud.session()
    pack = Pack(name="test", jobs=(job,))
    return decide(session.store.findings(), POLICY, pack, session, now=HOUR, used=used)


def blocked(decision: Decision) -> list[tuple[str, int, int]]:
    return [
        (str(block.address), block.proof.metric, len(block.proof.events))
        for block in decision.blocks
    ]


def test_events_of_both_epochs_prove_an_attack_once(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take(calls(6, 7, 8, 9, 10), epoch=1)
    cloud.push(job)
    assert len(cloud.run()) == 2
    used: set[tuple[str, str]] = set()
    decision = judge(cloud, job, used)
    assert blocked(decision) == [(SOURCES[0], 8, 8)]
    assert not decision.refused
    assert len(used) == 8
    again = judge(cloud, job, used)
    assert blocked(again) == []
    assert list(again.refused) == ["flood: its events have led to a block already"]


def test_what_was_blocked_before_the_rotation_is_not_blocked_again_after_it(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(*range(1, 9)), epoch=0)
    cloud.push(job)
    cloud.run()
    used: set[tuple[str, str]] = set()
    assert blocked(judge(cloud, job, used)) == [(SOURCES[0], 8, 8)]
    cloud.take(calls(9, 10), epoch=1)
    cloud.push(job)
    cloud.run()
    assert blocked(judge(cloud, job, used)) == []


def test_more_evidence_than_a_finding_names_is_fetched_from_all_epochs(cloud: Cloud) -> None:
    job = make_job(threshold=1_100)
    cloud.take(calls(*(n / 1_000 for n in range(600))), epoch=0)
    cloud.take(calls(*(1 + n / 1_000 for n in range(600))), epoch=1)
    cloud.push(job)
    cloud.run()
    assert blocked(judge(cloud, job)) == [(SOURCES[0], 1_200, 1_000)]


def test_a_share_of_the_threshold_blocks_nobody(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4), epoch=0)
    cloud.take(calls(5, 6, 7, 8, source=SOURCES[1]), epoch=1)
    cloud.push(job)
    assert len(cloud.run()) == 2
    decision = judge(cloud, job)
    assert (decision.blocks, decision.refused, decision.without_rule) == ([], {}, 0)


@pytest.mark.parametrize("partial", [True, False])
def test_a_made_up_finding_blocks_nobody(cloud: Cloud, partial: bool) -> None:
    """It names an ordinary caller, and the genuine events of an attacker."""
    job = make_job()
    attack = [*calls(1, 2, 3, 4, 5), *calls(3, source=SOURCES[1])]
    cloud.take(attack, epoch=0)
    cloud.take(calls(6, 7, 8), epoch=1)
    cloud.push(job)
    [genuine] = cloud.run()
    [spec] = cloud.store.jobs()
    part = next(part for part in spec.parts if part.kid == genuine.kid)
    changes = cloud.store.changed_groups(spec, part, 0)
    [group] = [change.group for change in changes if change.group != genuine.group]
    lie = genuine.model_copy(update={"group": group, "partial": partial, "metric": 99})
    name = finding_id(lie.job, lie.version, *key_of(part), group, lie.start)
    cloud.store.write_findings(spec, part, [lie.model_copy(update={"id": name})], 0)
    decision = judge(cloud, job)
    assert blocked(decision) == [(SOURCES[0], 8, 8)]
    assert bool(decision.refused) is not partial  # nothing is claimed by a partial one


def test_a_made_up_finding_beside_a_true_one_is_refused_aloud(cloud: Cloud) -> None:
    """It names the attacker himself, and events of somebody else."""
    job = make_job()
    cloud.take([*calls(1, 2, 3, 4, 5), *calls(3, source=SOURCES[1])], epoch=0)
    cloud.take(calls(6, 7, 8), epoch=1)
    cloud.push(job)
    [genuine] = cloud.run()
    [spec] = cloud.store.jobs()
    part = next(part for part in spec.parts if part.kid == genuine.kid)
    groups = [change.group for change in cloud.store.changed_groups(spec, part, 0)]
    [other] = [group for group in groups if group != genuine.group]
    theirs = cloud.store.group_events(spec, part, other, 0, HOUR)
    name = finding_id(spec.id, spec.version, *key_of(part), genuine.group, genuine.start + 1)
    lie = {
        "id": name,
        "start": genuine.start + 1,
        "partial": False,
        "events": tuple(event.id for event in theirs),
    }
    cloud.store.write_findings(spec, part, [genuine.model_copy(update=lie)], 0)
    decision = judge(cloud, job)
    assert blocked(decision) == [(SOURCES[0], 8, 8)]
    assert list(decision.refused) == ["flood: its events are of another group or kind"]


def test_of_jobs_without_a_rule_only_whole_findings_count(cloud: Cloud) -> None:
    job = make_job(id="other")
    cloud.take([*calls(1, 2, 3, 4), *calls(*range(1, 9), source=SOURCES[1])], epoch=0)
    cloud.take(calls(5, 6, 7, 8), epoch=1)
    cloud.push(job)
    assert sorted(finding.partial for finding in cloud.run()) == [False, True, True]
    decision = judge(cloud, job)
    assert (decision.blocks, decision.refused, decision.without_rule) == ([], {}, 1)


class Altering:
    """A store that alters one event, wherever it returns it."""

    def __init__(self, store: JobState) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def scan(self, selection: Selection) -> Iterator[bytes]:
        return map(altered, self._store.scan(selection))

    def events(self, ids: list[str]) -> Iterator[bytes]:
        return map(altered, self._store.events(ids))


def altered(line: bytes) -> bytes:
    return line.replace(b"1970-01-01T00:00:06", b"1970-01-01T00:00:07")


def test_an_altered_event_proves_nothing(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take(calls(6, 7.5, 8), epoch=1)
    cloud.push(job)
    cloud.run()
    assert blocked(judge(cloud, job)) == [(SOURCES[0], 8, 8)]
    cloud.store = cast(JobState, Altering(cloud.store))
    session = cloud.session()
    findings: list[Finding] = list(cloud.store.findings())
    decision = decide(findings, POLICY, Pack(name="test", jobs=(job,)), session, now=HOUR)
    assert decision.blocks == []
    assert session.refused.total() > 0


def test_the_same_attack_by_weights(cloud: Cloud) -> None:
    job = make_job(threshold=50)
    cloud.take([Call(1, weight=30)], epoch=0)
    cloud.take([Call(2, weight=15)], epoch=1)
    cloud.take([Call(3, weight=9)], epoch=2)
    cloud.push(job)
    cloud.run()
    assert blocked(judge(cloud, job)) == [(SOURCES[0], 54, 3)]
