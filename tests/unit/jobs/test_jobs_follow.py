"""Following findings: against real stores and jobs, look by look, and against the plain truth."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples
from unit.jobs.rotated import (
    SOURCES,
    Call,
    Cloud,
    Window,
    calls,
    make_job,
    rotations,
    truth,
    windows,
)

from analytics.store import JobState, Store, open_store
from analytics.wire import Finding, StoreError, finding_id
from keys import Ring, RingError, UnknownEpochError, init_ring, rotate_ring
from zt.jobs import Follower, Job, News, OpenedFinding, kept

S = 1_000_000


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> list[Ring]:
    return rotations(tmp_path_factory.mktemp("ring"), 2)


@pytest.fixture
def cloud(tmp_path: Path, rings: list[Ring]) -> Iterator[Cloud]:
    with open_store(f"duckdb:{tmp_path / 'store.db'}", create=True) as store:
        yield Cloud(store, rings)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watch:
    """A follower of one job, and all that it said."""

    def __init__(self, cloud: Cloud, job: Job, ring: Ring | None = None) -> None:
        self.cloud = cloud
        self.job = job
        self.clock = Clock()
        self.follower = Follower(ring or cloud.rings[-1], [job], self.clock)
        self.said: list[OpenedFinding] = []

    def look(self, store: Store | None = None) -> News:
        news = self.follower.look(store or self.cloud.store)
        self.said += news.findings
        return news

    def windows(self, store: Store | None = None) -> list[Window]:
        news = self.look(store)
        assert not news.refused
        assert not news.refused_events
        return windows(news.findings)

    @property
    def latest(self) -> list[Window]:
        """What was said last of each id."""
        return windows({item.finding.id: item for item in self.said}.values())

    def assert_nothing_came_twice(self) -> None:
        said = [(item.finding.id, item.finding.metric) for item in self.said]
        assert len(said) == len(set(said))


def test_what_is_there_comes_first_and_each_thing_once(cloud: Cloud) -> None:
    job = make_job(threshold=4)
    cloud.take(calls(1, 2, 3, 4))
    cloud.push(job)
    cloud.run()
    watch = Watch(cloud, job)
    assert watch.windows() == [(SOURCES[0], 1 * S, 11 * S, 4)]
    assert watch.windows() == []
    cloud.take(calls(21, 22, 23, 24))
    assert watch.windows() == []
    cloud.run()
    assert watch.windows() == [(SOURCES[0], 21 * S, 31 * S, 4)]
    assert watch.windows() == []


def test_a_metric_that_rises_is_said_again_under_the_same_id(cloud: Cloud) -> None:
    job = make_job(threshold=4)
    cloud.take(calls(1, 2, 3, 4))
    cloud.push(job)
    watch = Watch(cloud, job)
    for time in (5, 6):
        cloud.run()
        assert len(watch.windows()) == 1
        cloud.take(calls(time))
    cloud.run()
    assert watch.windows() == [(SOURCES[0], 1 * S, 11 * S, 6)]
    assert [item.finding.metric for item in watch.said] == [4, 5, 6]
    assert len({item.finding.id for item in watch.said}) == 1


def test_a_partial_finding_is_completed_by_events_for_which_nothing_is_written(
    cloud: Cloud,
) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take(calls(6, 7, source=SOURCES[1]), epoch=1)
    cloud.take([Call(8, SOURCES[1], weight=3)], epoch=1)
    cloud.push(job)
    written = cloud.run()
    assert [finding.partial for finding in written] == [True, True]
    watch = Watch(cloud, job)
    assert watch.windows() == []
    cloud.take(calls(6.5, 7.5, 8.5), epoch=1)
    assert watch.windows() == [(SOURCES[0], 1 * S, 11 * S, 8)]
    assert cloud.run() == written
    assert watch.windows() == []
    cloud.take(calls(9), epoch=1)
    assert watch.windows() == [(SOURCES[0], 1 * S, 11 * S, 9)]
    assert len({item.finding.id for item in watch.said}) == 1


def test_the_id_stays_when_another_finding_leads_to_the_same_detection(cloud: Cloud) -> None:
    job = make_job()
    others = calls(20, 21, 22, 22.5, source=SOURCES[1])  # what makes the late one worth a finding
    cloud.take([*calls(21, 22, 23, 24, 25), *others], epoch=0)
    cloud.take(calls(26, 27, 28), epoch=1)
    cloud.push(job)
    cloud.run()
    watch = Watch(cloud, job)
    assert watch.windows() == [(SOURCES[0], 21 * S, 31 * S, 8)]
    cloud.take([Call(13, weight=4)], epoch=1)  # late, and not enough to move the window
    cloud.run()
    assert watch.windows() == []
    assert cloud.found(job)[0].finding.id != watch.said[0].finding.id
    cloud.take(calls(29), epoch=1)
    assert watch.windows() == [(SOURCES[0], 21 * S, 31 * S, 9)]
    assert len({item.finding.id for item in watch.said}) == 1


def test_findings_of_all_jobs_come_in_the_order_of_the_store(cloud: Cloud) -> None:
    first, second = make_job(threshold=4, id="first"), make_job(threshold=3, id="second")
    cloud.take(calls(1, 2, 3, 4))
    for job in (second, first):
        cloud.push(job)
        cloud.run()
    news = Follower(cloud.rings[-1], [first, second]).look(cloud.store)
    assert [item.job.id for item in news.findings] == ["second", "first"]


def test_keys_rotate_while_it_follows(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    ring = init_ring(path, "acme", "file:ring.key")
    job = make_job()
    with open_store(f"duckdb:{tmp_path / 'store.db'}", create=True) as store:
        cloud = Cloud(store, [ring])
        cloud.take(calls(1, 2, 3, 4, 5))
        cloud.push(job)
        watch = Watch(cloud, job, Ring.open(path))
        assert watch.look() == News()
        rotate_ring(path)
        cloud.rings = [Ring.open(path)]
        cloud.take(calls(6, 7, 8, 9))
        assert watch.look().added == [job.id]
        assert watch.look().added == []
        assert [len(spec.parts) for spec in store.jobs()] == [2]
        cloud.run()
        assert watch.windows() == [(SOURCES[0], 1 * S, 11 * S, 9)]


def test_a_ring_that_lacks_an_epoch_sees_nothing_until_the_newer_copy_is_there(
    cloud: Cloud, tmp_path: Path
) -> None:
    job = make_job(threshold=4)
    path = tmp_path / "ring.json"
    shutil.copy(cloud.rings[0].path, path)
    shutil.copy(cloud.rings[0].path.with_name("ring.key"), tmp_path / "ring.key")
    watch = Watch(cloud, job, Ring.open(path))
    cloud.take(calls(1, 2, 3, 4), epoch=1)
    cloud.push(job)
    cloud.run()
    for _ in range(2):
        with pytest.raises(UnknownEpochError):
            watch.look()
    assert watch.said == []
    copy = tmp_path / "copy"
    shutil.copy(cloud.rings[2].path, copy)
    copy.replace(path)
    assert watch.windows() == [(SOURCES[0], 1 * S, 11 * S, 4)]


def test_a_ring_that_was_replaced_by_an_older_one_is_used_no_more(
    cloud: Cloud, tmp_path: Path
) -> None:
    job = make_job(threshold=4)
    path = tmp_path / "ring.json"
    shutil.copy(cloud.rings[1].path, path)
    shutil.copy(cloud.rings[1].path.with_name("ring.key"), tmp_path / "ring.key")
    cloud.take(calls(1, 2, 3, 4))
    cloud.push(job)
    cloud.run()
    watch = Watch(cloud, job, Ring.open(path))
    assert len(watch.windows()) == 1
    copy = tmp_path / "copy"
    shutil.copy(cloud.rings[0].path, copy)
    copy.replace(path)
    with pytest.raises(RingError, match="older one"):
        watch.look()


class Failing:
    """A store that fails at one of the calls, counted over all methods."""

    def __init__(self, store: JobState, turn: int) -> None:
        self._store = store
        self.turn = turn

    def __getattr__(self, name: str) -> Any:
        self.turn -= 1
        if self.turn == 0:
            raise StoreError("gone", "look again")
        return getattr(self._store, name)


def test_a_look_that_fails_loses_and_doubles_nothing(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take(calls(*range(40, 50), source=SOURCES[1]), epoch=0)
    cloud.push(job)
    cloud.run()
    watches: list[Watch] = []
    for turn in range(1, 100):
        watch = Watch(cloud, job)
        failing = Failing(cloud.store, turn)
        watches.append(watch)
        try:
            watch.look(cast(Store, failing))
        except StoreError:
            assert watch.said == []
        else:
            break
    assert len(watches) > 5
    for watch in watches:
        watch.look()
        assert watch.latest == [(SOURCES[1], 40 * S, 50 * S, 10)]

    def fail_and_look_again(*expected: Window) -> None:
        failures = 0
        for turn, watch in enumerate(watches, 1):
            before = len(watch.said)
            try:
                watch.look(cast(Store, Failing(cloud.store, turn)))
            except StoreError:
                failures += 1
                assert len(watch.said) == before
            watch.look()
            assert watch.latest == [*expected, (SOURCES[1], 40 * S, 50 * S, 10)]
            watch.assert_nothing_came_twice()
        assert failures > 5

    cloud.take(calls(6, 7, 8, 9), epoch=1)  # now also parts are put there, once
    fail_and_look_again()
    assert [len(spec.parts) for spec in cloud.store.jobs()] == [2]
    cloud.run()  # and now events of two parts are read
    fail_and_look_again((SOURCES[0], 1 * S, 11 * S, 9))


def test_what_does_not_open_is_told_once(cloud: Cloud) -> None:
    job = make_job(threshold=4)
    cloud.take(calls(1, 2, 3, 4))
    cloud.push(job)
    [finding] = cloud.run()
    [spec] = cloud.store.jobs()
    made_up = finding.model_copy(update={"id": "A" * 22, "group": ("AAAA",)})
    cloud.store.write_findings(spec, spec.parts[0], [made_up], 0)
    watch = Watch(cloud, job)
    news = watch.look()
    assert windows(news.findings) == [(SOURCES[0], 1 * S, 11 * S, 4)]
    assert list(news.refused.values()) == [1]
    assert watch.look() == News()


def test_a_made_up_finding_does_not_come_again_and_again(cloud: Cloud) -> None:
    """Beside a true one of the same window and group, near a rotation: both are looked at often."""
    job = make_job(threshold=4)
    cloud.take(calls(1, 2, 3, 4), epoch=0)
    cloud.push(job)
    [true] = cloud.run()
    cloud.take(calls(5), epoch=1)
    cloud.push(job)
    [spec] = cloud.store.jobs()
    new = next(part for part in spec.parts if part.kid != true.kid)
    cloud.store.write_findings(spec, new, [_moved(cloud, true, new.kid, new.profile)], 0)
    watch = Watch(cloud, job)
    watch.look()
    for time in (5.5, 6.0, 6.5):
        cloud.take(calls(time), epoch=1)
        watch.look()
        assert watch.look() == News()
    assert len(watch.said) <= 5
    watch.assert_nothing_came_twice()


def _moved(cloud: Cloud, finding: Finding, kid: str, profile: str) -> Finding:
    """The same group under another epoch, with events that are not there."""
    from zt.query.compile import equal_ciphertexts, visible_field

    plan = cloud.session().decoder.plan(kid, profile)
    [ciphertext, *_] = equal_ciphertexts(visible_field(plan, "source"), SOURCES[0])
    name = finding_id(finding.job, finding.version, kid, profile, (ciphertext,), finding.start)
    changed = {"id": name, "kid": kid, "profile": profile, "group": (ciphertext,)}
    return finding.model_copy(update=changed | {"metric": 99, "events": ("A" * 22,)})


def test_an_older_copy_of_the_store_is_read_from_its_start(cloud: Cloud, tmp_path: Path) -> None:
    job = make_job(threshold=4)
    cloud.take(calls(1, 2, 3, 4))
    cloud.push(job)
    cloud.run()
    watch = Watch(cloud, job)
    with open_store(f"duckdb:{tmp_path / 'older.db'}", create=True) as store:
        older = Cloud(store, cloud.rings)
        older.take(calls(1))
        older.push(job)
        for start in (30, 60, 90):
            cloud.take(calls(*range(start, start + 4)))
            cloud.run()
        assert len(watch.windows()) == 4
        older.take(calls(*range(200, 204)))
        older.run()
        assert watch.windows(store) == [(SOURCES[0], 200 * S, 210 * S, 4)]


# --- what is kept ---------------------------------------------------------------------------


def size(watch: Watch) -> int:
    return len(watch.follower._kept)


def test_groups_go_when_nothing_came_for_long(cloud: Cloud) -> None:
    job = make_job(threshold=2, window="10s")
    cloud.take([Call(time, f"192.0.2.{n}") for n in range(9) for time in (1, 2)])
    cloud.push(job)
    cloud.run()
    watch = Watch(cloud, job)
    assert len(watch.windows()) == 9
    assert size(watch) == 9
    watch.clock.now = 3 * 10 + kept.LATENESS
    cloud.take([Call(time, "192.0.2.3") for time in (31, 32)])
    cloud.run()
    assert len(watch.windows()) == 1
    watch.clock.now += 1
    assert watch.look() == News()
    assert size(watch) == 1


def test_what_was_said_of_a_group_that_went_is_not_said_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 6)  # one finding with its events
    job = make_job(threshold=4)
    cloud.take([*calls(1, 2, 3, 4), *calls(1, 2, 3, 4, source=SOURCES[1])], epoch=0)
    cloud.push(job)
    cloud.run()
    watch = Watch(cloud, job)
    assert len(watch.windows()) == 2
    assert size(watch) == 1
    cloud.take([*calls(30, 31), *calls(30, 31, source=SOURCES[1])], epoch=1)
    for start in (50, 70):
        cloud.take([Call(start + n, source) for source in SOURCES for n in range(4)], epoch=1)
        watch.look()
        cloud.run()
        watch.look()
        assert size(watch) <= 1
    watch.assert_nothing_came_twice()
    assert watch.latest == truth(
        [Call(start + n, source) for start in (1, 50, 70) for source in SOURCES for n in range(4)],
        job,
    )


def test_what_was_said_is_remembered_longer_than_the_group(cloud: Cloud, tmp_path: Path) -> None:
    job = make_job(threshold=4)
    cloud.take(calls(1, 2, 3, 4))
    cloud.push(job)
    cloud.run()
    cloud.take(calls(1, 2, 3, 4, source=SOURCES[1]))
    cloud.run()
    watch = Watch(cloud, job)
    assert len(watch.windows()) == 2
    watch.clock.now = 1e6
    assert watch.look() == News()
    assert size(watch) == 0
    with open_store(f"duckdb:{tmp_path / 'older.db'}", create=True) as store:
        older = Cloud(store, cloud.rings)
        older.take(calls(1, 2, 3, 4))
        older.push(job)
        older.run()
        assert watch.windows(store) == []
    assert size(watch) == 1


def test_a_group_that_goes_on_and_on_keeps_a_bounded_number(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LONG", 4)
    job = make_job(threshold=4)
    watch = Watch(cloud, job)
    everything = calls(*range(200))
    for turn, low in enumerate(range(0, 200, 8)):
        cloud.take(everything[low : low + 8], epoch=turn % 2)
        if turn == 0:
            cloud.push(job)
        watch.look()
        cloud.run()
        watch.look()
        [group] = watch.follower._kept.of_job(job)
        assert len(group._findings) <= 2 * 4
        assert len(group._said) <= 2 * 4
    assert watch.latest == truth(everything, job)
    watch.assert_nothing_came_twice()


def test_findings_of_a_time_that_is_settled_are_said_all_the_same(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LONG", 4)
    job = make_job(threshold=4)
    watch = Watch(cloud, job)
    late, everything = calls(*range(8)), calls(*range(100, 200))
    cloud.take(everything)
    cloud.push(job)
    cloud.run()
    assert watch.windows() == truth(everything, job)
    cloud.take(late)
    cloud.run()
    assert watch.windows() == truth(late, job)
    assert watch.windows() == []


# --- any events, any rotations --------------------------------------------------------------

CALLS = st.lists(
    st.builds(
        Call,
        time=st.integers(0, 240).map(lambda quarter: quarter / 4),
        source=st.sampled_from(SOURCES),
        target=st.sampled_from(["u", "v", "w", "x", None]),
        weight=st.integers(1, 3),
    ),
    min_size=1,
    max_size=40,
)
JOBS = st.builds(
    make_job,
    kind=st.sampled_from(["event_count", "value_count"]),
    threshold=st.integers(1, 9),
    window=st.sampled_from(["500ms", "2s", "7s", "30s"]),
)


def followed(
    rings: Sequence[Ring], job: Job, pieces: Sequence[list[Call]], data: st.DataObject
) -> Watch:
    """What a follower said while pieces came in order, rotations, runs and looks in between."""
    with (
        TemporaryDirectory() as folder,
        open_store(f"duckdb:{folder}/store.db", create=True) as store,
    ):
        cloud = Cloud(store, rings)
        watch = Watch(cloud, job)
        epoch = 0
        for index, piece in enumerate(pieces):
            epoch = data.draw(st.integers(epoch, len(rings) - 1))
            cloud.take(piece, epoch)
            if index == 0:
                cloud.push(job)
            for turn in data.draw(st.lists(st.sampled_from(["run", "look"]), max_size=3)):
                (cloud.run if turn == "run" else watch.look)()
        for _ in range(2):  # parts, then what they find
            watch.look()
            cloud.run()
        watch.look()
        assert watch.look() == News()
        return watch


@settings(max_examples=examples(8), deadline=None)
@given(CALLS, JOBS, st.sampled_from([2, 64]), st.data())
def test_what_was_said_last_is_the_truth(
    rings: list[Ring], events: list[Call], job: Job, long: int, data: st.DataObject
) -> None:
    """For events that come in the order of time, whenever it looks, however little it keeps."""
    ordered = sorted(events, key=lambda event: event.time)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ordered)), max_size=3)))
    spans = pairwise([0, *cuts, len(ordered)])
    pieces = [ordered[low:high] for low, high in spans if low < high]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "LONG", long)
        watch = followed(rings, job, pieces, data)
    watch.assert_nothing_came_twice()
    assert watch.latest == truth(ordered, job)
