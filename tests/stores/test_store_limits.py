"""What a store declares that it can't do: it does the whole, or says clearly that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from stores.lines import KID, PROFILE, SEARCH, events, header, value

from analytics.store import CloudStore, Limit
from analytics.wire import (
    AllOf,
    AnyOf,
    Column,
    Eq,
    Filter,
    Lookup,
    Metric,
    Not,
    Query,
    Range,
    Selection,
    StoreError,
    TokensAll,
)

COLUMNS = [("time", "time"), ("user", "keyword"), ("seen", "time")]
EVERY = AllOf(parts=())
LONGEST = 32_766
"""Bytes of the longest text that every store takes at a visible path."""


def count(store: CloudStore, part: Filter = EVERY) -> Any:
    query = Query(kid=KID, profile=PROFILE, filter=part, metrics=(Metric(kind="events"),))
    (row,) = store.query(query)
    return row.metrics[0]


def taken(store: CloudStore, limit: Limit, lines: list[bytes], reason: str) -> int:
    """The events of some lines that a store takes; where it declares a limit it refuses one."""
    report = store.ingest(lines)
    if limit in store.limits:
        (refused,) = report.rejects
        assert reason in refused.reason
        assert refused.raw in {line.rstrip() for line in lines}
    else:
        assert report.rejected == 0
    assert count(store) == report.events == len(list(store.scan(everything())))
    return report.events


def everything(**parts: Any) -> Selection:
    return Selection(kid=KID, profile=PROFILE, **parts)


@pytest.mark.parametrize("text", ["x", "é", "\U0001f98a"])
def test_a_text_is_found_however_long_it_is_or_refused(store: CloudStore, text: str) -> None:
    width = len(text.encode())
    longest, longer = (text * (bytes_ // width) for bytes_ in (LONGEST, LONGEST + width))
    bodies: list[dict[str, Any]] = [{"user": longest}, {"user": ["a", longer]}, {"hidden": longer}]
    is_limited = Limit.LONG_TEXTS in store.limits
    found = taken(store, Limit.LONG_TEXTS, [header(COLUMNS), *events(bodies)], "longer than")
    assert found == (2 if is_limited else 3)
    assert count(store, Eq(path="user", value=longest)) == 1
    assert count(store, Eq(path="user", value=longer)) == (0 if is_limited else 1)
    assert count(store, Eq(path="user", value="a")) == (0 if is_limited else 1)


@pytest.mark.parametrize("far", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_time_is_told_however_far_it_is_or_refused(store: CloudStore, far: str) -> None:
    bodies: list[dict[str, Any]] = [
        {"time": "1700-01-01T00:00:00.000001Z", "seen": "2250-01-01T00:00:00.000001Z"},
        {"time": far},
        {"time": "2001-01-01T00:00:00Z", "seen": far},
    ]
    is_limited = Limit.FAR_TIMES in store.limits
    found = taken(store, Limit.FAR_TIMES, [header(COLUMNS), *events(bodies)], "1684 to 2255")
    assert found == (2 if is_limited else 3)
    assert count(store, Eq(path="seen", value=far)) == 1
    assert count(store, Range(path="seen", gte=-(2**63))) == (1 if is_limited else 2)
    odd = Query(kid=KID, profile=PROFILE, interval=1, metrics=(Metric(kind="events"),))
    assert len(store.query(odd)) == found


def deep(parts: int) -> Filter:
    node: Filter = Eq(path="user", value="a")
    for n in range(parts):
        node = (Not(part=node), AllOf(parts=(node,)), AnyOf(parts=(node,)))[n % 3]
    return node


def test_a_filter_as_deep_as_the_models_allow(store: CloudStore) -> None:
    store.ingest([header(COLUMNS), *events([{"user": "a"}, {"user": "b"}, {}])])
    assert [count(store, deep(parts)) for parts in range(31)] == [
        2 if (parts + 2) // 3 % 2 else 1 for parts in range(31)
    ]
    with pytest.raises(StoreError, match="too deep"):
        store.query(Query(kid=KID, profile=PROFILE, filter=deep(32)))


def test_a_filter_of_many_parts_is_answered_or_refused(store: CloudStore) -> None:
    store.ingest([header(COLUMNS), *events([{"user": f"u{n}"} for n in range(5)])])
    users = [Eq(path="user", value=f"u{n}") for n in range(4_000)]
    assert count(store, AnyOf(parts=tuple(users[2:900]))) == 3
    wide = AnyOf(parts=tuple(users[2:]))
    if Limit.LARGE_FILTERS in store.limits:
        with pytest.raises(StoreError, match="parts that OpenSearch takes") as told:
            count(store, wide)
        assert "by one list" in str(told.value.hint)
        with pytest.raises(StoreError, match="parts that OpenSearch takes"):
            list(store.scan(Selection(kid=KID, profile=PROFILE, filter=wide)))
    else:
        assert count(store, wide) == 3
    with pytest.raises(StoreError, match="too large"):
        count(store, AnyOf(parts=tuple(users * 2)))


def test_what_a_broken_stream_leaves_is_its_beginning_and_it_may_come_again(
    store: CloudStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.store.intake.run.FLUSH_EVENTS", 50)
    lines = events([{"user": "a"}] * 120)

    def broken() -> Iterator[bytes]:
        yield from [header(COLUMNS), *lines]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store.ingest(broken())
    some = [line + b"\n" for line in store.scan(everything(newest_first=False))]
    assert len(some) in (100, 120)
    if Limit.SCATTERED_CRASHES not in store.limits:
        assert some == lines[: len(some)]
    report = store.ingest([header(COLUMNS), *lines])
    assert (report.events, report.known_events) == (120 - len(some), len(some))
    assert sorted(line + b"\n" for line in store.scan(everything())) == sorted(lines)


def test_distinct_texts_are_counted_or_said_not_to_be(store: CloudStore) -> None:
    store.ingest([header(COLUMNS), *events([{"user": "a"}, {"user": ["a", "b"]}])])
    texts = store.statistics().texts
    assert texts == (None if Limit.UNCOUNTED_TEXTS in store.limits else 2)


def test_weights_add_up_exactly_or_nearly(store: CloudStore) -> None:
    weights = [2**53 - 1] * 3 + [2]
    bodies = [{"user": "a", "rate.ex_diff": weight} for weight in weights]
    store.ingest([header([*COLUMNS, ("rate.ex_diff", "number")]), *events(bodies)])
    metrics = (Metric(kind="count"), Metric(kind="last"))
    expected = sum(weights) + len(weights)
    for by in ((), ("user",)):
        query = Query(kid=KID, profile=PROFILE, group_by=by, metrics=metrics)
        (found, _) = store.query(query)[0].metrics
        if Limit.LARGE_COUNTS in store.limits:
            assert found == pytest.approx(expected, rel=1e-9)
        else:
            assert found == expected


def test_a_second_record_of_a_value_is_found_by_events_or_by_look_ups_only(
    store: CloudStore,
) -> None:
    searched = Column(path="user", kind="keyword", keyspace="user", search=SEARCH)
    store.ingest([header([searched]), value("a", [1]), *events([{"user": "a"}])])
    store.ingest([value("a", [2], scheme="fpe")])
    lookup = Lookup(kid=KID, keyspace="user", search=SEARCH, tokens=(2,))
    assert [record.scheme for record in store.values(lookup)] == ["fpe"]
    found = [
        count(store, TokensAll(path="user", keyspace="user", search=SEARCH, tokens=(token,)))
        for token in (1, 2)
    ]
    assert found == ([1, 0] if Limit.SECOND_RECORDS in store.limits else [1, 1])
