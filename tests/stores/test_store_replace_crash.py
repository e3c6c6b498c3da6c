"""A process that is killed while events move and epochs go: each event is there once, whole."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from stores.lines import PROFILE, SEARCH, event, header, name16, value
from support.killing import KILLS, moments, run_until

from analytics.store import JobState, open_store
from analytics.wire import Lookup, Metric, Query

EVENTS, USERS = 600, 40

MOVE = """
import sys
import analytics.store.duckdb.runs as runs
from analytics.store import open_store
from stores.test_store_replace_crash import EVENTS, batch, kid
runs.TAIL = 300
print("go", flush=True)
with open_store(sys.argv[1], create=True) as store:
    store.ingest(batch(0, range(EVENTS)))
    known = [int(epoch.kid, 16) for epoch in store.epochs() if epoch.events]
    for old in range(min(known), 10_000):
        for first in range(0, EVENTS, 150):
            store.replace(batch(old + 1, range(first, first + 150)), kid=kid(old))
        store.forget(kid(old))
"""
"""Moves everything from epoch to epoch without end, and goes on where it was."""


def kid(number: int) -> str:
    return f"{number:08x}"


def batch(number: int, idents: range) -> list[bytes]:
    columns = [("user", "keyword"), ("tags", "keyword")]
    return [
        header(columns, kid=kid(number)),
        *(value(f"u{n}-{number}", [n], kid=kid(number)) for n in range(USERS)),
        *(
            event({"user": f"u{i % USERS}-{number}", "tags": ["x", f"{i % 7}"]}, i, kid=kid(number))
            for i in idents
        ),
    ]


def check(store: JobState) -> int:
    """Every event is there once, in one of two neighbouring epochs; the older one's number."""
    lines = [json.loads(line) for line in store.events([name16(i) for i in range(EVENTS)])]
    assert len(lines) == EVENTS
    kids = Counter(line["zt"]["kid"] for line in lines)
    numbers = sorted(int(of, 16) for of in kids)
    assert len(numbers) == 1 or numbers[1] == numbers[0] + 1
    total: Counter[str] = Counter()
    for number in numbers:
        query = Query(kid=kid(number), profile=PROFILE, group_by=("user",))
        for row in store.query(query):
            user, _, of = row.key[0].partition("-")
            assert int(of) == number
            total[user] += int(row.metrics[0] or 0)
        tags = query.model_copy(update={"group_by": ("tags",), "metrics": (Metric(kind="events"),)})
        assert next(row.metrics for row in store.query(tags)) == (kids[kid(number)],)
        assert len(list(store.epoch_events(kid(number)))) == kids[kid(number)]
        lookup = Lookup(kid=kid(number), keyspace="user", search=SEARCH, tokens=(3,))
        assert [record.ct for record in store.values(lookup)] == [f"u3-{number}"]
    assert total == {f"u{n}": EVENTS // USERS for n in range(USERS)}
    for epoch in store.epochs():  # empty ones may wait to be forgotten
        assert epoch.events == kids[epoch.kid]
    return numbers[0]


@pytest.mark.slow
def test_killed_while_events_move(tmp_path: Path) -> None:
    url = f"duckdb:{tmp_path / 'store.db'}"
    with open_store(url, create=True) as store:
        store.ingest(batch(0, range(EVENTS)))
    reached = 0
    for seconds in moments(1.7, seed=7):
        _, ended = run_until(MOVE, [url], 0.3 + seconds)
        assert not ended
        with open_store(url) as store:
            assert check(store) >= reached
            reached = check(store)
    assert reached > KILLS
