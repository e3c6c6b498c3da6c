"""Turns at a store that has one owner at a time: real files, other processes, and time by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from unit.jobs.rotated import Cloud, calls, make_job, rotations, windows
from unit.jobs.test_jobs_follow import Clock

from analytics.store import open_store, store_mark
from analytics.wire import StoreBusyError, StoreError
from keys import Ring, WrongKeyError, init_ring
from zt.jobs import Follower, News, Turns, turns

S = 1_000_000
EVERY = 0.125
JOB = make_job(threshold=4)
HOLD = """
import sys
from analytics.store import open_store
with open_store(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> list[Ring]:
    return rotations(tmp_path_factory.mktemp("ring"), 1)


class House:
    """A store in a file, and one that takes turns at it."""

    def __init__(self, folder: Path, rings: list[Ring]) -> None:
        self.path = folder / "store.db"
        self.url = f"duckdb:{self.path}"
        self.rings = rings
        self.said: list[str] = []
        self.clock = Clock()
        self.turns = Turns(
            self.url, Follower(rings[-1], [JOB], self.clock), EVERY, self.said.append, self.clock
        )

    @contextmanager
    def cloud(self) -> Iterator[Cloud]:
        with open_store(self.url, create=True) as store:
            yield Cloud(store, self.rings)

    def attack(self, start: int) -> None:
        """An attack that the jobs find."""
        with self.cloud() as cloud:
            cloud.take(calls(*range(start, start + 4)))
            cloud.push(JOB)
            cloud.run()


@pytest.fixture
def house(tmp_path: Path, rings: list[Ring]) -> House:
    house = House(tmp_path, rings)
    house.attack(0)
    return house


@contextmanager
def held(url: str) -> Iterator[int]:
    """Another process owns the store; its id."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"open\n"
            yield owner.pid
            owner.communicate(timeout=30)
        finally:
            owner.kill()


def found(news: News | None) -> list[int]:
    assert news is not None
    return [start // S for _, start, _, _ in windows(news.findings)]


def test_the_store_is_closed_between_turns_and_open_only_when_it_was_written(house: House) -> None:
    assert found(house.turns.take()) == [0]
    with open_store(house.url):  # would make a turn busy
        for _ in range(3):
            assert house.turns.take() is None
            assert house.turns.pause == EVERY
    house.attack(30)
    assert found(house.turns.take()) == [30]
    assert house.said == []


def test_it_looks_now_and_then_whatever_the_file_seems_to_be(house: House) -> None:
    house.turns.take()
    assert house.turns.take() is None
    house.clock.now += turns.SAFETY
    assert house.turns.take() == News()


def test_a_busy_store_is_tried_again_with_bounded_pauses_and_named_once(house: House) -> None:
    pauses = []
    with held(house.url) as pid:
        for _ in range(10):
            assert house.turns.take() is None
            pauses.append(house.turns.pause)
            house.clock.now += house.turns.pause
    assert pauses == [EVERY, 2 * EVERY, 4 * EVERY, *[turns.LONGEST] * 7]
    assert [str(pid) in text for text in house.said] == [True]
    assert found(house.turns.take()) == [0]
    assert house.turns.pause == EVERY
    assert len(house.said) == 2
    assert "again" in house.said[1]


def test_a_store_that_is_busy_for_a_moment_is_not_worth_a_word(house: House) -> None:
    with held(house.url):
        house.turns.take()
    assert found(house.turns.take()) == [0]
    assert house.said == []


def test_a_look_that_takes_long_leaves_the_store_to_others_for_longer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Follower.look

    def slowly(follower: Follower, store: object) -> News:
        house.clock.now += 3
        return look(follower, store)  # type: ignore[arg-type]

    monkeypatch.setattr(Follower, "look", slowly)
    house.turns.take()
    assert house.turns.pause == turns.SHARE * 3


def test_no_store_ends_it_at_first_and_is_waited_for_later(house: House) -> None:
    away = house.path.rename(house.path.with_name("away.db"))
    with pytest.raises(StoreError, match="no store at"):
        house.turns.take()
    away.rename(house.path)
    assert found(house.turns.take()) == [0]
    house.path.rename(away)
    for _ in range(3):
        assert house.turns.take() is None
    assert len(house.said) == 1
    assert "no store at" in house.said[0]
    away.rename(house.path)
    house.attack(30)
    assert found(house.turns.take()) == [30]


def test_what_was_found_is_said_even_if_the_store_fails_when_it_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def failing(url: str) -> Iterator[object]:
        with open_store(url) as store:
            yield store
        raise StoreError("the disk is full", "make room")

    with monkeypatch.context() as patch:
        patch.setattr(turns, "open_store", failing)
        assert found(house.turns.take()) == [0]
    assert "the disk is full" in house.said[0]
    assert house.turns.take() == News()


def test_what_is_written_right_behind_a_look_is_seen_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def crowded(url: str) -> Iterator[object]:
        with open_store(url) as store:
            yield store
        house.attack(30)

    with monkeypatch.context() as patch:
        patch.setattr(turns, "open_store", crowded)
        assert found(house.turns.take()) == [0]
    assert found(house.turns.take()) == [30]


def test_a_ring_of_other_keys_ends_it(house: House, tmp_path: Path) -> None:
    other = init_ring(tmp_path / "other.json", "acme", "file:other.key")
    strangers = Turns(house.url, Follower(other, [JOB]), EVERY, house.said.append)
    with pytest.raises(WrongKeyError):
        strangers.take()
    assert house.said == []


def test_a_newer_epoch_than_the_rings_is_waited_for(house: House, rings: list[Ring]) -> None:
    old = Turns(house.url, Follower(rings[0], [JOB]), EVERY, house.said.append, house.clock)
    assert found(old.take()) == [0]
    with house.cloud() as cloud:
        cloud.take(calls(50), epoch=1)
    for _ in range(2):
        assert old.take() is None
    assert len(house.said) == 1
    assert "epoch" in house.said[0]


def test_the_mark_of_a_store_changes_with_writes_only(house: House) -> None:
    mark = store_mark(house.url)
    open_store(house.url).close()
    with house.cloud() as cloud:
        cloud.run()
    assert store_mark(house.url) == mark is not None
    with house.cloud() as cloud:
        cloud.take(calls(70))
        assert store_mark(house.url) != mark
    assert store_mark(house.url) != mark
    assert store_mark("duckdb:/nowhere/at/all") is None
    with pytest.raises(StoreError, match="no kind of store"):
        store_mark("postgres:x")


def test_a_store_is_waited_for_when_asked_to(house: House) -> None:
    with held(house.url), pytest.raises(StoreBusyError):
        open_store(house.url, wait=0.05)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, house.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        assert owner.stdout.readline() == b"open\n"
        owner.stdin.close()  # it ends now, in a while
        open_store(house.url, wait=60).close()
        owner.wait(timeout=30)
