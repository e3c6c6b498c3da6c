"""Sessions: the ring checked against the store before anything is asked, lies of a store told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.twins import twin_of

from analytics.store import JobState, open_store
from analytics.wire import Query, Row, Selection, StoreError, parse_time
from keys import (
    KeyCheckError,
    Ring,
    RingError,
    UnknownEpochError,
    change_provider,
    destroy_epoch,
    init_ring,
    rotate_ring,
)
from zt.errors import IntegrityError, QueryError
from zt.profile import Profile
from zt.query import Count, Session, parse

T = "2026-11-24T00:00:0{}Z"
EVENTS: list[dict[str, Any]] = [
    {"@timestamp": T.format(0), "type": "a", "sip": {"from": "alice"}, "hidden": 0},
    {"@timestamp": T.format(1), "type": "b", "sip": {"from": "bob"}, "rate.ex_diff": 4},
    {"@timestamp": T.format(2), "type": "a", "sip.from": "bob", "sip.to": ["alice", "carol"]},
    {"@timestamp": T.format(3), "type": "a", "client.ip": "203.0.113.1"},
    {"type": "timeless", "sip.from": "alice"},
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as opened:
        yield opened


@pytest.fixture
def filled(store: JobState, encrypt: Any) -> JobState:
    assert store.ingest(encrypt(EVENTS)).events == len(EVENTS)
    return store


def found(session: Session, question: str = "*", **options: Any) -> list[dict[str, Any]]:
    return [item.event for item in session.search(parse(question), **options)]


def test_all_events_come_back_newest_first(filled: JobState, shared_ring: Ring) -> None:
    session = Session(shared_ring, filled)
    timed = [item for item in session.search() if item.time is not None]
    assert [item.event for item in timed] == EVENTS[3::-1]
    assert [item.time for item in timed] == [parse_time(T.format(n)) for n in (3, 2, 1, 0)]
    assert len({item.id for item in timed}) == 4
    assert EVENTS[4] in found(session)
    assert not session.refused


def test_spans_and_limits(filled: JobState, shared_ring: Ring) -> None:
    session = Session(shared_ring, filled)
    second, third = parse_time(T.format(1)), parse_time(T.format(2))
    assert found(session, since=second, until=third) == [EVENTS[1]]
    assert found(session, since=third) == [EVENTS[3], EVENTS[2]]
    assert found(session, since=second, limit=1) == [EVENTS[3]]
    assert found(session, "type:a", limit=2, since=0) == [EVENTS[3], EVENTS[2]]
    assert found(session, until=0) == []
    assert session.top("sip.from", since=second) == [Count("bob", 6)]


def test_top_adds_weights(filled: JobState, shared_ring: Ring) -> None:
    session = Session(shared_ring, filled)
    assert session.top("sip.from") == [Count("bob", 6), Count("alice", 2)]
    assert session.top("sip.from", limit=1) == [Count("bob", 6)]
    assert session.top("sip.to") == [Count("alice", 1), Count("carol", 1)]
    assert session.top("type") == [Count("b", 5), Count("a", 3), Count("timeless", 1)]
    assert session.top(
        "sip.from", where=parse("type:a AND sip.from:*li*ce".replace("*li*ce", "alice"))
    )
    assert session.top("sip.contact") == []


def test_parts_are_found_over_fields_of_a_keyspace(filled: JobState, shared_ring: Ring) -> None:
    session = Session(shared_ring, filled)
    assert found(session, "sip.from:*LIC*", since=0) == [EVENTS[0]]
    assert found(session, "sip.to:*lic*") == [EVENTS[2]]
    assert found(session, "sip.to:car*") == [EVENTS[2]]
    assert found(session, "sip.to:*bob*") == []
    assert found(session, "type:*IME*") == [EVENTS[4]]


def test_an_empty_store_says_so(store: JobState, shared_ring: Ring) -> None:
    session = Session(shared_ring, store)
    with pytest.raises(QueryError, match="holds no events yet"):
        list(session.search())
    with pytest.raises(QueryError, match="holds no events yet"):
        session.top("type")


# --- the ring does not fit the store -----------------------------------------------------------


def test_another_ring_is_refused(filled: JobState, other_ring: Ring, shared_ring: Ring) -> None:
    with pytest.raises(UnknownEpochError) as caught:
        Session(other_ring, filled)
    assert shared_ring.active.kid.hex() in str(caught.value)


def test_another_tenants_ring_is_refused(filled: JobState, tmp_path: Path) -> None:
    stranger = init_ring(tmp_path / "stranger.json", "stranger", "file:key")
    with pytest.raises(StoreError, match=r"tenant 'acme', the key ring of 'stranger'"):
        Session(stranger, filled)


def test_a_twin_of_the_epoch_is_refused(
    filled: JobState, shared_ring: Ring, tmp_path: Path
) -> None:
    with pytest.raises(KeyCheckError, match="it is another key"):
        Session(twin_of(shared_ring, tmp_path / "twin.json"), filled)


OLD = "an old copy: it has generation {}, the store has seen {}"


def copy_of(ring: Ring) -> Ring:
    """A copy of the ring file as it is now, its key file beside it."""
    folder = ring.path.with_name(f"copy of {ring.generation}")
    shutil.copytree(ring.path.parent, folder, ignore=lambda *_: ["cloud.duckdb"])
    return Ring.open(folder / ring.path.name)


def test_a_copy_that_lacks_the_newest_epoch_is_refused(
    store: JobState, encrypt: Any, ring: Ring
) -> None:
    store.ingest(encrypt(EVENTS, ring=ring, stream="one"))
    old = copy_of(ring)
    rotated = rotate_ring(ring.path)
    Session(old, store)  # nobody can know yet
    store.ingest(encrypt(EVENTS, ring=rotated, stream="two"))
    with pytest.raises(UnknownEpochError, match=f"needs epoch {rotated.active.kid.hex()}"):
        Session(old, store)
    Session(rotated, store)


def without_an_epoch(ring: Ring) -> Ring:
    return destroy_epoch(ring.path, ring.epochs[0].kid)


def with_a_planned_epoch(ring: Ring) -> Ring:
    return rotate_ring(ring.path, datetime(2040, 1, 1, tzinfo=UTC))


def with_another_provider(ring: Ring) -> Ring:
    return change_provider(ring.path, "file:other.key")


@pytest.mark.parametrize("change", [without_an_epoch, with_a_planned_epoch, with_another_provider])
def test_a_copy_that_has_every_epoch_is_refused_all_the_same(
    store: JobState, encrypt: Any, ring: Ring, change: Callable[[Ring], Ring]
) -> None:
    """Restored from before an epoch was destroyed, say: it opens more than it should."""
    rotated = rotate_ring(ring.path)
    store.ingest(encrypt(EVENTS, ring=rotated, stream="one"))
    old = copy_of(rotated)
    newer = change(rotated)
    store.ingest(encrypt(EVENTS, ring=newer, stream="two"))
    assert all(epoch.kid in old for epoch in store.epochs())
    with pytest.raises(RingError, match=OLD.format(2, 3)):
        Session(old, store)
    Session(newer, store)
    Session(change_provider(newer.path, "file:third.key"), store)


def test_late_events_of_an_older_ring_change_nothing(
    store: JobState, encrypt: Any, ring: Ring
) -> None:
    old = copy_of(ring)
    rotated = rotate_ring(ring.path)
    store.ingest(encrypt(EVENTS, ring=rotated, stream="one"))
    store.ingest(encrypt(EVENTS, ring=old, stream="late"))
    assert len(found(Session(rotated, store))) == 2 * len(EVENTS)
    with pytest.raises(UnknownEpochError):
        Session(old, store)


# --- the store lies ----------------------------------------------------------------------------


class Lying:
    """The real store, but for what the test replaces."""

    def __init__(self, store: JobState, **lies: Any) -> None:
        self._store = store
        self.__dict__.update(lies)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def session_with(ring: Ring, store: JobState, **lies: Callable[..., Any]) -> Session:
    return Session(ring, Lying(store, **lies))


def test_an_altered_header_is_refused(filled: JobState, shared_ring: Ring) -> None:
    (line,) = filled.header_lines()
    for altered in (line.replace(b'"generation":1', b'"generation":2'), b"{}", b"", line[:-9]):
        with pytest.raises(IntegrityError, match="header"):
            session_with(shared_ring, filled, header_lines=lambda raw=altered: [raw])


@pytest.mark.parametrize("generation", [2, 9, 2**53 - 1, 2**60, -1])
def test_a_store_that_invents_a_newer_ring_locks_nobody_out(
    filled: JobState, shared_ring: Ring, generation: int
) -> None:
    """What it says of generations is not authentic; a header that says so has no genuine tag."""
    (line,) = filled.header_lines()
    written = b'"generation":%d' % min(max(generation, 2), 2**53 - 1)
    session = session_with(
        shared_ring,
        filled,
        epochs=lambda: [e._replace(generation=generation) for e in filled.epochs()],
        header_lines=lambda: [line.replace(b'"generation":1', written), line],
    )
    assert len(found(session)) == len(EVENTS)


def test_a_store_that_hides_the_generation_in_its_epochs_hides_nothing(
    store: JobState, encrypt: Any, ring: Ring
) -> None:
    old = copy_of(ring)
    planned = with_a_planned_epoch(ring)
    store.ingest(encrypt(EVENTS, ring=planned))
    with pytest.raises(RingError, match=OLD.format(1, 2)):
        session_with(old, store, epochs=lambda: [e._replace(generation=1) for e in store.epochs()])


def test_a_genuine_header_beside_an_altered_one_is_enough(
    filled: JobState, shared_ring: Ring
) -> None:
    (line,) = filled.header_lines()
    altered = line.replace(b'"generation":1', b'"generation":2')
    session = session_with(shared_ring, filled, header_lines=lambda: [altered, line])
    assert len(found(session)) == len(EVENTS)


def test_without_its_header_nothing_is_believed(filled: JobState, shared_ring: Ring) -> None:
    session = session_with(shared_ring, filled, header_lines=list)
    with pytest.raises(QueryError, match="holds no events yet"):
        found(session)
    assert list(session.open(filled.scan(selection_of(filled)))) == []
    assert session.refused == {"an event's batch header is missing": len(EVENTS)}


def selection_of(store: JobState) -> Selection:
    (header,) = store.headers()
    return Selection(kid=header.kid, profile=header.profile)


def test_altered_events_are_counted_and_left_out(filled: JobState, shared_ring: Ring) -> None:
    def scan(selection: Selection) -> Iterator[bytes]:
        for line in filled.scan(selection):
            yield line.replace(b'"type":"b"', b'"type":"a"')

    session = session_with(shared_ring, filled, scan=scan)
    assert EVENTS[1] not in found(session)
    assert len(found(session)) == len(EVENTS) - 1
    assert [reason for reason in session.refused if "seal does not verify" in reason]


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (lambda lines: [*lines, lines[0]], "one event twice"),
        (lambda lines: [*lines, b"{}"], "no event"),
        (lambda lines: [*lines, b"garbage"], "no event"),
        (lambda lines: [*lines, b'{"zt":{"kind":"value"}}'], "no event"),
    ],
)
def test_other_lies_are_counted(
    filled: JobState,
    shared_ring: Ring,
    lie: Callable[[list[bytes]], list[bytes]],
    reason: str,
) -> None:
    session = session_with(shared_ring, filled, scan=lambda s: lie(list(filled.scan(s))))
    assert len(found(session)) == len(EVENTS)
    (told,) = session.refused.items()
    assert reason in told[0]
    assert told[1] == 1


def test_events_that_were_not_asked_for_are_left_out(filled: JobState, shared_ring: Ring) -> None:
    """Genuine events, but not the answer: a store that ignores the question."""

    def everything(selection: Selection) -> Iterator[bytes]:
        return filled.scan(selection_of(filled))

    session = session_with(shared_ring, filled, scan=everything)
    assert found(session, "type:b") == [EVENTS[1]]
    assert session.refused == {"an event that was not asked for": len(EVENTS) - 1}
    assert found(session, since=parse_time(T.format(3))) == [EVENTS[3]]


def test_groups_that_do_not_open_are_left_out(filled: JobState, shared_ring: Ring) -> None:
    (header,) = filled.headers()
    other = msgspec.json.decode(next(filled.scan(selection_of(filled))))

    def groups(query: Query) -> Iterator[Row]:
        rows = list(filled.groups(query))
        forged = [rows[0]._replace(key=(key,)) for key in ("alice", other["zt"]["id"])]
        return iter([*rows, *forged])

    session = session_with(shared_ring, filled, groups=groups)
    assert session.top("sip.from") == [Count("bob", 6), Count("alice", 2)]
    assert sum(session.refused.values()) == 2
    assert header.kid == shared_ring.active.kid.hex()


def test_two_profiles_are_summed(
    filled: JobState, shared_ring: Ring, encrypt: Any, profile: Profile
) -> None:
    renamed = profile.model_copy(update={"name": "other"})
    filled.ingest(encrypt(EVENTS, profile=renamed, stream="second"))
    session = Session(shared_ring, filled)
    assert len(session.plans) == 2
    assert session.top("sip.from", limit=1) == [Count("bob", 12)]
    assert len(found(session)) == 2 * len(EVENTS)
    assert len(found(session, limit=7)) == 7
    assert len(found(session, "sip.from:*ali*", limit=3)) == 3


def test_an_event_that_comes_with_two_profiles_counts_once(
    filled: JobState, shared_ring: Ring, encrypt: Any, profile: Profile
) -> None:
    selection = selection_of(filled)
    filled.ingest(encrypt([EVENTS[0]], profile=profile.model_copy(update={"name": "other"})))
    session = session_with(shared_ring, filled, scan=lambda _: filled.scan(selection))
    assert len(session.plans) == 2
    assert len(found(session)) == len(EVENTS)
    assert session.refused == {"the store returned one event twice": len(EVENTS)}


def test_the_largest_group_may_be_the_second_of_every_profile(
    store: JobState, shared_ring: Ring, encrypt: Any, profile: Profile
) -> None:
    for name in ("one", "two"):
        events = [{"type": name}] * 5 + [{"type": "both"}] * 4
        named = profile.model_copy(update={"name": name})
        store.ingest(encrypt(events, profile=named, stream=name))
    assert Session(shared_ring, store).top("type", limit=1) == [Count("both", 8)]
