"""Findings become sightings: proven, counted once, through restarts and whatever the cloud says."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from support.honeynet_cloud import NOW, PACK, Cloud, attack, make_cloud

from analytics.jobs import run_jobs
from analytics.wire import MICROSECONDS, StoreError
from keys import RingError
from zt.errors import InputError
from zt.honeynet import gathering
from zt.honeynet.collector.book.book import Book
from zt.honeynet.gathering import Gatherer
from zt.honeynet.outlets import BookOutlet
from zt.honeynet.sighting import Kind, Sighting
from zt.honeynet.told import Told
from zt.jobs import Job, load_pack, push_jobs
from zt.query import Session

ONE, TWO, SIX = "45.0.0.1", "45.0.0.2", "2a00:1450::6"
DAY = 86_400


EVENTS = [
    attack(ONE, "auth-failed", 50),
    attack(ONE, "auth-failed", 40, {"rate.ex_diff": 5}),
    attack(ONE, "call-attempt", 30),
    attack(SIX, "msg-probe", 20, {"event.signature": "sipvicious"}),
    attack(TWO, "msg-probe", 10, proven=False),
]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gathering") / "origin"
    make_cloud(folder, EVENTS)
    return folder


@pytest.fixture
def cloud(tmp_path: Path, origin: Path) -> Cloud:
    return Cloud(Path(shutil.copytree(origin, tmp_path / "copy")))


def counts(sightings: list[Sighting]) -> dict[tuple[str, Kind], int]:
    assert len({(one.address, one.kind) for one in sightings}) == len(sightings)
    return {(one.address, one.kind): one.count for one in sightings}


def test_proven_findings_are_sightings_and_unproven_ones_are_not(cloud: Cloud) -> None:
    sightings = {(one.address, one.kind): one for one in cloud.gather()}
    assert sightings == {
        (ONE, Kind.GUESS): _sighting(ONE, Kind.GUESS, 50, 40, 7, "pplsip"),
        (ONE, Kind.CALL): _sighting(ONE, Kind.CALL, 30, 30, 1, "pplsip"),
        (SIX, Kind.SCAN): _sighting(SIX, Kind.SCAN, 20, 20, 1, "sipvicious"),
    }


def _sighting(address: str, kind: Kind, first: int, last: int, count: int, tool: str) -> Sighting:
    first, last = (NOW - seconds * MICROSECONDS for seconds in (first, last))
    return Sighting(address, kind, True, first, last, count, tool)


def test_a_finding_that_rises_tells_its_rise(cloud: Cloud) -> None:
    cloud.gather()
    assert cloud.gather() == []
    cloud.add(attack(ONE, "auth-failed", 5), attack(TWO, "auth-failed", 5))
    assert counts(cloud.gather()) == {(ONE, Kind.GUESS): 1, (TWO, Kind.GUESS): 1}


def test_what_was_told_is_not_told_again_by_a_new_process(cloud: Cloud) -> None:
    cloud.gather()
    cloud.restart()
    assert cloud.gather() == []
    cloud.restart()
    cloud.add(attack(ONE, "auth-failed", 5))
    assert counts(cloud.gather()) == {(ONE, Kind.GUESS): 1}


def test_what_was_not_confirmed_comes_again_the_same(cloud: Cloud) -> None:
    first = cloud.look()
    assert len(first.batches) == 1
    cloud.add(attack(TWO, "auth-failed", 5))
    assert cloud.look().batches == first.batches
    cloud.gatherer.confirm()
    assert counts(cloud.gather()) == {(TWO, Kind.GUESS): 1}
    cloud.restart()
    assert cloud.gather() == []


def test_a_process_that_died_before_it_was_confirmed_tells_all_again(cloud: Cloud) -> None:
    before = cloud.look()
    cloud.restart()
    after = cloud.look()
    assert after.batches[0].sightings == before.batches[0].sightings
    assert after.batches[0].batch != before.batches[0].batch


def test_a_look_that_fails_loses_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise StoreError("the disk is gone", "get another")

    with monkeypatch.context() as patch:
        patch.setattr("zt.jobs.events.JobEvents.of_groups", fail)
        with pytest.raises(StoreError):
            cloud.look()
    assert len(counts(cloud.gather())) == 3


def test_many_findings_take_several_looks(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_PROOFS", 2)
    first = cloud.look()
    assert (len(first.findings), first.waiting) == (2, 1)
    cloud.gatherer.confirm()
    cloud.restart()
    assert len(cloud.gather()) == 1
    assert cloud.gather() == []


def test_batches_hold_no_more_than_the_collector_takes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAX_SIGHTINGS", 2)
    batches = cloud.look().batches
    assert [len(batch.sightings) for batch in batches] == [2, 1]
    assert len({batch.batch for batch in batches}) == 2


def test_keys_may_rotate(cloud: Cloud) -> None:
    cloud.gather()
    cloud.history.rotate()
    cloud.add(attack(TWO, "auth-failed", 9))
    cloud.gather()  # gives the jobs parts for the new epoch
    cloud.add(attack(TWO, "auth-failed", 8))
    assert sum(counts(cloud.gather()).values()) == 2


def test_old_evidence_tells_nothing(tmp_path: Path) -> None:
    make_cloud(tmp_path, [attack(ONE, "auth-failed", 8 * DAY), attack(TWO, "auth-failed", DAY)])
    cloud = Cloud(tmp_path)
    gathered = cloud.look()
    assert [one.address for one in gathered.batches[0].sightings] == [TWO]
    assert list(gathered.refused) == ["honeynet-guess: its events are too old, or in the future"]
    cloud.gatherer.confirm()
    cloud.restart()
    assert not cloud.look().refused


@pytest.mark.parametrize("lie", ["group", "unknown events", "events of others"])
def test_nobody_is_told_of_for_a_lie(cloud: Cloud, lie: str) -> None:
    genuine = {finding.job: finding for finding in cloud.findings()}
    guess, scan = genuine["honeynet-guess"], genuine["honeynet-scan"]
    cloud.gather()
    if lie == "group":  # an address that never guessed, with the events of one that did
        cloud.lie(guess, group=scan.group)
    elif lie == "unknown events":
        cloud.lie(guess, group=scan.group, events=("A" * 22,))
    else:
        cloud.lie(guess, group=scan.group, events=scan.events)
    gathered = cloud.look()
    assert gathered.batches == []
    assert sum(gathered.refused.values()) == 1


def test_senders_must_be_proven_whatever_the_job_asks_for(tmp_path: Path) -> None:
    make_cloud(tmp_path, EVENTS)
    cloud = Cloud(tmp_path)
    scan = next(job for job in PACK.jobs if job.id == "honeynet-scan")
    any_scan = Job.model_validate(scan.model_dump() | {"where": "type:msg-probe", "window": "5m"})
    with cloud.history.open() as store:
        push_jobs([any_scan], Session(cloud.history.ring, store))
        run_jobs(store)
    cloud.gatherer = Gatherer(cloud.history.ring, [any_scan], Told(cloud.state), lambda: NOW)
    gathered = cloud.look()
    assert [one.address for one in gathered.batches[0].sightings] == [SIX]
    assert gathered.refused["honeynet-scan: its sender never proved its address"] == 1


def test_one_event_is_not_counted_as_many(cloud: Cloud) -> None:
    call = next(finding for finding in cloud.findings() if finding.job == "honeynet-call")
    cloud.lie(call, events=call.events * 100, metric=4_000)
    assert counts(cloud.gather())[ONE, Kind.CALL] == 1


def test_of_very_many_events_those_count_that_the_finding_names(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAX_EVIDENCE", 1)
    guess, scan = (
        next(one for one in cloud.findings() if one.job == f"honeynet-{kind}")
        for kind in ("guess", "scan")
    )
    cloud.lie(scan, events=guess.events, start=scan.start - 1)
    assert counts(cloud.gather()) == {
        (ONE, Kind.GUESS): 1,
        (ONE, Kind.CALL): 1,
        (SIX, Kind.SCAN): 1,
    }


def test_other_jobs_are_no_sightings(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="none whose findings the collector takes"):
        Gatherer(cloud.history.ring, load_pack("sip").jobs, Told(cloud.state), lambda: NOW)
    assert {job.id.removeprefix("honeynet-") for job in PACK.jobs} == set(Kind)


def test_a_book_takes_what_was_gathered_once(cloud: Cloud, tmp_path: Path) -> None:
    with Book.open(tmp_path / "book.db") as book:
        book.add_honeypot("cloud", "cloud", NOW)
        outlet = BookOutlet(book, "cloud", lambda: NOW)
        for batch in cloud.look().batches * 2:
            assert outlet.take(batch) == 0
        assert book.banned(0, 4).addresses == (ONE,)
        assert book.banned(0, 6).addresses == (SIX,)
        ban = book.check(ONE)
    assert ban is not None
    assert (ban.count, ban.kinds, ban.proven) == (8, (Kind.GUESS, Kind.CALL), True)


# --- what was told ------------------------------------------------------------------------------


def test_an_older_copy_of_a_store_is_told_anew(cloud: Cloud) -> None:
    cloud.gather()
    told = Told(cloud.state)
    told.note([cloud.findings()[0].model_copy(update={"sequence": 10_000})], [0], NOW)
    cloud.restart()
    assert cloud.look().findings
    assert Counter(cloud.gather()) == Counter()  # but not what was counted lately


def test_the_file_holds_no_address_and_is_private(cloud: Cloud) -> None:
    cloud.gather()
    content = cloud.state.read_text()
    assert cloud.state.stat().st_mode & 0o777 == 0o600
    assert ONE not in content
    assert "45.0" not in content


def test_what_was_told_is_bounded(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(cloud.state)
    finding = cloud.findings()[0]
    findings = [
        finding.model_copy(update={"id": f"{n:022}", "sequence": n, "end": NOW}) for n in range(40)
    ]
    monkeypatch.setattr("zt.honeynet.told.MAX_RISING", 10)
    told.note(findings, [1] * 40, NOW)
    again = Told(cloud.state)
    assert [again.count(finding) for finding in findings] == [0] * 30 + [1] * 10
    assert again.sequence == 39
    again.note([], [], NOW + 2 * 3_600 * MICROSECONDS)
    assert again.count(findings[-1]) == 0


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"sequence": "1"}', b'{"else": 1}'])
def test_another_file_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match="does not say what the collector was told"):
        Told(path)
    path.chmod(0o644)
    with pytest.raises(RingError):
        Told(path)
    assert path.read_bytes() == content
