"""The file of the embedded store: who owns it, what it must be, how it is protected."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from stores.lines import KID, PROFILE, event, events, header

from analytics.store import open_store
from analytics.store.duckdb import DuckDBStore, limits
from analytics.store.duckdb.limits import spill_folder
from analytics.store.duckdb.runs import EVENT_KEYS, POSTINGS, compact
from analytics.wire import Metric, Query, Selection, StoreBusyError, StoreError

COLUMNS = [("time", "time"), ("user", "keyword")]

HOLD = """
import sys
from analytics.store import open_store
store = open_store(sys.argv[1], create=True)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_another_process_is_told_who_owns_it(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, f"duckdb:{path}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        with pytest.raises(StoreBusyError, match=str(owner.pid)) as caught:
            open_store(f"duckdb:{path}", create=True)
        assert "wait" in caught.value.hint
        owner.communicate()
    open_store(f"duckdb:{path}").close()


def test_a_second_store_in_this_process_is_busy_too(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    with DuckDBStore(path, create=True):
        link.symlink_to(path)
        for same in (path, link):
            with pytest.raises(StoreBusyError, match="already open"):
                DuckDBStore(same, create=False)
    DuckDBStore(path, create=False).close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = DuckDBStore(path, create=True)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query(Query(kid=KID, profile=PROFILE))
    with pytest.raises(StoreError, match="closed"):
        store.ingest([header(COLUMNS), event({}, 0)])


def test_an_answer_half_read_does_not_hold_the_file(path: Path) -> None:
    store = DuckDBStore(path, create=True)
    store.ingest([header(COLUMNS), *events([{"user": "a"}] * 5000)])
    half = store.scan(Selection(kid=KID, profile=PROFILE))
    next(half)
    store.close()
    with duckdb.connect(str(path), config={"threads": 1}):
        pass
    with pytest.raises(StoreError, match="closed"):
        list(half)


def test_a_question_to_no_store_is_an_error(path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        DuckDBStore(path, create=False)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"hello\n", b"x" * 100_000])
def test_what_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match="no store"):
        DuckDBStore(path, create=True)
    assert path.read_bytes() == content


