"""A process that is killed while it ingests: run again, nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from stores.lines import KID, PROFILE, SEARCH, event, header, value
from support.killing import moments, run_until

from analytics.store import JobState, open_store
from analytics.wire import Lookup, Metric, Query, Row, Selection

INGEST = """
import sys
from analytics.store import open_store
import analytics.store.intake.run as run
import analytics.store.duckdb.runs as runs
run.FLUSH_EVENTS, runs.TAIL = 300, 700
print("go", flush=True)
with open_store(sys.argv[1], create=True) as store, open(sys.argv[2], "rb") as lines:
    store.ingest(lines)
"""

KILLS = 5
"""So many times one store's ingest is killed before it is let through."""


def batches() -> bytes:
    """Batches that bring new columns, values, and some events again."""
    lines = []
    for batch in range(12):
        paths = [
            ("time", "time"),
            ("user", "keyword"),
            *((f"p{n}", "number") for n in range(batch)),
        ]
        lines.append(header(paths))
        lines += [value(f"u{n}", [n, n + 1]) for n in range(batch * 20, batch * 20 + 40)]
        for i in range(batch * 400, batch * 400 + 500):
            body = {"time": f"2001-01-01T00:00:{i % 60:02}Z", "user": f"u{i % 200}"}
            lines.append(event({**body, **{f"p{n}": i for n in range(batch)}}, i))
    return b"".join(lines)


def content(store: JobState) -> tuple[object, ...]:
    """All that a store can tell."""

    def rows(path: str) -> list[Row]:
        metrics = (Metric(kind="events"), Metric(kind="sum", path="p3"))
        return store.query(Query(kid=KID, profile=PROFILE, group_by=(path,), metrics=metrics))

    lookup = Lookup(kid=KID, keyspace="user", search=SEARCH, cts=tuple(f"u{n}" for n in range(300)))
    by_token = [
        Lookup(kid=KID, keyspace="user", search=SEARCH, tokens=(n, n + 1)) for n in range(0, 280, 9)
    ]
    return (
        rows("user"),
        rows("p5"),
        sorted(store.scan(Selection(kid=KID, profile=PROFILE))),
        sorted(record.ct for record in store.values(lookup)),
        [[record.ct for record in store.values(one)] for one in by_token],
        store.headers(),
        store.epochs(),
        store.position(),
    )


@pytest.mark.slow
def test_killed_at_any_point_and_run_again(tmp_path: Path) -> None:
    source = tmp_path / "batches.ndjson"
    source.write_bytes(batches())

    def run(name: str, seconds: float | None) -> float:
        ran, _ = run_until(INGEST, [f"duckdb:{tmp_path / name}", str(source)], seconds)
        return ran

    whole = run("whole.db", None)
    with open_store(f"duckdb:{tmp_path / 'whole.db'}") as store:
        expected = content(store)
    points = moments(whole, seed=1)
    for first in range(0, len(points), KILLS):
        name = f"killed-{first}.db"
        for seconds in points[first : first + KILLS]:
            run(name, seconds)
        run(name, None)
        with open_store(f"duckdb:{tmp_path / name}") as store:
            assert content(store) == expected
