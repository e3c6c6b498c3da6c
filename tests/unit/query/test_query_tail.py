"""Following a question: each event once, in order, late ones too, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.store import JobState, open_store
from analytics.wire import EventLine, Selection, format_time, parse_time
from keys import Ring, init_ring, rotate_ring
from zt.encoder import Decoder
from zt.errors import QueryError
from zt.profile import Profile
from zt.query import parse, tail
from zt.query.tail import Tail

SECOND = 1_000_000
NOW = parse_time("2026-11-24T12:00:00Z")
LATE = 10 * SECOND
Ingest = Callable[..., None]


def event(second: float, name: str = "x") -> dict[str, Any]:
    """An event so many seconds from now."""
    at = format_time(NOW + round(second * SECOND))
    return {"@timestamp": at, "type": "a", "client.ip": "192.0.2.1", "name": name}


class Desk:
    """A store, events that come into it, and one who follows."""

    def __init__(self, store: JobState, encrypt: Any, ring: Ring, **options: Any) -> None:
        self.store, self.encrypt, self.ring = store, encrypt, ring
        self.now = NOW
        self.batches = 0
        options = {"first": 2, "lateness": LATE} | options
        self.tail = Tail(ring, parse(options.pop("where", "*")), clock=lambda: self.now, **options)

    def add(self, *events: dict[str, Any], **options: Any) -> None:
        self.batches += 1
        self.store.ingest(self.encrypt(events, stream=f"batch {self.batches}", **options))

    def look(self) -> list[str]:
        return [item.event["name"] for item in self.tail.look(self.store).found]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as opened:
        yield opened


@pytest.fixture
def start(store: JobState, encrypt: Any, shared_ring: Ring) -> Callable[..., Desk]:
    return lambda **options: Desk(store, encrypt, shared_ring, **options)


def test_it_begins_with_the_newest_and_goes_on_with_what_comes(start: Callable[..., Desk]) -> None:
    desk = start()
    desk.add(event(-3, "old"), event(-1, "newest"), event(-2, "newer"))
    assert desk.look() == ["newer", "newest"]
    assert desk.look() == []
    desk.add(event(1, "second"), event(0, "first"))
    assert desk.look() == ["first", "second"]
    assert desk.look() == []


def test_what_was_there_is_not_new_later(start: Callable[..., Desk]) -> None:
    """Also where the first look passes on nothing of it."""
    desk = start(first=0)
    desk.add(event(-3), event(-1))
    assert desk.look() == []
    desk.add(event(-2, "late"))
    assert desk.look() == ["late"]


def test_what_comes_late_is_followed_within_bounds_only(start: Callable[..., Desk]) -> None:
    desk = start()
    desk.add(event(0, "now"))
    assert desk.look() == ["now"]
    desk.add(event(-10, "late"), event(-10.001, "too late"))
    assert desk.look() == ["late"]


def test_an_empty_store_fills(start: Callable[..., Desk]) -> None:
    desk = start(first=1)
    assert desk.look() == []
    desk.add(event(-100, "a"), event(-50, "b"))
    assert desk.look() == ["a", "b"]


def test_a_question_and_a_span_are_kept_to(start: Callable[..., Desk]) -> None:
    desk = start(where="client.ip:192.0.2.0/24", since=NOW, until=NOW + 2 * SECOND)
    desk.add(event(-1), event(0, "a"), event(2, "beyond"))
    assert desk.look() == ["a"]
    desk.add(event(1, "b"), {**event(1, "other"), "client.ip": "198.51.100.1"})
    assert desk.look() == ["b"]


def test_a_time_to_come_neither_ends_the_window_nor_comes_before_it_is(
    start: Callable[..., Desk],
) -> None:
    """Else one event that claims to be of next year would hide all others."""
    desk = start()
    desk.add(event(0, "now"), event(3600, "to come"), event(LATE / SECOND - 0.5, "a bit ahead"))
    assert desk.look() == ["now", "a bit ahead"]
    desk.now += 2 * SECOND
    desk.add(event(1, "honest"))
    assert desk.look() == ["honest"]
    desk.now += 3600 * SECOND
    assert desk.look() == ["to come"]


def test_a_rotation_is_followed(
    store: JobState, encrypt: Any, tmp_path: Path, profile: Profile
) -> None:
    ring = init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    desk = Desk(store, encrypt, ring)
    desk.add(event(0, "a"), ring=ring)
    heard = desk.tail.look(store)
    assert [plan.kid for plan in heard.plans] == [ring.active.kid.hex()]
    assert desk.tail.look(store).plans == []
    newer = rotate_ring(ring.path)
    desk.add(event(1, "b"), ring=newer)
    heard = desk.tail.look(store)
    assert [item.event["name"] for item in heard.found] == ["b"]
    assert len(heard.plans) == 2


def test_ids_are_forgotten_when_their_time_is_over(start: Callable[..., Desk]) -> None:
    desk = start(first=1)
    for second in range(0, 100, 5):
        desk.now = NOW + second * SECOND
        desk.add(event(second, str(second)))
        assert desk.look() == [str(second)]
    assert len(desk.tail._seen) == 3  # of ten seconds, both ends included


def test_memory_is_bounded_and_what_is_lost_is_said(
    start: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MAX_EVENTS", 4)
    desk = start(first=1)
    desk.add(event(0, "a"))
    assert desk.look() == ["a"]
    desk.add(*(event(n / 10, str(n)) for n in range(1, 7)))
    heard = desk.tail.look(desk.store)
    assert [item.event["name"] for item in heard.found] == ["3", "4", "5", "6"]
    assert heard.left_out == NOW + 300_000
    assert len(desk.tail._seen) < 4
    desk.add(event(0.7, "7"))
    heard = desk.tail.look(desk.store)
    assert [item.event["name"] for item in heard.found] == ["7"]
    assert heard.left_out is None  # nothing between was lost


def test_more_of_one_moment_than_can_be_told_apart_is_said(
    start: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a profile shows the hour only."""
    monkeypatch.setattr(tail, "MAX_EVENTS", 4)
    desk = start()
    desk.add(*(event(0, str(n)) for n in range(3)))
    assert len(desk.look()) == 2
    desk.add(event(0, "3"))
    heard = desk.tail.look(desk.store)
    assert [item.event["name"] for item in heard.found] == ["3"]
    assert heard.left_out == NOW + 1
    desk.add(event(0, "lost"), event(1, "4"))
    heard = desk.tail.look(desk.store)
    assert [item.event["name"] for item in heard.found] == ["4"]
    assert heard.left_out is None


