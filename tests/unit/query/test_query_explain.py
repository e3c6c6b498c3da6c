"""`explain` says before what the cloud sees of a question, and that is all that it sees."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from analytics.store import JobState, open_store
from analytics.wire import Lookup, Metric, Query, Selection
from keys import Ring
from zt.errors import QueryError
from zt.profile import Profile
from zt.query import Measure, Node, Session, parse
from zt.query import compile as compiling

USERS = ("alice", "bob", "carol", "alicia")

PROFILE = Profile.model_validate(
    {
        "name": "watched",
        "time": "at",
        "aliases": {"who": ["from", "to"]},
        "fields": {
            "at": {"scheme": "clear", "kind": "time"},
            "type": {"scheme": "clear"},
            "size": {"scheme": "clear", "kind": "number"},
            "from": {"scheme": "det", "keyspace": "user", "search": ["gram"]},
            "to": {"scheme": "det", "keyspace": "user", "search": ["gram"]},
            "ip": {"scheme": "ip", "search": ["net"]},
            "plain": {"scheme": "det"},
        },
    }
)
LEAVES = (
    ["type:call", "type:*al*", "_exists_:to", "size:[2 TO 5}", "size:>3", "at:[2026-03-01 TO *]"]
    + [f"who:*{user}*" for user in USERS]
    + [f"from:{user}" for user in USERS]
    + ["to:al?ce", "from:*ali*a", "from:a?", "ip:10.0.0.0/8", "ip:10.1.2.3", "ip:0.0.0.0/0"]
    + ["plain:x", "plain:*x*", "from:*al*", "hidden:x"]
)


class Watched:
    """A store that notes what it is asked."""

    def __init__(self, store: JobState) -> None:
        self._store = store
        self.asked: list[Any] = []

    def _note(self, request: Any) -> Any:
        # what proves the groups of an answer follows from the answer
        if not (isinstance(request, Lookup) and request.cts):
            self.asked.append(request)
        return request

    def __getattr__(self, name: str) -> Any:
        if name in ("query", "groups", "values", "value_count", "scan"):
            return lambda request: getattr(self._store, name)(self._note(request))
        assert name in ("epochs", "tenant", "header_lines")
        return getattr(self._store, name)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, shared_ring: Ring) -> Iterator[Watched]:
    from zt.encoder import Encoder

    draw = random.Random(7)
    lines = [
        b'{"at":"2026-03-0%dT00:00:00Z","type":"%s","size":%d,"from":"%s","to":"%s",'
        b'"ip":"10.%d.2.3","plain":"x","hidden":"x"}\n'
        % (
            draw.randrange(1, 9),
            draw.choice((b"call", b"reg")),
            draw.randrange(9),
            draw.choice(USERS).encode(),
            draw.choice(USERS).encode(),
            draw.randrange(3),
        )
        for _ in range(60)
    ]
    path = tmp_path_factory.mktemp("watched") / "cloud.duckdb"
    with open_store(f"duckdb:{path}", create=True) as store:
        store.ingest(Encoder(shared_ring, PROFILE).encrypt(lines))
        yield Watched(store)


def question(draw: random.Random, depth: int = 3) -> str:
    """A random question, of which some can't be asked."""
    match draw.randrange(5) if depth else 0:
        case 1:
            return f"(NOT {question(draw, depth - 1)})"
        case 2:
            return f"({question(draw, depth - 1)} AND {question(draw, depth - 1)})"
        case 3:
            return f"({question(draw, depth - 1)} OR {question(draw, depth - 1)})"
    return draw.choice(LEAVES)


def ask(session: Session, where: Node, measure: Measure | None) -> None:
    if measure is None:
        list(session.search(where))
    else:
        session.measure(measure.by, measure.figures, measure.every, where=where)


MEASURES = (
    None,
    Measure(),
    Measure(("from", "type"), (Metric(kind="distinct", path="ip"), Metric(kind="first"))),
    Measure(every=3_600_000_000, figures=(Metric(kind="avg", path="size"),)),
)


@pytest.mark.parametrize("number", [100, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("few", [False, True], ids=["named", "by tokens"])
def test_the_cloud_sees_what_was_said(
    watched: Watched, shared_ring: Ring, monkeypatch: pytest.MonkeyPatch, few: bool, number: int
) -> None:
    if few:  # more values than are named: the cloud selects by tokens, and the edge sorts out
        monkeypatch.setattr(compiling, "MAX_VALUES", 1)
    draw = random.Random(few)
    asked = refused = nearly = 0
    session = Session(shared_ring, watched)
    for _ in range(number):
        where, measure = parse(question(draw)), draw.choice(MEASURES)
        watched.asked.clear()
        try:
            (said,) = session.explain(where, measure=measure)
        except QueryError:
            with pytest.raises(QueryError):
                ask(session, where, measure)
            refused += 1
            continue
        looked_up = [request for request in said.asked if isinstance(request, Lookup)]
        assert [one for one in watched.asked if isinstance(one, Lookup)] == looked_up
        assert not any(isinstance(request, Selection) for request in watched.asked)
        watched.asked.clear()
        ask(session, where, measure)
        assert watched.asked == said.asked
        asked += 1
        nearly += not said.exact
    assert not session.refused
    assert asked > number / 3
    assert refused > number / 20
    assert (nearly > number / 20) == few


def test_steps_say_how_each_leaf_is_asked(watched: Watched, shared_ring: Ring) -> None:
    session = Session(shared_ring, watched)
    (said,) = session.explain(parse("who:*ali* AND NOT ip:10.0.0.0/8 AND size:>3 AND type:call"))
    assert [(step.path, step.scheme, step.how) for step in said.steps] == [
        ("from", "det", "1 tokens, then 2 ciphertexts"),
        ("to", "det", "1 tokens, then 2 ciphertexts"),
        ("ip", "ip", "1 tokens, then 3 ciphertexts"),
        ("size", "clear", "a range"),
        ("type", "clear", "1 value"),
    ]
    assert said.exact
    assert [step.candidates for step in said.steps] == [2, 2, 3, None, None]
    assert isinstance(said.asked[-1], Selection)


def test_what_can_not_be_told_apart_is_not_fetched_by_the_million(
    watched: Watched, shared_ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "MAX_VALUES", 1)
    monkeypatch.setattr("zt.query.session.MAX_RESIDUAL", 10)
    session = Session(shared_ring, watched)
    with pytest.raises(QueryError, match="would have to be fetched"):
        session.measure(where=parse("from:*ali*"))
    watched.asked.clear()
    assert not any(isinstance(request, Selection) for request in watched.asked)


def test_too_many_groups_are_refused(
    watched: Watched, shared_ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zt.query.merge.MAX_GROUPS", 5)
    session = Session(shared_ring, watched)
    with pytest.raises(QueryError, match="more than 5 groups"):
        session.measure(("from", "to"))


def test_requests_to_the_store_are_small(watched: Watched, shared_ring: Ring) -> None:
    session = Session(shared_ring, watched)
    (said,) = session.explain(parse("NOT NOT (type:call AND (type:call AND type:reg))"))
    assert isinstance(said.asked[-1], Selection)
    assert said.filter.model_dump()["op"] == "all"
    assert len(said.filter.model_dump()["parts"]) == 3
    assert all(not isinstance(one, Query) for one in said.asked)