def test_another_database_is_refused(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE meta (a INTEGER)")
    with pytest.raises(StoreError, match="no store of zt-analytics"):
        DuckDBStore(path, create=True)


def test_another_version_is_refused(path: Path) -> None:
    DuckDBStore(path, create=True).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET version = 99")
    with pytest.raises(StoreError, match="version 99"):
        DuckDBStore(path, create=False)


def test_a_folder_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    for bad in (tmp_path, tmp_path / "nowhere" / "store.db"):
        with pytest.raises(StoreError) as caught:
            DuckDBStore(bad, create=True)
        assert caught.value.hint


def test_files_are_the_owner_s_only(path: Path) -> None:
    with DuckDBStore(path, create=True) as store:
        store.ingest([header(COLUMNS), *events([{"user": "a"}])])
        files = list(path.parent.iterdir())
        assert len(files) == 3  # with the write-ahead log and the folder for what is spilled
        for file in files:
            expected = 0o700 if file.is_dir() else 0o600
            assert stat.S_IMODE(file.stat().st_mode) == expected, file


def test_nothing_in_the_database_reaches_files_or_extensions(path: Path) -> None:
    with DuckDBStore(path, create=True) as store:
        cursor = store._database.cursor()
        for sql in (
            "SELECT * FROM read_text('/etc/hostname')",
            "COPY (SELECT 1) TO '/tmp/x'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "ATTACH '/tmp/x.db'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(sql)


def test_readers_in_other_threads_see_whole_transactions(path: Path) -> None:
    with DuckDBStore(path, create=True) as store:
        store.ingest([header(COLUMNS)])
        seen: list[int | float | None] = []
        stop = threading.Event()

        def read() -> None:
            query = Query(kid=KID, profile=PROFILE, metrics=(Metric(kind="events"),))
            while not stop.is_set():
                seen.append(store.query(query)[0].metrics[0])

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for batch in range(20):
            store.ingest(event({"user": "a"}, (batch, i)) for i in range(10))
        stop.set()
        for reader in readers:
            reader.join()
        assert seen
        assert all(count is not None and count % 10 == 0 for count in seen)


def test_sorted_runs_find_what_the_tail_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.store.duckdb.runs.TAIL", 8)
    with DuckDBStore(path, create=True) as store:
        lines = [header(COLUMNS), *events([{"user": f"u{i % 30}"} for i in range(100)])]
        for start in range(1, 101, 7):
            store.ingest([lines[0], *lines[start : start + 7]])
        assert store.ingest(lines).known_events == 100
        with store._database.reading() as connection:
            ((runs,),) = connection.execute(
                "SELECT count(*) FROM runs WHERE family = 'event_keys'"
            ).fetchall()
            ((rows,),) = connection.execute("SELECT count(*) FROM event_keys").fetchall()
        assert (1 <= runs <= 5, rows) == (True, 100)
        query = Query(kid=KID, profile=PROFILE, group_by=("user",))
        assert sum(row.metrics[0] or 0 for row in store.query(query)) == 100
        with store._database.writing() as connection:
            for family in (EVENT_KEYS, POSTINGS):
                compact(connection, family)
        assert store.ingest(lines).known_events == 100


def test_memory_is_limited_and_the_rest_is_spilled(path: Path) -> None:
    """In a folder of the owner's only, which is gone once the store is closed."""
    folder = spill_folder(path)
    rows = "SELECT repeat('x', 100) || i AS text FROM range(2000000) r(i)"  # 200 MB
    with (
        DuckDBStore(path, create=True, memory=96 * 2**20) as store,
        store._database.reading() as connection,
    ):
        connection.execute(f"{rows} ORDER BY text").fetchone()
        assert list(folder.iterdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_the_memory_is_a_share_of_the_machine_s() -> None:
    assert limits.MIN_MEMORY <= limits.memory_limit() <= limits.MAX_MEMORY


def test_what_a_killed_process_left_is_removed(path: Path) -> None:
    DuckDBStore(path, create=True).close()
    folder, copy = spill_folder(path), path.with_name("store.db.compact")
    folder.mkdir()
    (folder / "duckdb_temp_storage-0.tmp").write_bytes(b"x")
    copy.write_bytes(b"x")
    with DuckDBStore(path, create=False):
        assert list(folder.iterdir()) == []
        assert not copy.exists()
    assert list(path.parent.iterdir()) == [path]


def test_a_link_in_place_of_the_folder_is_refused(path: Path, tmp_path: Path) -> None:
    """Else what is spilled would lie, and what lies there be removed, where it points to."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_bytes(b"x")
    spill_folder(path).symlink_to(victim)
    with pytest.raises(StoreError, match="in the way"):
        DuckDBStore(path, create=True)
    assert (victim / "file").exists()


def grouped(store: DuckDBStore) -> int:
    query = Query(kid=KID, profile=PROFILE, group_by=("user",), metrics=(Metric(kind="events"),))
    return sum(1 for _ in store.groups(query))


def test_compaction_waits_for_no_answer_and_keeps_the_file_s_rights(path: Path) -> None:
    with DuckDBStore(path, create=True) as store:
        store.ingest([header(COLUMNS), *events([{"user": "a"}] * 5000)])
        path.chmod(0o640)
        half = store.scan(Selection(kid=KID, profile=PROFILE))
        next(half)
        with pytest.raises(StoreBusyError, match="being read"):
            store.compact()
        del half
        store.compact()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert grouped(store) == 1
        with pytest.raises(StoreBusyError, match="already open"):
            DuckDBStore(path, create=False)


def test_compaction_needs_room_and_a_file_of_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(NamedTuple):
        free: int

    with DuckDBStore(path, create=True) as store:
        store.ingest([header(COLUMNS), *events([{"user": "a"}])])
        with monkeypatch.context() as patch:
            patch.setattr("shutil.disk_usage", lambda _: Full(100))
            with pytest.raises(StoreError, match="no room for a copy"):
                store.compact()
        assert grouped(store) == 1
    assert list(path.parent.iterdir()) == [path]
