"""What the embedded store's file holds after events moved and an epoch went."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores.lines import KID, event, header, value

from analytics.store.duckdb import DuckDBStore
from analytics.store.duckdb.runs import EVENT_KEYS, compact
from analytics.wire import StoreError

COLUMNS = [("time", "time"), ("user", "keyword"), ("tags", "keyword")]
NEW = "00000002"
TABLES = (
    "events", "elements", "texts", "text_keys", "records", "record_keys", "postings", "event_keys",
    "epochs", "parts", "header_lines", "lists",
)  # fmt: skip


def batch(kid: str, count: int = 40, first: int = 0) -> list[bytes]:
    numbers = range(first, first + count)
    return [
        header(COLUMNS, kid=kid),
        *(value(f"u{n}-{kid}", [n, n + 1], kid=kid) for n in numbers),
        *(event({"user": f"u{n}-{kid}", "tags": ["x", f"{n}"]}, n, kid=kid) for n in numbers),
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    with DuckDBStore(tmp_path / "store.db", create=True) as opened:
        yield opened


def rows(store: DuckDBStore) -> dict[str, int]:
    """The number of rows of every table."""
    with store._database.reading() as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in TABLES
        }


def test_nothing_of_a_forgotten_epoch_is_left(tmp_path: Path, store: DuckDBStore) -> None:
    store.ingest(batch(KID))
    store.replace(batch(NEW), kid=KID)
    store.forget(KID)
    with DuckDBStore(tmp_path / "plain.db", create=True) as plain:
        plain.ingest(batch(NEW))
        assert rows(store) == rows(plain)
    with store._database.reading() as connection:
        ((left,),) = connection.execute(
            "SELECT count(*) FROM texts WHERE contains(text, ?)", [f"-{KID}"]
        ).fetchall()
    assert left == 0


def test_an_event_has_one_key_once_its_runs_are_merged(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.store.duckdb.runs.TAIL", 10)
    for first in range(0, 80, 8):
        store.ingest(batch(KID, 8, first))
    for first in range(0, 80, 16):
        assert store.replace(batch(NEW, 16, first), kid=KID).events == 16
    with store._database.writing() as connection:
        compact(connection, EVENT_KEYS)
        ((runs,),) = connection.execute(
            "SELECT count(*) FROM runs WHERE family = 'event_keys'"
        ).fetchall()
    assert runs >= 1
    assert rows(store)["event_keys"] <= 160
    assert store.ingest(batch(KID, 80)).known_events == 80
    assert rows(store)["events"] == 80


def test_a_walk_goes_on_from_page_to_page(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.store.duckdb.epochs.PAGE", 7)
    monkeypatch.setattr("analytics.store.duckdb.epochs.CHUNK", 3)
    lines = batch(KID)
    store.ingest(lines)
    walk, seen = store.epoch_events(KID), []
    for n, line in enumerate(walk):
        seen.append(line)
        if n % 5 == 4:
            store.replace(batch(NEW, 5, n - 4), kid=KID)
    assert seen == [line.rstrip() for line in lines[41:]]
    assert rows(store)["events"] == 40
    assert list(store.epoch_events(KID)) == []


def test_a_walk_passes_over_what_goes_before_its_turn(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.store.duckdb.epochs.CHUNK", 10)
    lines = batch(KID)
    store.ingest(lines)
    walk = store.epoch_events(KID)
    seen = [next(walk)]
    store.replace(batch(NEW, 10, 20), kid=KID)
    seen += walk
    assert seen == [line.rstrip() for line in (*lines[41:61], *lines[71:])]


def test_a_full_disk_is_called_by_its_name_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "full.db"
    with DuckDBStore(path, create=True) as store:
        store.ingest(batch(KID))
        size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with DuckDBStore(path, create=False) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 100, hard))
        try:
            with pytest.raises(StoreError, match="File too large") as failed:
                store.replace(batch(NEW), kid=KID)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "free space" in failed.value.hint
    with DuckDBStore(path, create=False) as store:
        assert len(list(store.epoch_events(KID))) == 40
        assert store.replace(batch(NEW), kid=KID).events == 40
