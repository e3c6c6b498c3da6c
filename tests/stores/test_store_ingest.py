"""Ingest: once each, wholly or not at all, refusals, conflicts, columns and spellings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from stores.lines import KCV, KID, PROFILE, event, events, header, name16, value

from analytics.store import JobState, open_store
from analytics.wire import (
    MAX_COLUMNS,
    BadLine,
    Column,
    EpochConflictError,
    Eq,
    Metric,
    Query,
    Row,
    Selection,
    StoreError,
    VersionError,
    encode_bytes,
)

COLUMNS = [("time", "time"), ("user", "keyword")]


def ask(store: JobState, **parts: Any) -> list[Row]:
    return store.query(Query(kid=KID, profile=PROFILE, metrics=(Metric(kind="events"),), **parts))


def total(store: JobState) -> int | float | None:
    return ask(store)[0].metrics[0]


def test_ingesting_twice_equals_once(store: JobState) -> None:
    lines = [header(COLUMNS), value("a", [1]), *events([{"user": "a"}, {"user": "b"}])]
    first, again = store.ingest(lines), store.ingest(lines)
    assert (first.events, first.known_events, first.values, first.known_values) == (2, 0, 1, 0)
    assert (again.events, again.known_events, again.values, again.known_values) == (0, 2, 0, 1)
    assert total(store) == 2
    assert store.header_lines() == [header(COLUMNS).rstrip()]


def test_the_same_lines_twice_in_one_stream(store: JobState) -> None:
    lines = [header(COLUMNS), value("a", [1]), *events([{"user": "a"}])]
    report = store.ingest(lines * 3)
    assert (report.batches, report.events, report.known_events) == (3, 1, 2)
    assert (report.values, report.known_values) == (1, 2)


def test_reopened_it_knows_everything(store_url: str) -> None:
    lines = [header(COLUMNS), value("a", [1]), *events([{"user": ["a", "b"]}, {"user": "b"}])]
    with open_store(store_url, create=True) as store:
        store.ingest(lines)
        before = (store.headers(), store.epochs(), store.tenant(), ask(store, group_by=("user",)))
    with open_store(store_url) as store:
        assert store.tenant() == "acme"
        assert store.ingest(lines).known_events == 2
        after = (store.headers(), store.epochs(), store.tenant(), ask(store, group_by=("user",)))
    assert before == after


def test_bad_lines_are_counted_and_do_not_stop(store: JobState) -> None:
    seen: list[BadLine] = []
    bad = [b"{", b"[]\n", b'{"a":1}\n', b'{"zt":{"kind":"other"}}\n']
    lines = [*bad, header(COLUMNS), *events([{"user": "a"}]), b"nonsense\n", b"\n"]
    report = store.ingest(lines, reject=seen.append)
    assert (report.events, report.rejected, len(report.rejects)) == (1, 5, 5)
    assert [line.number for line in seen] == [1, 2, 3, 4, 7]


def test_only_the_first_refused_lines_are_kept(store: JobState) -> None:
    report = store.ingest(b"x" * 100_000 for _ in range(150))
    assert (report.rejected, len(report.rejects)) == (150, 100)
    assert max(len(line.raw) for line in report.rejects) == 64 * 1024


def test_lines_without_their_header_are_refused(store: JobState) -> None:
    other = name16("other")
    lines = [event({}, 0), header(COLUMNS), event({}, 1), event({}, 2, profile=other)]
    report = store.ingest([*lines, value("a", [1], kid="00000009")])
    assert (report.events, report.rejected) == (1, 3)
    assert all(KID in line.reason for line in report.rejects[:2])
    # A header that an earlier ingest has brought is as good.
    assert store.ingest([event({}, 0)]).events == 1


def test_an_event_with_one_path_twice_is_refused(store: JobState) -> None:
    lines = [header([("a.b", "keyword")]), event({"a": {"b": 1}, "a.b": 2}, 0)]
    report = store.ingest(lines)
    assert (report.events, report.rejected) == (0, 1)


def test_another_tenant_stops_before_its_batch(store: JobState) -> None:
    lines = [header(COLUMNS), event({}, 0), header(COLUMNS, tenant="other"), event({}, 1)]
    with pytest.raises(StoreError, match="acme"):
        store.ingest(lines)
    assert (total(store), store.tenant()) == (1, "acme")


def test_another_key_check_value_stops_before_its_batch(store: JobState) -> None:
    twin = header(COLUMNS, kcv=encode_bytes(b"x" * 32), profile=name16("other"))
    late = event({}, 1, profile=name16("other"))
    with pytest.raises(EpochConflictError):
        store.ingest([header(COLUMNS), event({}, 0), twin, late])
    with pytest.raises(EpochConflictError):
        store.ingest([twin, late])
    assert (total(store), len(store.header_lines())) == (1, 1)
    assert [epoch.kcv for epoch in store.epochs()] == [KCV]


def test_another_version_stops_with_what_was_before_stored(store: JobState) -> None:
    newer = header(COLUMNS).replace(b'"version":1', b'"version":2')
    with pytest.raises(VersionError):
        store.ingest([header(COLUMNS), event({}, 0), newer, event({}, 1)])
    assert total(store) == 1


def test_a_failing_source_leaves_the_store_whole(store: JobState) -> None:
    def broken() -> Iterator[bytes]:
        yield header(COLUMNS)
        yield event({"user": "a"}, 0)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store.ingest(broken())
    lines = [header(COLUMNS), event({"user": "a"}, 0)]
    store.ingest(lines)
    assert total(store) == 1


def test_epochs_with_their_generation_and_times(store: JobState) -> None:
    timed = {"time": "1970-01-01T00:00:05Z"}
    store.ingest([header(COLUMNS, generation=4), event(timed, 0), event({}, 1)])
    store.ingest([header(COLUMNS, generation=3), header(COLUMNS, kid="00000002", generation=5)])
    first, second = store.epochs()
    assert first == (KID, KCV, 4, 2, 5_000_000, 5_000_000)
    assert second == ("00000002", KCV, 5, 0, None, None)


def test_columns_of_all_headers_are_united(store: JobState) -> None:
    searched = Column(path="b", kind="keyword", keyspace="user", search=name16("s"))
    store.ingest([header([("a", "keyword")]), event({"a": "1", "b": "1"}, 0)])
    store.ingest([header([searched]), event({"a": "2", "b": "2"}, 1)])
    (united,) = store.headers()
    assert united.columns == (Column(path="a", kind="keyword"), searched)
    assert len(store.header_lines()) == 2
    assert [row.key for row in ask(store, group_by=("a",))] == [("1",), ("2",)]
    assert [row.key for row in ask(store, group_by=("b",))] == [("2",)]


def test_the_newest_header_is_the_last_that_came(store: JobState) -> None:
    one, two = header([("a", "keyword")]), header([("a", "keyword")], generation=2)
    for line in (one, two, one):
        store.ingest([line])
    (united,) = store.headers()
    assert united.generation == 1
    assert store.epochs()[0].generation == 2


def test_a_path_that_gets_another_kind_keeps_its_texts(store: JobState) -> None:
    store.ingest([header([("a", "keyword")]), event({"a": 1}, 0)])
    store.ingest([header([("a", "number")]), event({"a": 2}, 1)])
    assert [row.key for row in ask(store, group_by=("a",))] == [("1",), ("2",)]
    assert len(ask(store, filter=Eq(path="a", value="1"))) == 1


def test_beyond_the_last_column_values_stay_in_the_line(store: JobState) -> None:
    paths = [f"p{n}" for n in range(MAX_COLUMNS + 4)]
    body = dict.fromkeys(paths, "x")
    store.ingest([header([(path, "keyword") for path in paths]), event(body, 0)])
    assert len(ask(store, group_by=(paths[MAX_COLUMNS - 1],))) == 1
    assert ask(store, group_by=(paths[MAX_COLUMNS],)) == []
    (line,) = store.scan(Selection(kid=KID, profile=PROFILE))
    assert json.loads(line)[paths[-1]] == "x"


def test_strange_texts_and_paths_are_only_data(store: JobState) -> None:
    strange = ["'; DROP TABLE events; --", '"', "\u0000", "🦊", "$1", "?", "c1", "x" * 9000, "%"]
    paths = ["c1", "seq", "a b", "'; --", "", "é"]
    bodies = [dict.fromkeys(paths, text) for text in strange]
    store.ingest([header([(path, "keyword") for path in paths]), *events(bodies)])
    for path in paths:
        rows = ask(store, group_by=(path,))
        assert [row.key for row in rows] == [(text,) for text in sorted(strange)]
        for text in strange:
            (row,) = ask(store, filter=Eq(path=path, value=text))
            assert row.metrics == (1,)


def test_numbers_keep_their_spelling_in_the_line(store: JobState) -> None:
    big = event({}, 0).replace(b'{"zt"', b'{"n":123456789012345678901234567890.5,"m":1e5,"zt"')
    store.ingest([header([("n", "number")]), big])
    (line,) = store.scan(Selection(kid=KID, profile=PROFILE))
    assert line == big.rstrip()


def test_a_large_batch_is_stored_piece_by_piece(store: JobState) -> None:
    count = 45_000
    lines = chain([header(COLUMNS)], (event({"user": str(i % 7)}, i) for i in range(count)))
    assert store.ingest(lines).events == count
    found = [row.metrics[0] for row in ask(store, group_by=("user",))]
    assert found == [6429] * 4 + [6428] * 3
