"""What a hunt asks and finds: the same question for every list, the right answer for each."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.history import History, make_history

from analytics.store import JobState
from analytics.wire import format_time, parse_time
from keys import make_reader_ring
from zt.errors import QueryError
from zt.hunt.hunt import Hit, Hunted, hunt
from zt.hunt.listing import Listed, Listing
from zt.hunt.reading import read_listing
from zt.profile import Profile
from zt.query import Session
from zt.values.address import parse_address

HOUR = 3_600_000_000
PLAIN = "\n".join(f"203.0.113.{n}" for n in range(99))
START = parse_time("2026-11-24T00:00:00Z")


def profile(name: str, **fields: dict[str, Any]) -> Profile:
    rules = {
        "time": {"scheme": "clear", "kind": "time"},
        "rate.ex_diff": {"scheme": "clear", "kind": "number"},
        **{path.replace("__", "."): rule for path, rule in fields.items()},
    }
    return Profile.model_validate({"name": name, "time": "time", "fields": rules})


FPE = profile("fpe", client__ip={"scheme": "ip"}, server__ip={"scheme": "ip", "search": ["net"]})
PFX = profile("pfx", client__ip={"scheme": "ip", "mode": "pfx"}, via={"scheme": "det"})
CLEAR = profile(
    "clear", client__ip={"scheme": "unsafe-clear", "kind": "ip"}, **{"peer__*": {"scheme": "ip"}}
)
NONE = profile("none", type={"scheme": "clear"})


def event(hour: int, **fields: Any) -> dict[str, Any]:
    named = {path.replace("__", "."): value for path, value in fields.items()}
    return {"time": format_time(START + hour * HOUR), **named}


EVENTS = {
    "fpe": [
        event(0, client__ip="192.0.2.1", server__ip="198.51.100.1"),
        event(1, client__ip="192.0.2.1", server__ip="192.0.2.1", rate__ex_diff=9),
        event(2, client__ip="2001:db8::1", server__ip="gateway:5060"),
        event(3, client__ip=["192.0.2.7", "192.0.2.8"]),
    ],
    "pfx": [
        event(10, client__ip="192.0.2.1", via="203.0.113.9"),
        event(11, client__ip="203.0.113.4", via="no address"),
        event(12, client__ip="::ffff:203.0.113.4"),
    ],
    "clear": [
        event(20, client__ip="2001:DB8:0::1", peer__one="192.0.2.200"),
        event(21, client__ip="203.0.113.5"),
        {"client.ip": "203.0.113.6"},
    ],
}


def listing(text: str, name: str = "mine") -> Listing:
    return read_listing(name, text.encode()).listing


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    made = make_history(tmp_path_factory.mktemp("hunt") / "house", [EVENTS["fpe"]], FPE)
    made.rotate()
    made.add(EVENTS["pfx"], PFX)
    made.add(EVENTS["clear"], CLEAR)
    return made


@pytest.fixture(scope="module")
def store(history: History) -> Iterator[JobState]:
    with history.open() as opened:
        yield opened


@pytest.fixture
def session(history: History, store: JobState) -> Session:
    return Session(history.ring, store)


def found(session: Session, text: str, *fields: str, **span: int) -> dict[str, Hit]:
    return {hit.address: hit for hit in hunt(session, [listing(text)], fields, **span).hits}


# --- what is found -----------------------------------------------------------------------------


def test_an_address_is_found_over_epochs_profiles_and_fields(session: Session) -> None:
    (hit,) = hunt(session, [listing("192.0.2.1")]).hits
    assert hit == Hit(
        "192.0.2.1",
        START,
        START + 10 * HOUR,
        {"client.ip": 1 + 10 + 1, "server.ip": 10},
        (Listed("mine", "192.0.2.1"),),
    )
    assert hit.count == 22
    assert not session.refused


def test_networks_find_every_scheme_and_every_spelling(session: Session) -> None:
    hits = found(session, "192.0.2.0/24\n203.0.113.4/30\n2001:db8::/32\n")
    assert {address: dict(hit.fields) for address, hit in hits.items()} == {
        "192.0.2.1": {"client.ip": 12, "server.ip": 10},
        "192.0.2.7": {"client.ip": 1},
        "192.0.2.8": {"client.ip": 1},
        "192.0.2.200": {"peer.one": 1},
        "203.0.113.4": {"client.ip": 2},
        "203.0.113.5": {"client.ip": 1},
        "203.0.113.6": {"client.ip": 1},
        "2001:db8::1": {"client.ip": 2},
    }
    assert hits["203.0.113.4"].listed == (Listed("mine", "203.0.113.4/30"),)
    assert (hits["203.0.113.6"].first, hits["203.0.113.6"].last) == (None, None)
    assert hits["2001:db8::1"].last == START + 20 * HOUR


def test_the_most_frequent_come_first(session: Session) -> None:
    hits = hunt(session, [listing("0.0.0.0/0")]).hits
    assert [hit.count for hit in hits] == sorted((hit.count for hit in hits), reverse=True)
    assert hits[0].address == "192.0.2.1"


def test_every_list_that_lists_it_is_named(session: Session) -> None:
    lists = [listing("192.0.2.7", "a"), listing("10.0.0.0/8", "b"), listing("192.0.2.0/29", "c")]
    (hit, _) = sorted(hunt(session, lists).hits, key=lambda hit: -len(hit.listed))
    assert hit.listed == (Listed("a", "192.0.2.7"), Listed("c", "192.0.2.0/29"))


def test_a_span_of_time_is_asked_for_alone(session: Session) -> None:
    hits = found(session, "0.0.0.0/0", since=START + HOUR, until=START + 11 * HOUR)
    assert hits["192.0.2.1"].fields == {"client.ip": 11, "server.ip": 10}
    assert "203.0.113.4" not in hits
    assert "203.0.113.6" not in hits


def test_any_field_that_the_cloud_groups_by_can_be_named(session: Session) -> None:
    hunted = hunt(session, [listing("203.0.113.0/24")], ["via"])
    assert [(hit.address, dict(hit.fields)) for hit in hunted.hits] == [("203.0.113.9", {"via": 1})]
    assert {(one.field, one.profile) for one in hunted.unanswered} == {
        ("via", "fpe"),
        ("via", "clear"),
    }
    assert hunted.asked == ["via"]


def test_nothing_is_found_where_nothing_is(session: Session) -> None:
    hunted = hunt(session, [listing("198.51.100.2\n2001:db9::/32")])
    assert hunted.hits == []
    assert hunted.unanswered == []
    assert hunted.asked == ["client.ip", "peer.one", "server.ip"]


def test_an_empty_list_is_no_question(session: Session) -> None:
    with pytest.raises(QueryError, match="no address to hunt for"):
        hunt(session, [Listing("empty")])
    with pytest.raises(QueryError, match="no address to hunt for"):
        hunt(session, [])


def test_it_finds_what_a_plain_program_finds(session: Session) -> None:
    seen: Counter[str] = Counter()
    for one in itertools.chain.from_iterable(EVENTS.values()):
        for path in ("client.ip", "server.ip", "peer.one"):
            values = one.get(path, [])
            for value in values if isinstance(values, list) else [values]:
                if address := parse_address(value):
                    seen[str(address)] += 1 + one.get("rate.ex_diff", 0)
    draw = random.Random(10)
    others = [f"192.0.2.{n}" for n in range(100, 120)]
    for _ in range(10):
        listed = draw.sample([*seen, *others], draw.randrange(1, 12))
        hits = found(session, "\n".join(listed))
        assert {address: hit.count for address, hit in hits.items()} == {
            address: seen[address] for address in listed if address in seen
        }


# --- what the cloud learns ---------------------------------------------------------------------


class Overheard:
    """A store that notes every call to it, as a cloud could."""

    def __init__(self, store: JobState) -> None:
        self._store = store
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*request: Any) -> Any:
            self.calls.append((name, request))
            return method(*request)

        return call


@pytest.mark.parametrize("fields", [(), ("client.ip",), ("via", "server.ip")])
@pytest.mark.parametrize("since", [None, START + 5 * HOUR])
def test_the_cloud_is_asked_the_same_whatever_the_list(
    history: History, store: JobState, fields: tuple[str, ...], since: int | None
) -> None:
    lists = ["192.0.2.1", "198.51.100.77", "0.0.0.0/0\n::/0", PLAIN]
    heard: list[list[tuple[str, Any]]] = []
    hits: list[Hunted] = []
    for text in lists:
        overheard = Overheard(store)
        session = Session(history.ring, overheard)
        hits.append(hunt(session, [listing(text)], fields, since=since))
        heard.append(overheard.calls)
    assert any(name in ("groups", "query") for name, _ in heard[0])
    assert heard[1:] == [heard[0]] * (len(lists) - 1)
    assert len({len(hunted.hits) for hunted in hits}) > 1, "the lists found the same"
    assert len({hunted.values for hunted in hits}) == 1


# --- what can't be answered, and what is not believed -------------------------------------------


def test_a_profile_that_shows_no_address_is_named(tmp_path: Path) -> None:
    house = make_history(tmp_path / "house", [[event(0, type="x", client__ip="192.0.2.1")]], NONE)
    with house.open() as store:
        hunted = hunt(Session(house.ring, store), [listing("192.0.2.1")])
        assert [(one.field, one.profile) for one in hunted.unanswered] == [(None, "none")]
        hunted = hunt(Session(house.ring, store), [listing("192.0.2.1")], ["client.ip"])
        assert "hidden from the cloud" in hunted.unanswered[0].reason
        assert (hunted.hits, hunted.asked, hunted.values) == ([], [], 0)


def test_a_reader_ring_hunts_where_it_may(
    history: History, store: JobState, tmp_path: Path
) -> None:
    some = make_reader_ring(history.ring, tmp_path / "r.json", "file:r.key", ("client.ip",))
    hunted = hunt(Session(some, store), [listing("192.0.2.0/24")])
    assert "192.0.2.1" in {hit.address for hit in hunted.hits}
    assert {one.field for one in hunted.unanswered} == {"server.ip", "peer.one"}


def test_addresses_that_the_cloud_makes_up_are_refused(tmp_path: Path) -> None:
    def swap(wire: list[bytes]) -> list[bytes]:
        """Without the records that prove addresses."""
        return [line for line in wire if b'"kind":"value"' not in line]

    house = make_history(tmp_path / "house", [], FPE)
    house.add([event(0, client__ip="192.0.2.1")], FPE, alter=swap)
    with house.open() as store:
        session = Session(house.ring, store)
        assert hunt(session, [listing("0.0.0.0/0")]).hits == []
        assert session.refused
