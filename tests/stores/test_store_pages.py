"""Answers of any size: groups page by page, values as a stream, and how many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from stores.lines import KID, PROFILE, SEARCH, event, events, header, name16, value

from analytics.store import JobState
from analytics.wire import After, AnyOf, Eq, In, Lookup, Metric, Not, Query, Row, TokensAll

COLUMNS = [("time", "time"), ("user", "keyword"), ("kind", "keyword"), ("tags", "keyword")]
MANY = 100_500
"""More than a compiler lists at once, and more than fits in one page of anything."""


def query(**parts: Any) -> Query:
    return Query(kid=KID, profile=PROFILE, **{"metrics": (Metric(kind="events"),), **parts})


def pages(store: JobState, first: Query) -> Iterator[list[Row]]:
    page = store.query(first)
    while page:
        yield page
        last = page[-1]
        after = After(key=last.key, bucket=last.bucket)
        page = store.query(first.model_copy(update={"after": after}))
        assert last not in page  # else it goes on for ever


def test_pages_are_the_whole_answer_in_order(store: JobState) -> None:
    bodies = [
        {
            "time": f"1970-01-01T00:00:{i % 4:02}Z",
            "user": f"u{i % 7}",
            "tags": ["é", "z", "\U0001f600", "￿"][: i % 5],
        }
        for i in range(60)
    ]
    store.ingest([header(COLUMNS), *events(bodies)])
    for group_by, interval in (
        (("user",), None),
        (("user", "tags"), None),
        (("tags", "user"), 2_000_000),
        ((), 1_000_000),
    ):
        whole = query(group_by=group_by, interval=interval, order="key")
        rows = store.query(whole)
        assert rows == sorted(rows, key=lambda row: (row.key, row.bucket or 0))
        unordered = store.query(whole.model_copy(update={"order": "metric"}))
        assert sorted(map(repr, unordered)) == sorted(map(repr, rows))
        found = list(pages(store, whole.model_copy(update={"limit": 3})))
        assert [row for page in found for row in page] == rows
        assert all(len(page) == 3 for page in found[:-1])
        assert list(store.groups(whole.model_copy(update={"order": "metric"}))) == rows


def test_pages_go_on_behind_the_greatest_texts(store: JobState) -> None:
    users = ["\U0010ffff" * n for n in (1, 64, 65, 100)]
    store.ingest([header(COLUMNS), *events([{"user": user} for user in users])])
    metrics = (Metric(kind="distinct", path="user"),)
    first = query(group_by=("user",), order="key", limit=1, metrics=metrics)
    found = [row for page in pages(store, first) for row in page]
    assert found == [Row(key=(user,), metrics=(1,)) for user in users]


def test_what_is_there_all_the_time_is_on_one_page(store: JobState) -> None:
    def batch(users: list[str]) -> list[bytes]:
        return [header(COLUMNS), *(event({"user": user}, user) for user in users)]

    store.ingest(batch([f"u{n:03}" for n in range(0, 100, 2)]))
    seen: list[str] = []
    for n, page in enumerate(pages(store, query(group_by=("user",), order="key", limit=7))):
        seen += [row.key[0] for row in page]
        store.ingest(batch([f"u{(n * 37 + k) % 100:03}" for k in range(20)]))
    assert seen == sorted(set(seen))
    assert {f"u{n:03}" for n in range(0, 100, 2)} <= set(seen)


@pytest.mark.parametrize(
    "parts",
    [
        {"after": {"key": ("a",)}, "group_by": ("user",)},
        {"after": {"key": ("a", "b")}, "group_by": ("user",), "order": "key"},
        {"after": {"key": ("a",), "bucket": 0}, "group_by": ("user",), "order": "key"},
        {"after": {"key": ("a",)}, "group_by": ("user",), "order": "key", "interval": 5},
        {"after": {"key": ()}, "order": "key"},
    ],
)
def test_a_page_of_another_query_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        query(**parts)


def test_groups_of_nothing(store: JobState) -> None:
    assert list(store.groups(query(group_by=("user",)))) == []
    assert list(store.groups(query())) == [Row(key=(), metrics=(0,))]
    store.ingest([header(COLUMNS), *events([{"user": "a"}])])
    assert list(store.groups(query(group_by=("nowhere",)))) == []
    assert list(store.groups(query())) == [Row(key=(), metrics=(1,))]


def look(store: JobState, **parts: Any) -> list[str]:
    lookup = Lookup(kid=KID, keyspace="user", **parts)
    found = sorted(record.ct for record in store.values(lookup))
    assert store.value_count(lookup) == len(found)
    return found


def test_values_by_groups_of_tokens(store: JobState) -> None:
    store.ingest(
        [
            header(COLUMNS),
            value("a", [1, 2, 3, 4, 5]),
            value("b", [2, 3, 6]),
            value("c", [6]),
            value("d", [1, 2], search=name16("other")),
            value("e", [], search=None),
            value("f", [1, 2], keyspace="else"),
        ]
    )
    assert look(store, search=SEARCH, any_of=((1, 2), (6,))) == ["a", "b", "c"]
    assert look(store, search=SEARCH, any_of=((2, 3), (3, 2), (3, 6))) == ["a", "b"]
    assert look(store, search=SEARCH, any_of=((1, 2, 3, 4, 5), (9,))) == ["a"]
    assert look(store, search=SEARCH, any_of=((1, 6),)) == []
    assert look(store, search=name16("other"), any_of=((1,),)) == ["d"]
    assert look(store, search=SEARCH, every=True) == ["a", "b", "c"]
    assert look(store, every=True) == ["a", "b", "c", "d", "e"]
    assert look(store, cts=("a", "e", "z")) == ["a", "e"]
    nobody = Lookup(kid="00000009", keyspace="user", every=True)
    assert (store.value_count(nobody), list(store.values(nobody))) == (0, [])


@pytest.mark.slow
def test_more_values_than_anybody_lists(store: JobState) -> None:
    """Read in bounded memory, counted without being read, and asked for all at once."""
    users = [f"u{n:06}" for n in range(MANY)]
    lines = [header(COLUMNS)]
    lines += [value(user, [n % 2, 10, 20, 30, 40 + n % 3]) for n, user in enumerate(users)]
    lines += [event({"user": users[n], "kind": "x"}, n) for n in range(0, MANY, 50)]
    lines += [event({"kind": "x"}, "without"), event({"user": ["u000001", "q"]}, "several")]
    store.ingest(lines)
    tokens = {"search": SEARCH, "tokens": (0, 10, 20, 30, 41)}
    for parts, expected in (
        ({"every": True}, MANY),
        (tokens, MANY // 6),
        ({"search": SEARCH, "any_of": ((0, 41), (1, 42))}, MANY // 3),
    ):
        lookup = Lookup.model_validate({"kid": KID, "keyspace": "user", **parts})
        assert store.value_count(lookup) == expected
        tracemalloc.start()
        found = sum(1 for _ in store.values(lookup))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found == expected
        assert most < 16 * 2**20
    total, named = 2 + -(-MANY // 50), -(-MANY // 50)

    def count(part: Any) -> Any:
        return store.query(query(filter=part))[0].metrics[0]

    chosen = In(path="user", values=tuple(users[1:]))
    assert count(chosen) == named
    assert count(Not(part=chosen)) == total - named
    by_token = TokensAll(path="user", keyspace="user", search=SEARCH, tokens=(10, 20, 30))
    assert count(by_token) == named + 1
    assert count(Not(part=by_token)) == 1
    assert count(AnyOf(parts=(Not(part=by_token), Eq(path="user", value="q")))) == 2
