"""An open store's figures of its epochs: kept up, never counted again, and always those stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stores.lines import KID, event, header

from analytics.store import EpochInfo
from analytics.store.duckdb import DuckDBStore
from analytics.store.duckdb.epochs import replace_events
from analytics.wire import StoreError, format_time

COLUMNS = [("time", "time"), ("user", "keyword")]
NEW = "00000002"
NUMBERS = range(100, 160)


def batch(kid: str, numbers: range) -> list[bytes]:
    return [
        header(COLUMNS, kid=kid),
        *(
            event({"time": format_time(number), "user": f"u{number}"}, number, kid=kid)
            for number in numbers
        ),
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    with DuckDBStore(tmp_path / "store.db", create=True) as opened:
        yield opened


def stored(store: DuckDBStore) -> list[EpochInfo]:
    """The figures as the tables have them."""
    with store._database.reading() as connection:
        return [
            EpochInfo(*row)
            for row in connection.execute(
                "SELECT kid, any_value(kcv), any_value(generation), count(seq), min(t), max(t) "
                "FROM epochs LEFT JOIN parts USING (kid) LEFT JOIN events USING (part) "
                "GROUP BY kid ORDER BY any_value(n)"
            ).fetchall()
        ]


def test_figures_are_kept_up(store: DuckDBStore) -> None:
    steps: list[Callable[[], object]] = [
        lambda: store.ingest(batch(KID, range(100, 120))),
        lambda: store.ingest(batch(KID, range(140, 160))),
        lambda: store.ingest(batch(KID, range(50, 60))),  # late
        lambda: store.ingest(batch(KID, range(140, 160))),  # again
        lambda: store.ingest(batch(NEW, range(10, 12))),
        lambda: store.replace(batch(NEW, range(140, 160)), kid=KID),
        lambda: store.replace(batch(NEW, range(50, 60)), kid=KID),
        lambda: store.ingest(batch(KID, range(150, 170))),
        lambda: store.replace(batch(NEW, range(100, 170)), kid=KID),
        lambda: store.forget(KID),
        lambda: store.ingest(batch("00000003", range(3))),
    ]
    assert store.epochs() == []
    for step in steps:
        step()
        assert store.epochs() == stored(store)
        assert store.epochs() == stored(store)  # now from memory


def test_an_event_without_a_time_counts(store: DuckDBStore) -> None:
    store.ingest(batch(KID, NUMBERS))
    before = store.epochs()
    store.ingest([header(COLUMNS, kid=KID), event({"user": "x"}, 1, kid=KID)])
    assert store.epochs() == [before[0]._replace(events=len(NUMBERS) + 1)]


def test_only_what_is_new_is_counted(store: DuckDBStore) -> None:
    store.ingest(batch(KID, NUMBERS))
    store.epochs()
    with store._database.writing() as connection:
        connection.execute("DELETE FROM events")  # behind its back
    store.ingest(batch(KID, range(200, 203)))
    assert store.epochs()[0].events == len(NUMBERS) + 3


def test_a_replacement_that_fails_changes_nothing(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        replace_events(*arguments)
        raise StoreError("the disk is full", "make room")

    store.ingest(batch(KID, NUMBERS))
    before = store.epochs()
    with monkeypatch.context() as patch:
        patch.setattr("analytics.store.duckdb.ingest.replace_events", fail)
        with pytest.raises(StoreError, match="disk is full"):
            store.replace(batch(NEW, NUMBERS), kid=KID)
    assert store.epochs() == before
    assert store.replace(batch(NEW, NUMBERS), kid=KID).events == len(NUMBERS)
    assert [epoch.events for epoch in store.epochs()] == [0, len(NUMBERS)]


def test_who_asks_while_events_move_counts_each_once(store: DuckDBStore) -> None:
    store.ingest(batch(KID, NUMBERS))
    totals, failed, ended = set(), [], threading.Event()

    def ask() -> None:
        try:
            while not ended.is_set():
                totals.add(sum(epoch.events for epoch in store.epochs()))
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(12):
        old, new = (KID, NEW) if turn % 2 == 0 else (NEW, KID)
        assert store.replace(batch(new, NUMBERS), kid=old).events == len(NUMBERS)
    ended.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert totals == {len(NUMBERS)}
