"""Whatever is asked of whatever was encrypted: the opened answer is that of the plaintext."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from properties.plain_answers import Groups, chosen, measured, occurring, totals
from properties.plain_refusals import Verdict
from properties.plain_refusals import verdict as judged
from properties.plain_values import SERIAL, Event, Sent
from properties.profile_strategies import TIME, TIMES
from properties.question_strategies import MINUTE, Asked, Batch, cases
from properties.variants import VARIANTS
from support.independent.conventions import Json
from support.independent.profiles import Profile as PlainProfile
from support.stores import NewStore
from support.thorough import examples

from analytics.wire import Metric
from keys import Ring, init_ring, rotate_ring
from zt.encoder import Encoder
from zt.errors import QueryError
from zt.profile import Profile
from zt.query import Found, Session
from zt.query.ast import EVERYTHING, And, Exists, Not, Or, Term
from zt.query.merge import Group

QUESTIONS = 20
"""To each store: encrypting and storing takes longer than to ask."""


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> list[Ring]:
    """One ring as it was in each of three epochs."""
    path = tmp_path_factory.mktemp("rings") / "ring.json"
    found = [init_ring(path, "acme", "file:ring.key")]
    for _ in range(2):
        rotate_ring(path)
        found.append(Ring.open(path))
    return found


def sent(stored: Sequence[Batch]) -> list[list[Sent]]:
    """The events of each batch."""
    serial = count()
    return [
        [Sent(next(serial), event, PlainProfile(batch.profile)) for event in batch.events]
        for batch in stored
    ]


def wire(
    rings: Sequence[Ring], stored: Sequence[Batch], events: Sequence[Sequence[Sent]]
) -> Iterator[bytes]:
    """The batches as they leave."""
    for number, (batch, own) in enumerate(zip(stored, events, strict=True)):
        profile = Profile.model_validate(batch.profile)
        encoder = Encoder(rings[batch.epoch], profile, stream=f"batch {number}")
        yield from encoder.encrypt(msgspec.json.encode(each.event) + b"\n" for each in own)
        assert encoder.report.rejected == 0


class Store:
    """A session with a store, and the plaintext of what is stored."""

    def __init__(self, session: Session, stored: list[list[Sent]]) -> None:
        self.session = session
        self.events = [each for own in stored for each in own]
        self.profiles = list({each.profile.name: each.profile for each in self.events}.values())

    def check(self, asked: Asked) -> str:
        """Compare the answer to a question with the reference's; what became of it."""
        expected = chosen(self.events, asked.where, asked.since, asked.until)
        in_range = chosen(self.events, EVERYTHING, asked.since, asked.until)
        met = list({each.profile.name: each.profile for each in in_range}.values())
        node = asked.leaf if asked.leaf else asked.where
        verdict = judged(node, asked.paths, self.profiles, met)
        try:
            self._compare(asked, expected)
        except QueryError:
            assert verdict is not Verdict.ANSWERED
            return "refused"
        assert verdict is not Verdict.REFUSED
        assert not self.session.refused
        return "answered"

    def _compare(self, asked: Asked, expected: list[Sent]) -> None:
        where, since, until, limit = asked.where, asked.since, asked.until, asked.limit
        match asked.kind:
            case "search":
                found = self.session.search(where, since=since, until=until, limit=limit)
                compare_events(list(found), expected, limit)
            case "top":
                counts = self.session.top(
                    asked.path, where=where, since=since, until=until, limit=limit
                )
                of = totals(expected, asked.path)
                ranked = sorted(of.items(), key=lambda item: (-item[1], item[0]))
                assert [(c.value, c.count) for c in counts] == ranked[:limit]
            case "values":
                values = self.session.values(asked.path, asked.leaf)
                assert values == sorted(occurring(self.events, asked.path, asked.leaf))
            case "measure":
                groups = self.session.measure(
                    asked.by, asked.figures, asked.every, where=where, since=since, until=until
                )
                compare_groups(groups, measured(expected, asked.by, asked.figures, asked.every))


def compare_events(found: list[Found], expected: list[Sent], limit: int | None) -> None:
    """The very events, each once; of a limited answer the newest."""
    times = {each.serial: each.time for each in expected}
    serials = [each.event[SERIAL] for each in found]
    assert len(set(serials)) == len(serials) == min(len(times), limit or len(times))
    assert [times[serial] for serial in serials] == sorted(times.values(), key=age)[:limit]


def age(time: int | None) -> float:
    return math.inf if time is None else -time


def compare_groups(groups: list[Group], expected: Groups) -> None:
    """The groups with their figures, in order."""
    found = {(group.key, group.bucket): group.figures for group in groups}
    assert len(found) == len(groups)
    assert found.keys() == expected.keys()
    for place, figures in found.items():
        right = expected[place]
        assert [f for f in figures if f is not None] == pytest.approx(
            [f for f in right if f is not None], rel=1e-9
        )
        assert [f is None for f in figures] == [f is None for f in right]
    assert groups == sorted(groups, key=rank)


def rank(group: Group) -> tuple[bool, float, tuple[str, ...], int]:
    """The largest first figure first, None last, then by key and bucket."""
    first = group.figures[0]
    return first is None, -(first or 0), group.key, group.bucket or 0


def stores(few: int) -> int:
    """In `make test-all` twice as many as other properties get: 5,200 questions in all."""
    return few if examples(1) == 1 else examples(2 * few)


