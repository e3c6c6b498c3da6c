"""Answers opened by the edge equal those of a plain reference over the same events."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from properties.event_strategies import Event, merge, nest
from support.thorough import examples

from analytics.store import JobState, open_store
from keys import Ring
from zt.query import And, Node, Session, Term, parse
from zt.query.ast import Operator

TEXTS = ["sip:alice@example.org", "SIP:alice@Example.ORG:5070;transport=tcp", "Straße", "STRASSE"]
TEXTS += ["sip:bob@x", "sips:bob@X", "SIP:Alice@example.org", "203.0.113.9", "2001:db8::1", "1"]
TEXTS += [
    "ab",
    "",
    "true",
    "1.0",
    "null",
    "caf\u00e9",
    "cafe\u0301",
    "200",
    "\u0001\uffff",
    "日本語電話",
]
SCALARS = st.sampled_from([*TEXTS, 1, 1.0, -0.0, True, False, None, 200, 10**30, 1e300])
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
SEARCHED = ["sip.from", "sip.to", "sip.contact", "user_agent.original"]
HIDDEN = [*SEARCHED, "sip.call_id", "client.ip"]
CLEAR = ["type", "sip.request.method", "sip.response.status"]


@st.composite
def visible_events(draw: st.DrawFn) -> Event:
    event: Event = {"n": draw(st.integers(0, 10**9))}
    for path in draw(st.lists(st.sampled_from(HIDDEN + CLEAR), max_size=5, unique=True)):
        event = merge(event, nest(path, draw(st.integers(0, 3)), draw(VALUES)))
    if draw(st.booleans()):
        event["rate.ex_diff"] = draw(st.integers(0, 9))
    return event


@st.composite
def terms(draw: st.DrawFn) -> Term:
    needles = st.sampled_from(
        ["ali", "ALICE@", "sip:", ".org", "trass", "caf\u00e9", "本語電", "zzz"]
    )
    if draw(st.booleans()):
        parts: list[Operator] = ["contains", "startswith", "endswith"]
        path = draw(st.sampled_from(SEARCHED + CLEAR))
        return Term(path, draw(st.sampled_from(parts)), draw(needles))
    return Term(draw(st.sampled_from(HIDDEN + CLEAR)), "equals", draw(st.sampled_from(TEXTS)))


questions: st.SearchStrategy[Node] = terms() | st.lists(terms(), max_size=3).map(
    lambda parts: And(tuple(parts))
)


def text_of(value: Any) -> str | None:
    """The reference's own idea of a scalar's text."""
    if isinstance(value, str):
        return value
    return None if value is None else msgspec.json.encode(value).decode()


def values_at(event: Event, path: str) -> list[Any]:
    """The values at a path that have a text, found by trying every way of cutting the path."""
    value = event.get(path)
    here = [item for item in (value if isinstance(value, list) else [value]) if item is not None]
    for key, value in event.items():
        if isinstance(value, dict) and path.startswith(key + "."):
            here += values_at(value, path.removeprefix(key + "."))
    return here


URIS = ["sip.from", "sip.to", "sip.contact"]
_URI = re.compile(r"(sips?):(?:([^@:;]+)@)?([a-z0-9.-]+)(?::[0-9]+)?(?:;.*)?", re.IGNORECASE)


def canonical(path: str, value: Any) -> Any:
    """The reference's own idea of what a question is about: a URI without how to reach it."""
    match = _URI.fullmatch(value) if path in URIS and isinstance(value, str) else None
    if match is None:
        return value
    user = f"{match[2]}@" if match[2] else ""
    return f"{match[1].lower()}:{user}{match[3].lower()}"


def texts(event: Event, path: str) -> list[str]:
    values = (canonical(path, value) for value in values_at(event, path))
    return [text for value in values if (text := text_of(value)) is not None]


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return unicodedata.normalize("NFKC", plain.casefold())


def equals(term: Term, text: str) -> bool:
    if term.path == "client.ip" and "/" in term.text:
        network = ip_network(term.text)
        return any(text == str(address) for address in network)
    return bool(text == canonical(term.path, term.text))


def holds(node: Node, event: Event) -> bool:
    if isinstance(node, And):
        return all(holds(part, event) for part in node.parts)
    assert isinstance(node, Term)
    test: Callable[[str], bool] = {
        "equals": lambda text: equals(node, text),
        "contains": lambda text: folded(node.text) in folded(text),
        "startswith": lambda text: folded(text).startswith(folded(node.text)),
        "endswith": lambda text: folded(text).endswith(folded(node.text)),
    }[node.operator]
    return any(map(test, texts(event, node.path)))


