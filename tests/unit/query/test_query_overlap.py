"""Which epochs a question is asked of: those whose time range overlaps, and no answer is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from support.history import History, make_history

from analytics.store import JobState
from analytics.wire import Lookup, Query, Selection, ValueRecord, parse_time
from zt.encoder import Encoder
from zt.errors import QueryError
from zt.profile import Profile
from zt.query import Count, Session, parse
from zt.query.overlap import newest_first, overlapping

HOURLY = Profile.model_validate(
    {
        "name": "hourly",
        "time": "at",
        "fields": {
            "at": {"scheme": "coarsen", "kind": "time", "step": "1h"},
            "user": {"scheme": "det", "search": ["gram"]},
        },
    }
)


def at(hour: float) -> str:
    return f"2026-11-24T{int(hour):02d}:{round(hour % 1 * 60):02d}:00Z"


def micros(hour: float) -> int:
    return parse_time(at(hour))


def event(hour: float, user: str = "alice") -> dict[str, Any]:
    return {"at": at(hour), "user": user}


SHARES = (
    [event(1.5), event(2.25, "bob"), event(3.75), {"user": "timeless alice"}],
    [event(3.5, "bob"), event(5.25)],  # overlaps with the first by its hour, not by its minute
    [{"user": "alice"}, {"at": "no time", "user": "bob"}],
    [event(8), event(9.5), event(8.5)],
)
EVERYTHING = [item for share in SHARES for item in share]


class Watched:
    """The real store, which notes of which epochs it is asked."""

    def __init__(self, store: JobState) -> None:
        self._store = store
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def scan(self, selection: Selection) -> Iterator[bytes]:
        self.asked.append(selection.kid)
        return self._store.scan(selection)

    def groups(self, query: Query) -> Iterator[Any]:
        self.asked.append(query.kid)
        return self._store.groups(query)

    def values(self, lookup: Lookup) -> Iterator[ValueRecord]:
        self.asked.append(lookup.kid)
        return self._store.values(lookup)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return make_history(tmp_path_factory.mktemp("history"), SHARES, HOURLY)


@pytest.fixture
def watched(history: History) -> Iterator[Watched]:
    with history.open() as store:
        yield Watched(store)


def users(session: Session, question: str = "*", **options: Any) -> list[str]:
    found = [str(item.event["user"]) for item in session.search(parse(question), **options)]
    assert not session.refused
    return found


@pytest.mark.parametrize(
    ("since", "until", "share"),
    [(8, 9, [3]), (1, 3, [0]), (4, 6, [1]), (3, 4, [0, 1]), (None, 3, [0]), (6, None, [3])],
)
@pytest.mark.parametrize("question", ["*", "user:alice", "user:*lic*"])
def test_other_epochs_are_not_asked(
    history: History,
    watched: Watched,
    since: float | None,
    until: float | None,
    share: list[int],
    question: str,
) -> None:
    session = Session(history.ring, watched)
    span: dict[str, Any] = {
        "since": None if since is None else micros(since),
        "until": None if until is None else micros(until),
    }
    kids = list(history.wire)
    assert users(session, question, **span)
    assert set(watched.asked) == {kids[n] for n in share}
    watched.asked.clear()
    assert session.top("user", where=parse(question), **span)
    assert set(watched.asked) == {kids[n] for n in share}


def test_every_range_is_answered_as_if_all_epochs_were_asked(
    history: History, watched: Watched
) -> None:
    session = Session(history.ring, watched)
    hours = [
        (micros(int(item["at"][11:13])), item["user"])
        for item in EVERYTHING
        if parse_or_none(item.get("at")) is not None
    ]
    bounds = [micros(hour) + step for hour in (1, 2, 3, 5, 8, 9, 10) for step in (0, 1)]
    skipped = 0
    for since, until in combinations(bounds, 2):
        expected = Counter(user for time, user in hours if since <= time < until)
        watched.asked.clear()
        assert Counter(users(session, since=since, until=until)) == expected
        skipped += len(set(watched.asked)) < len(SHARES)
        tops = session.top("user", since=since, until=until)
        assert {count.value: count.count for count in tops} == expected
    assert skipped > len(bounds)


def parse_or_none(text: Any) -> int | None:
    try:
        return parse_time(text)
    except (TypeError, ValueError):
        return None


def test_without_a_range_events_without_a_time_are_found(
    history: History, watched: Watched
) -> None:
    session = Session(history.ring, watched)
    assert sorted(users(session)) == sorted(item["user"] for item in EVERYTHING)
    assert session.top("user") == [Count("alice", 7), Count("bob", 3), Count("timeless alice", 1)]


def test_late_events_move_an_epochs_range(tmp_path: Path) -> None:
    history = make_history(tmp_path / "late", [[event(1)]], HOURLY)
    encoder = Encoder(history.ring, HOURLY, stream="on its way while the ring rotates")
    late = list(encoder.encrypt([msgspec.json.encode(event(5, "late")) + b"\n"]))
    history.rotate()
    history.add([event(8)], HOURLY)
    span: dict[str, Any] = {"since": micros(4), "until": micros(6)}
    with history.open() as store:
        session = Session(history.ring, store)
        assert users(session, **span) == []
        assert store.ingest(late).events == 1  # while the session is there
        assert users(session, **span) == ["late"]
        assert session.top("user", **span) == [Count("late", 1)]


def test_an_epoch_of_which_the_store_says_nothing_is_asked(
    history: History, watched: Watched
) -> None:
    session = Session(history.ring, watched)
    watched.__dict__["epochs"] = list
    assert users(session, "user:alice", since=micros(8), until=micros(9)) == ["alice", "alice"]
    assert set(watched.asked) == set(history.wire)


def test_a_question_that_cannot_be_asked_is_refused_whatever_its_range(
    history: History, watched: Watched
) -> None:
    session = Session(history.ring, watched)
    nothing: dict[str, Any] = {"since": micros(20), "until": micros(21)}
    assert users(session, "user:*lic*", **nothing) == []
    with pytest.raises(QueryError, match="usr"):
        users(session, "usr:alice", **nothing)
    with pytest.raises(QueryError, match="usr"):
        session.top("usr", **nothing)


def test_events_of_all_epochs_come_newest_first(history: History, watched: Watched) -> None:
    session = Session(history.ring, watched)
    times = [item.time for item in session.search()]
    timed = [time for time in times if time is not None]
    assert timed == sorted(timed, reverse=True)
    assert times == timed + [None] * 3


def test_a_limit_gives_the_newest_and_asks_no_older_epoch(
    history: History, watched: Watched
) -> None:
    session = Session(history.ring, watched)
    found = list(session.search(parse("user:*lic*"), limit=3))
    assert [item.event["at"] for item in found] == [at(9.5), at(8.5), at(8)]
    assert set(watched.asked) == {list(history.wire)[3]}
    watched.asked.clear()
    found = list(session.search(limit=5))
    assert [item.event["at"] for item in found[3:4]] == [at(5.25)]
    assert len(found) == 5


class Item(NamedTuple):
    time: int | None
    name: str = ""


def test_a_stream_is_not_read_before_its_turn() -> None:
    def stream(*times: int | None) -> Iterator[Item]:
        for time in times:
            read.append(time)
            yield Item(time)

    read: list[int | None] = []
    merged = newest_first(
        [(9, stream(9, 4, None)), (5, stream(5, 5, 1)), (float("-inf"), stream(None))]
    )
    assert next(merged).time == 9
    assert read == [9]
    assert [item.time for item in merged] == [5, 5, 4, 1, None, None]


def test_a_stream_out_of_order_loses_nothing() -> None:
    items = [Item(1, "a"), Item(7, "b"), Item(None, "c"), Item(7, "d")]
    assert sorted(i.name for i in newest_first([(7, iter(items[:3])), (7, iter(items[3:]))])) == [
        *"abcd"
    ]


def test_an_epoch_without_events_is_in_no_range(history: History, watched: Watched) -> None:
    plans = Session(history.ring, watched).plans
    *others, newest = watched.epochs()
    epochs = [epoch._replace(events=0, first=None, last=None) for epoch in others] + [newest]
    assert [asked.plan.kid for asked in overlapping(plans, epochs, 0, None)] == [newest.kid]
    assert len(overlapping(plans, epochs, None, None)) == len(SHARES)