@pytest.mark.parametrize("variant", VARIANTS)
def test_answers_equal_those_of_a_plain_reference(
    variant: str, rings: list[Ring], new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, patch = VARIANTS[variant]
    patch(monkeypatch)
    tally: Counter[str] = Counter()

    @settings(max_examples=stores(few), suppress_health_check=[HealthCheck.too_slow])
    @given(cases(epochs=len(rings), size=QUESTIONS))
    def check(case: tuple[list[Batch], list[Asked]]) -> None:
        stored, questions = case
        events = sent(stored)
        with new_store() as cloud:
            cloud.ingest(wire(rings, stored, events))
            store = Store(Session(rings[-1], cloud), events)
            for asked in questions:
                tally[store.check(asked)] += 1

    check()
    assert tally["answered"] > tally["refused"]


DET: Json = {"scheme": "det", "search": ["gram"]}
HUNDREDS: Json = {"scheme": "coarsen", "kind": "number", "step": 100}
HAS_ABC = Term("u", "contains", "abc")
NUMBERED = Asked("measure", HAS_ABC, by=("v",))
EVENTS = Metric(kind="events")
NUMBER: Json = {"scheme": "clear", "kind": "number"}
FIGURES = (
    *map(Metric.model_validate, [{"kind": kind} for kind in ("count", "events", "first", "last")]),
    *(
        Metric.model_validate({"kind": kind, "path": "n"})
        for kind in ("distinct", "sum", "avg", "min", "max")
    ),
)

CASES: dict[str, tuple[dict[str, Json], list[Event], list[Asked]]] = {
    "two JSON types of one text in an array": (
        {"u": DET, "v": DET},
        [{"u": "abcd", "v": [1, "1", 1.0]}, {"u": "abcd", "v": [None, "1"]}],
        [NUMBERED, Asked("top", HAS_ABC, path="v", limit=1)],
    ),
    "two JSON types of one text in many events": (
        {"v": DET},
        [{"v": value} for value in [1, 1, 1, "1", "1", "1", "a", "a", "a", "a"]],
        [Asked("top", path="v", limit=1)],
    ),
    "a number between two steps": (
        {"v": HUNDREDS},
        [{"v": 150}, {"v": 100}, {"v": "150"}, {"v": 250}],
        [Asked("search", Term("v", "equals", text)) for text in ("100", "150", "199.5", "200")],
    ),
    "IPv4-mapped addresses and networks of IPv6": (
        {"v": {"scheme": "clear", "kind": "ip"}},
        [{"v": "::ffff:192.0.2.1"}, {"v": ["192.0.2.1", "::1"]}, {"v": "::1"}, {"v": "ff::"}],
        [
            Asked(kind, Term("v", "equals", network))
            for kind in ("search", "measure")
            for network in ("::/0", "::ffff:0:0/95", "::ffff:0:0/96", "0.0.0.0/0", "::/128")
        ],
    ),
    "an array for a time": (
        {TIME: {"scheme": "clear", "kind": "time"}, "u": DET},
        [{TIME: [TIMES[0]], "u": "abcd"}, {TIME: TIMES[1]}, {TIME: TIMES[2], "u": "abc"}],
        [Asked("search", limit=2), Asked("measure", HAS_ABC, every=MINUTE)],
    ),
    "parts below NOT": (
        {"u": DET, "v": DET},
        [{"u": "abcd"}, {"u": "bcabd", "v": "abc"}, {"u": ["xyz", "zabc"]}, {"v": "xabcx"}, {}],
        [
            Asked(kind, node)
            for kind in ("search", "measure")
            for node in (
                HAS_ABC,
                Not(HAS_ABC),
                Not(Not(HAS_ABC)),
                Not(Or((HAS_ABC, Term("v", "endswith", "abc")))),
                Not(And((Not(HAS_ABC), Term("v", "contains", "abc")))),
            )
        ],
    ),
    "figures over two epochs": (
        {TIME: {"scheme": "clear", "kind": "time"}, "u": DET, "n": NUMBER},
        [
            {TIME: TIMES[0], "u": "abcd", "n": [3, 3.0, "7"]},
            {TIME: TIMES[3], "u": "abce", "n": -2},
            {TIME: TIMES[4], "u": "abcd"},
            {"u": ["abcd", "abce"], "n": 2.5},
        ],
        [
            Asked("measure", where, figures=FIGURES, by=by, every=every)
            for where in (EVERYTHING, HAS_ABC)
            for by in ((), ("u",), ("u", "n"))
            for every in (None, 60 * MINUTE)
        ],
    ),
    "no event among candidates": (
        {"u": DET, "v": DET},
        [{"u": "abcd"}],
        [Asked("measure", And((HAS_ABC, Exists("v"))), figures=(EVENTS, Metric(kind="last")))],
    ),
}
"""What answers were wrong of once, or might be and is rarely drawn."""


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", CASES)
def test_named_answers_equal_those_of_a_plain_reference(
    case: str, variant: str, rings: list[Ring], new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    VARIANTS[variant][1](monkeypatch)
    fields, own, questions = CASES[case]
    profile: Json = {"name": "named", "fields": fields} | ({"time": TIME} if TIME in fields else {})
    stored = [Batch(0, profile, own), Batch(1, profile, own[-2:]), Batch(2, profile, own[:1])]
    events = sent(stored)
    with new_store() as cloud:
        cloud.ingest(wire(rings, stored, events))
        store = Store(Session(rings[-1], cloud), events)
        assert {store.check(asked) for asked in questions} == {"answered"}