def reference_top(events: list[Event], path: str, where: Node) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for event in events:
        if holds(where, event):
            weight = 1 + int((texts(event, "rate.ex_diff") or ["0"])[0])
            # an array counts each distinct value once; protected, 1 and "1" are two values
            distinct = {
                (isinstance(v, str) and path in HIDDEN, text_of(canonical(path, v)))
                for v in values_at(event, path)
            }
            for _, text in distinct:
                counts[text or ""] += weight
    return dict(counts)


class Cloud:
    """A store that can be filled anew for each example."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0

    def filled(self, wire: list[bytes]) -> JobState:
        self.number += 1
        store = open_store(f"duckdb:{self.folder / f'{self.number}.duckdb'}", create=True)
        store.ingest(wire)
        return store


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    return Cloud(tmp_path_factory.mktemp("clouds"))


def sorted_events(events: list[Event]) -> list[bytes]:
    return sorted(msgspec.json.encode(event, order="deterministic") for event in events)


def assert_equal_answers(session: Session, events: list[Event], where: Node, path: str) -> None:
    expected = [event for event in events if holds(where, event)]
    opened = [found.event for found in session.search(where)]
    assert sorted_events(opened) == sorted_events(expected)
    totals = reference_top(events, path, where)
    counts = session.top(path, where=where)
    assert {count.value: count.count for count in counts} == totals
    assert [count.count for count in counts] == sorted(totals.values(), reverse=True)
    assert not session.refused


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(visible_events(), min_size=1, max_size=8),
    st.lists(st.tuples(questions, st.sampled_from(HIDDEN + CLEAR)), min_size=1, max_size=6),
)
@example(
    [{"sip.from": "1"}, {"sip.from": 1}, {"sip.from": [1, "1", 1.0]}],
    [(And(()), "sip.from"), (Term("sip.from", "equals", "1"), "sip.from")],
)
@example([{"type": ["1", 1]}, {"type": 1}], [(Term("type", "equals", "1"), "type")])
@example([{"sip.from": ["ab", None]}], [(Term("sip.from", "contains", "ali"), "sip.from")])
def test_answers_equal_a_plain_reference(
    cloud: Cloud,
    encrypt: Any,
    shared_ring: Ring,
    events: list[Event],
    asked: list[tuple[Node, str]],
) -> None:
    with cloud.filled(encrypt(events)) as store:
        session = Session(shared_ring, store)
        visible = session.plans[0].visible
        for where, path in asked:
            assert path in visible
            assert_equal_answers(session, events, where, path)


@pytest.fixture(scope="module")
def demo_session(
    cloud: Cloud, encrypt: Any, demo_lines: list[bytes], shared_ring: Ring
) -> Iterator[Session]:
    with cloud.filled(encrypt(demo_lines)) as store:
        yield Session(shared_ring, store)


@pytest.mark.parametrize(
    "question",
    [
        "*",
        "type:auth-failed",
        "type:*AUTH*",
        "sip.from:*hv3kxq9wbn*",
        "sip.from:sip:tq7m*",
        "sip.to:*.EXAMPLE",
        "sip.contact:*@203.0.113.* AND type:reg-new",
        'sip.contact:"SIP:tq7mlkdc3p@203.0.113.21:5060;transport=udp"',
        "client.ip:203.0.113.0/24",
        "client.ip:203.0.113.91 AND sip.response.status:404",
        "sip.request.method:REGISTER AND user_agent.original:*friendly*",
        "sip.from:*nobody-at-all*",
        'client.ip:"2001:db8:c0de::66"',
    ],
)
@pytest.mark.parametrize("path", ["sip.from", "client.ip", "type", "uas.original"])
def test_answers_on_the_demo_equal_a_plain_reference(
    demo_session: Session, demo_events: list[Event], question: str, path: str
) -> None:
    assert_equal_answers(demo_session, demo_events, parse(question), path)


@pytest.mark.parametrize("path", ["sip.from", "sip.to", "client.ip", "type"])
@pytest.mark.parametrize("limit", [1, 3, 10])
def test_the_largest_groups_are_the_largest(
    demo_session: Session, demo_events: list[Event], path: str, limit: int
) -> None:
    totals = reference_top(demo_events, path, And(()))
    counts = demo_session.top(path, limit=limit)
    assert [count.count for count in counts] == sorted(totals.values(), reverse=True)[:limit]
    assert all(totals[count.value] == count.count for count in counts)


def test_the_largest_groups_are_the_largest_over_json_types(
    cloud: Cloud, encrypt: Any, shared_ring: Ring
) -> None:
    values: list[Any] = [1, 1, 1, "1", "1", "1", "a", "a", "a", "a"]
    with cloud.filled(encrypt([{"sip.from": value} for value in values])) as store:
        top = Session(shared_ring, store).top("sip.from", limit=1)
        assert [(count.value, count.count) for count in top] == [("1", 6)]
