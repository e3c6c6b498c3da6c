"""What every store does alike."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from stores.lines import KID, PROFILE, SEARCH, event, events, header, name16, record, value
from support.stores import NewStore

from analytics.store import JobState
from analytics.wire import (
    AllOf,
    AnyOf,
    Eq,
    Exists,
    In,
    Lookup,
    Metric,
    Not,
    PrefixRange,
    Query,
    Range,
    Row,
    Selection,
    TokensAll,
)

COLUMNS = [
    ("time", "time"),
    ("user", "keyword"),
    ("sip.method", "keyword"),
    ("n", "number"),
    ("ip", "ip"),
    ("rate.ex_diff", "number"),
    ("tags", "keyword"),
]


def ask(store: JobState, **parts: Any) -> list[Row]:
    return store.query(Query(kid=KID, profile=PROFILE, **parts))


def count(store: JobState, part: Any) -> int:
    (row,) = ask(store, filter=part, metrics=(Metric(kind="events"),))
    assert isinstance(row.metrics[0], int)
    return row.metrics[0]


BODIES: list[dict[str, Any]] = [
    {"time": "1970-01-01T00:00:01Z", "user": "a", "sip": {"method": "INVITE"}, "n": 1},
    {
        "time": "1970-01-01T00:00:02Z",
        "user": "b",
        "sip.method": "INVITE",
        "n": 2.5,
        "ip": "10.0.0.1",
    },
    {"time": "1970-01-01T00:00:03Z", "user": "a", "n": "x", "ip": "::1", "tags": ["u", "v", "u"]},
    {"time": "never", "user": "c", "rate": {"ex_diff": 4}, "tags": ["u"]},
    {"user": None, "ip": "nonsense", "n": [1, 7, True], "tags": []},
]


@pytest.fixture(scope="module")
def filled(new_store: NewStore) -> Iterator[JobState]:
    """A store with the bodies, which is only read."""
    with new_store() as opened:
        report = opened.ingest([header(COLUMNS), *events(BODIES)])
        assert (report.batches, report.events, report.rejected) == (1, len(BODIES), 0)
        yield opened


def test_counts_are_of_weights(filled: JobState) -> None:
    (row,) = ask(filled, metrics=(Metric(kind="count"), Metric(kind="events")))
    assert row.metrics == (9, 5)


def test_groups_come_by_first_metric_then_key(filled: JobState) -> None:
    rows = ask(filled, group_by=("user",))
    assert [(row.key, row.metrics) for row in rows] == [
        (("c",), (5,)),
        (("a",), (2,)),
        (("b",), (1,)),
    ]
    assert ask(filled, group_by=("user",), limit=2) == rows[:2]


def test_nested_and_dotted_are_one_path(filled: JobState) -> None:
    assert count(filled, Eq(path="sip.method", value="INVITE")) == 2


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (AllOf(parts=()), 5),
        (AnyOf(parts=()), 0),
        (Eq(path="user", value="a"), 2),
        (Not(part=Eq(path="user", value="a")), 3),
        (Eq(path="nowhere", value="a"), 0),
        (Not(part=Eq(path="nowhere", value="a")), 5),
        (In(path="user", values=("a", "b", "zz")), 3),
        (In(path="user", values=()), 0),
        (In(path="user", values=(*map(str, range(5000)), "b")), 1),
        (Exists(path="user"), 4),
        (Exists(path="tags"), 2),
        (Eq(path="tags", value="u"), 2),
        (Eq(path="tags", value="v"), 1),
        (Eq(path="n", value="1"), 2),
        (Eq(path="n", value="true"), 1),
        (Range(path="n", gte=1), 3),
        (Range(path="n", gte=2, lt=7), 1),
        (Range(path="n", gte=7), 1),
        (Range(path="user", gte=0), 0),
        (Range(path="time", gte=2_000_000), 2),
        (Range(path="time", lt=2_000_000), 1),
        (PrefixRange(path="ip", low="10.0.0.0", high="10.255.255.255"), 1),
        (PrefixRange(path="ip", low="0.0.0.0", high="255.255.255.255"), 1),
        (PrefixRange(path="ip", low="::", high="ffff::"), 1),
        (Eq(path="ip", value="nonsense"), 1),
        (AllOf(parts=(Eq(path="user", value="a"), Range(path="n", gte=1))), 1),
    ],
)
def test_filters(filled: JobState, part: Any, expected: int) -> None:
    assert count(filled, part) == expected


def test_an_address_that_stands_for_an_ipv4_one_is_an_ipv6_one(store: JobState) -> None:
    ips = ["::ffff:10.0.0.1", "10.0.0.1", ["::FFFF:a00:2", "::1"]]
    store.ingest([header(COLUMNS), *events([{"ip": ip} for ip in ips])])
    for low, high, expected in (
        ("10.0.0.0", "10.0.0.255", 1),
        ("::ffff:a00:0", "::ffff:a00:ff", 2),
        ("::", "ffff::", 2),
        ("::2", "::fffe:ffff:ffff", 0),
        ("::ffff:a00:2", "::ffff:a00:2", 1),
    ):
        assert count(store, PrefixRange(path="ip", low=low, high=high)) == expected


def test_an_event_counts_once_in_the_group_of_each_element(filled: JobState) -> None:
    rows = ask(filled, group_by=("tags",), metrics=(Metric(kind="events"),))
    assert [(row.key, row.metrics) for row in rows] == [(("u",), (2,)), (("v",), (1,))]


def test_measures(filled: JobState) -> None:
    kinds: tuple[Any, ...] = ("distinct", "values", "sum", "avg", "min", "max")
    metrics = tuple(Metric(kind=kind, path="n") for kind in kinds)
    (row,) = ask(filled, metrics=metrics)
    assert row.metrics == (5, 4, 11.5, 2.875, 1.0, 7.0)
    (row,) = ask(filled, metrics=metrics, filter=Eq(path="user", value="c"))
    assert row.metrics == (0, 0, None, None, None, None)
    (row,) = ask(filled, metrics=(Metric(kind="first"), Metric(kind="last")))
    assert row.metrics == (1_000_000, 3_000_000)
    (row,) = ask(filled, metrics=(Metric(kind="max", path="time"), Metric(kind="sum", path="user")))
    assert row.metrics == (3_000_000, None)


def test_a_sum_beyond_binary64_is_infinite(store: JobState) -> None:
    store.ingest([header(COLUMNS), *events([{"user": "a", "n": 1.7e308}] * 3)])
    metrics = tuple(Metric(kind=kind, path="n") for kind in ("sum", "avg", "max", "values"))
    for by in ((), ("user",)):
        (row,) = ask(store, group_by=by, metrics=metrics)
        assert row.metrics == (math.inf, math.inf, 1.7e308, 3)


def test_an_answer_of_one_row_comes_in_any_order(filled: JobState) -> None:
    number = (Metric(kind="events"),)
    for part, expected in ((AllOf(parts=()), 5), (AnyOf(parts=()), 0)):
        rows = ask(filled, filter=part, metrics=number)
        assert rows == ask(filled, filter=part, metrics=number, order="key", limit=1)
        assert rows == [Row(key=(), metrics=(expected,))]


def test_histogram(filled: JobState) -> None:
    rows = ask(filled, interval=2_000_000, metrics=(Metric(kind="events"),))
    assert [(row.bucket, row.metrics) for row in rows] == [(2_000_000, (2,)), (0, (1,))]


def test_time_range_leaves_out_events_without_time(filled: JobState) -> None:
    (row,) = ask(filled, since=2_000_000, until=3_000_000)
    assert row.metrics == (1,)
    (row,) = ask(filled, since=-(2**63))
    assert row.metrics == (3,)


def test_scan_gives_lines_equal_as_json(filled: JobState) -> None:
    lines = list(filled.scan(Selection(kid=KID, profile=PROFILE, newest_first=False)))
    assert [json.loads(line) for line in lines] == list(map(json.loads, events(BODIES)))
    newest = filled.scan(Selection(kid=KID, profile=PROFILE, limit=1))
    assert [json.loads(line)["n"] for line in newest] == ["x"]


def test_events_by_id(filled: JobState) -> None:
    lines = list(filled.events([name16(3), name16("none"), name16(0), "no id"]))
    assert [json.loads(line)["user"] for line in lines] == ["c", "a"]


def test_other_epochs_and_profiles_are_apart(store: JobState) -> None:
    store.ingest([header(COLUMNS), *events(BODIES)])
    store.ingest([header(COLUMNS, kid="00000002"), event({"user": "a"}, "x", kid="00000002")])
    assert count(store, Eq(path="user", value="a")) == 2
    (row,) = store.query(Query(kid="00000002", profile=PROFILE))
    assert row.metrics == (1,)
    assert store.query(Query(kid="00000003", profile=PROFILE, group_by=("user",))) == []
    (row,) = store.query(Query(kid="00000003", profile=PROFILE))
    assert row.metrics == (0,)


def test_values_and_tokens(store: JobState) -> None:
    lines = [
        header(COLUMNS),
        value("a", [1, 2, 3]),
        value("b", [2, 3, 4]),
        value("b", [2], search=name16("other")),
        value("c", [], search=None),
        *events([{"user": "a"}, {"user": "b"}, {"user": "c"}, {"tags": ["a", "q"]}]),
    ]
    report = store.ingest(lines)
    assert (report.values, report.known_values) == (4, 0)
    assert store.ingest(lines).known_values == 4

    def look(**parts: Any) -> list[Any]:
        found = store.values(Lookup(kid=KID, keyspace="user", **parts))
        return sorted(found, key=lambda found: (found.ct, found.search))

    assert look(search=SEARCH, tokens=(2, 3)) == [record("a", [1, 2, 3]), record("b", [2, 3, 4])]
    assert look(search=SEARCH, tokens=(1, 4)) == []
    assert look(search=name16("other"), tokens=(2,)) == [record("b", [2], search=name16("other"))]
    assert [found.ct for found in look(cts=("b", "c", "z"))] == ["b", "b", "c"]
    assert look(cts=("c",)) == [record("c", [], search=None)]

    def matching(*tokens: int, path: str = "user") -> int:
        part = TokensAll(path=path, keyspace="user", search=SEARCH, tokens=tokens)
        return count(store, part)

    assert matching(2) == 2
    assert matching(1, 2) == 1
    assert matching(9) == 0
    assert matching(3, path="tags") == 1


def test_what_came_is_stored_when_the_stream_is_idle(store: JobState) -> None:
    """And the sign that it is idle counts as no line."""
    stored = []

    def lines() -> Iterator[bytes]:
        yield header(COLUMNS)
        yield event({"user": "a"}, 1)
        stored.append(store.position())
        yield b""
        stored.append(store.position())
        yield b"bad\n"

    report = store.ingest(lines())
    assert stored == [0, 1]
    assert (report.events, [line.number for line in report.rejects]) == (1, [3])


@pytest.mark.parametrize("elements", [["1", 1], [1, "1"], [1, "1", 1.5]])
def test_of_a_number_and_its_text_in_an_array_the_number_counts(
    store: JobState, elements: list[Any]
) -> None:
    store.ingest([header([("n", "number")]), *events([{"n": elements}])])
    assert count(store, Range(path="n", gte=1, lt=1.1)) == 1
    assert count(store, Eq(path="n", value="1")) == 1


def test_names_that_an_engine_keeps_for_itself_are_paths_like_others(store: JobState) -> None:
    names = ["_id", "_id.x", "_source.a", "_index", "_routing.b.c", "_doc_count", "_new", "zt0"]
    bodies = [dict.fromkeys(names, "a"), dict.fromkeys(names[:1], "b")]
    store.ingest([header([(name, "keyword") for name in names]), *events(bodies)])
    for name in names:
        assert count(store, Eq(path=name, value="a")) == 1
    assert [row.key for row in ask(store, group_by=("_id",))] == [("a",), ("b",)]


@pytest.mark.parametrize("bound", [2**63, 10**30, math.inf])
@pytest.mark.parametrize("path", ["n", "time"])
def test_bounds_beyond_all_values(filled: JobState, path: str, bound: float) -> None:
    found = [count(filled, Range(path=path, gte=end)) for end in (-bound, bound)]
    found += [count(filled, Range(path=path, lt=end)) for end in (-bound, bound)]
    assert found == [3, 0, 0, 3]
