"""A process that is killed while it removes what is old, or writes the file anew.

What should stay is there, once; what was begun is finished by the next run; and nothing that a
killed one left beside the store is in the way.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
from stores.lines import KID, PROFILE, event, header, name16, value
from stores.test_store_crash import content
from support.killing import moments, run_until

from analytics.store import CloudStore, open_store
from analytics.wire import Lookup, Metric, Query

EVENTS, OLD = 4000, 2700

EXPIRE = """
import sys
from analytics.store import open_store
import analytics.store.duckdb.expiry as expiry
expiry.STEP = 200
with open_store(sys.argv[1]) as store:
    print("go", flush=True)
    store.expire(int(sys.argv[2]))
"""

COMPACT = """
import sys
from analytics.store import open_store
with open_store(sys.argv[1]) as store:
    print("go", flush=True)
    store.compact()
"""


def fill(store: CloudStore) -> None:
    """Each event has a user of its own, an array, and text that no compression makes small."""
    columns = [("time", "time"), ("user", "keyword"), ("tags", "keyword"), ("p3", "number")]
    for first in range(0, EVENTS, 1000):
        numbers = range(first, first + 1000)
        store.ingest(
            [
                header(columns),
                *(value(f"u{n}", [n, n + 1]) for n in numbers),
                *(
                    event(
                        {
                            "time": f"1970-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z",
                            "user": f"u{n}",
                            "tags": ["x", f"t{n}"],
                            "p3": n,
                            "wide": Random(n).randbytes(800).hex(),
                        },
                        n,
                    )
                    for n in numbers
                ),
            ]
        )


def check(store: CloudStore) -> int:
    """What is not too old is there once, of the rest each event wholly or not; how many are."""
    lines = list(store.events([name16(n) for n in range(EVENTS)]))
    assert len(list(store.epoch_events(KID))) == len(lines)
    assert len(list(store.events([name16(n) for n in range(OLD, EVENTS)]))) == EVENTS - OLD
    for path, most in (("user", 1), ("tags", len(lines))):
        query = Query(kid=KID, profile=PROFILE, group_by=(path,), metrics=(Metric(kind="events"),))
        rows = store.query(query)
        assert len(rows) == len(lines) + (path == "tags")
        assert rows[0].metrics == (most,)
    by_token = Lookup(kid=KID, keyspace="user", search=None, cts=(f"u{OLD}", f"u{EVENTS - 1}"))
    assert store.value_count(by_token) == 2
    assert store.position() == EVENTS
    return len(lines)


def beside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_killed_while_events_expire(tmp_path: Path) -> None:
    original, file = tmp_path / "original.db", tmp_path / "store" / "store.db"
    file.parent.mkdir()
    url = f"duckdb:{file}"
    with open_store(f"duckdb:{original}", create=True) as store:
        fill(store)
    shutil.copy(original, file)
    whole, _ = run_until(EXPIRE, [url, str(OLD * 1_000_000)], None)
    with open_store(url) as store:
        expected = content(store)
    stages = set()
    for seconds in moments(whole, seed=1):
        shutil.copy(original, file)
        run_until(EXPIRE, [url, str(OLD * 1_000_000)], seconds)
        with open_store(url) as store:
            stages.add(check(store))
            store.expire(OLD * 1_000_000)
            assert content(store) == expected
            assert store.value_count(Lookup(kid=KID, keyspace="user", every=True)) == EVENTS - OLD
            assert store.statistics().texts == 4 * (EVENTS - OLD) + 1  # and the tag of all
        assert beside(file.parent) == {"store.db"}
    assert len(stages) > 5  # the kills met it at different points


@pytest.mark.slow
def test_killed_while_the_file_is_written_anew(tmp_path: Path) -> None:
    original, file = tmp_path / "original.db", tmp_path / "store" / "store.db"
    file.parent.mkdir()
    url = f"duckdb:{file}"
    with open_store(f"duckdb:{original}", create=True) as store:
        fill(store)
        store.expire(OLD * 1_000_000)
        expected = content(store)
    shutil.copy(original, file)
    whole, _ = run_until(COMPACT, [url], None)
    small = file.stat().st_size
    assert small < original.stat().st_size
    sizes, left = set(), set()
    for seconds in moments(whole, seed=2):
        shutil.copy(original, file)
        run_until(COMPACT, [url], seconds)
        left |= beside(file.parent)
        sizes.add(file.stat().st_size <= small)
        with open_store(url) as store:
            assert content(store) == expected
        assert beside(file.parent) == {"store.db"}
    assert "store.db.compact" in left
    assert False in sizes