def test_what_was_seen_is_not_opened_again(
    start: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a look costs with what is new."""
    opened: list[str] = []
    genuine = Decoder.open

    def noting(self: Decoder, line: EventLine) -> Any:
        opened.append(line.meta.id)
        return genuine(self, line)

    monkeypatch.setattr(Decoder, "open", noting)
    desk = start(first=9)
    desk.add(*(event(n / 10, str(n)) for n in range(5)))
    desk.look()
    opened.clear()
    desk.add(event(1, "new"))
    assert desk.look() == ["new"]
    assert len(opened) == 1


def test_without_times_nothing_can_be_followed(
    store: JobState, encrypt: Any, shared_ring: Ring
) -> None:
    profile = Profile.model_validate({"name": "timeless", "fields": {"type": {"scheme": "clear"}}})
    desk = Desk(store, encrypt, shared_ring)
    desk.add({"type": "a"}, profile=profile)
    with pytest.raises(QueryError, match="names no time"):
        desk.look()


def test_refusals_are_told_once(
    start: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = start()
    desk.add(event(0, "a"))
    scan = desk.store.scan

    def twice(selection: Selection) -> Iterator[bytes]:
        for line in scan(selection):
            yield from (line, line)

    monkeypatch.setattr(desk.store, "scan", twice)
    heard = desk.tail.look(desk.store)
    assert [item.event["name"] for item in heard.found] == ["a"]
    assert list(heard.refused) == ["the store returned one event twice"]
    desk.add(event(1, "b"))
    heard = desk.tail.look(desk.store)
    assert [item.event["name"] for item in heard.found] == ["b"]
    assert not heard.refused


def test_a_look_that_fails_loses_nothing(
    start: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = start()
    desk.add(event(-1, "a"), event(0, "b"))
    calls = 0
    scan = desk.store.scan

    def failing(selection: Selection) -> Iterator[bytes]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("gone")
        return scan(selection)

    monkeypatch.setattr(desk.store, "scan", failing)
    with pytest.raises(OSError, match="gone"):
        desk.look()
    assert desk.look() == ["a", "b"]


@settings(max_examples=12, deadline=None)
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=5), min_size=1, max_size=6
    )
)
def test_whatever_arrives_late_within_bounds_comes_exactly_once(
    batches: list[list[tuple[int, bool]]],
    encrypt: Any,
    shared_ring: Ring,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Events of the last seconds, in any order, some of them sent again."""
    path = tmp_path_factory.mktemp("tail") / "cloud.duckdb"
    heard: list[str] = []
    sent: list[str] = []
    with open_store(f"duckdb:{path}", create=True) as store:
        desk = Desk(store, encrypt, shared_ring)
        assert desk.look() == []
        for number, batch in enumerate(batches):
            desk.now = NOW + number * SECOND
            events = [
                event(number - late, f"{number} {place}") for place, (late, _) in enumerate(batch)
            ]
            desk.add(*events)
            sent += [one["name"] for one in events]
            if any(again for _, again in batch):  # byte-identical, as a spool resends
                desk.batches -= 1
                desk.add(*events)
            heard += desk.look()
    assert sorted(heard) == sorted(sent)
