"""The open file: one owner, a cursor for each task, one writer at a time, errors for people.

Invariants:
- A path is open once: in another process DuckDB's lock refuses it, in this one a table of ours
  does (DuckDB would share the instance, and two writers' counters would run apart).
- Readers take a cursor of their own and see one snapshot, that of their first statement, until
  they are done; writers hold the lock.
- DuckDB takes no more memory than it was given; what does not fit goes to a folder beside the
  file, which is its owner's only and there only while the store is open.
- No error of DuckDB reaches the caller: they become `StoreError` with what to do next.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from analytics.store.duckdb.compaction import remove_leftovers, rewrite_file, stored_bytes
from analytics.store.duckdb.errors import errors_for_people
from analytics.store.duckdb.limits import memory_limit, prepare_spill, remove_spill, spill_folder
from analytics.store.duckdb.schema import SCHEMA_NAME, SCHEMA_VERSION, SETTINGS, create_file
from analytics.wire import StoreBusyError, StoreError

_open_paths: Final[set[Path]] = set()
_open_lock: Final = threading.Lock()


class _Mask:
    lock = threading.Lock()
    users = 0
    before = 0o022


_mask: Final = _Mask()


class Database:
    """A store's file while this process owns it.

    Args:
        path: the file.
        create: make an empty store if there is no file.
        memory: bytes that DuckDB may take; `limits.memory_limit` if None.

    Raises:
        StoreError: no file, no store of ours, another version, or the disk refuses.
        StoreBusyError: it is open already, here or in another process.
    """

    def __init__(self, path: Path, *, create: bool, memory: int | None = None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._gate = threading.Lock()
        """Held to take a cursor, and while there may be none."""
        self._memory = memory_limit() if memory is None else memory
        self._real = path.resolve()
        with _open_lock:
            if self._real in _open_paths:
                raise StoreBusyError(
                    f"the store {path} is already open in this process",
                    "close it first, or use the store object that is there",
                )
            self._connection = self._connect(create)
            _open_paths.add(self._real)
        self._closed = False
        self._cursors: set[duckdb.DuckDBPyConnection] = set()

    def _connect(self, create: bool) -> duckdb.DuckDBPyConnection:
        path = self.path
        with errors_for_people(path), private_files():
            if not path.exists():
                if not create:
                    raise StoreError(
                        f"there is no store at {path}",
                        "check the path; `zt-analytics ingest` makes a store",
                    )
                create_file(path)
            settings = {
                **SETTINGS,
                "memory_limit": f"{self._memory}B",
                "temp_directory": str(spill_folder(self._real)),
            }
            connection = duckdb.connect(str(path), config=settings)
            try:
                _check_schema(path, connection)
                remove_leftovers(self._real)
                prepare_spill(self._real)
                connection.execute("SET lock_configuration = true")
            except BaseException:
                connection.close()
                raise
        return connection

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own; the caller closes it.

        Raises:
            StoreError: the store is closed.
        """
        with self._gate:
            self._check_open()
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
            return cursor

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.path} is closed", "open it again")

    def _release(self, cursor: duckdb.DuckDBPyConnection) -> None:
        # Closing a cursor rolls back what it has not committed.
        self._cursors.discard(cursor)
        cursor.close()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one task, which sees the store as it is at its first statement.

        What is read in several statements belongs together even while events are replaced. A
        registry is to be taken before the first statement: an older one than the snapshot names
        columns that are there, a newer one may not.
        """
        with errors_for_people(self.path):
            cursor = self.cursor()
            try:
                cursor.execute("BEGIN")
                yield cursor
            except duckdb.ConnectionException:
                self._check_open()
                raise
            finally:
                self._release(cursor)

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction: committed at the end of the block, rolled back if it raises."""
        with self.lock, errors_for_people(self.path), private_files():
            cursor = self.cursor()
            try:
                cursor.execute("BEGIN")
                yield cursor
                cursor.execute("COMMIT")
            finally:
                self._release(cursor)

    def size(self) -> int:
        """Bytes on the disk."""
        with errors_for_people(self.path):
            return stored_bytes(self._real)

    def compact(self) -> tuple[int, int]:
        """Write the file anew, while nobody can use it; the bytes before and after.

        Raises:
            StoreError: the disk refuses, or has no room for a copy.
            StoreBusyError: an answer is being read; or another process took the store meanwhile,
                and this one is closed.
        """
        with self.lock, self._gate, errors_for_people(self.path), private_files():
            self._check_open()
            if self._cursors:
                raise StoreBusyError(
                    f"an answer is being read from the store {self.path}", "wait until it is done"
                )
            before = stored_bytes(self._real)
            self._connection.execute("CHECKPOINT")
            self._connection.close()
            try:
                rewrite_file(self._real, self._memory)
            finally:
                self._reopen()
            return before, stored_bytes(self._real)

    def _reopen(self) -> None:
        try:
            self._connection = self._connect(create=False)
        except BaseException:
            self._closed = True
            with _open_lock:
                _open_paths.discard(self._real)
            raise

    def close(self) -> None:
        """Release the file; a second call does nothing."""
        with self.lock, _open_lock:
            if self._closed:
                return
            self._closed = True
            _open_paths.discard(self._real)
            with errors_for_people(self.path), private_files():
                # An answer that was not read to its end would keep the file locked.
                for cursor in list(self._cursors):
                    self._release(cursor)
                # First, while the file is still this process's: another one makes its own.
                remove_spill(self._real)
                self._connection.close()


def _check_schema(path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    try:
        rows = connection.execute("SELECT name, version FROM meta").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        rows = []
    row = rows[0] if rows else (None, None)
    if row[0] != SCHEMA_NAME:
        raise StoreError(
            f"{path} is a DuckDB database, but no store of zt-analytics",
            "give the path of a store, or of a file that is not there yet",
        )
    if row[1] != SCHEMA_VERSION:
        raise StoreError(
            f"{path} is a store of version {row[1]}; this program reads version {SCHEMA_VERSION}",
            "use the release of zt-analytics that made it, or ingest the batches into a new store",
        )


@contextmanager
def private_files() -> Iterator[None]:
    """Files that DuckDB makes meanwhile, its write-ahead log among them, are the owner's only.

    The mask is the process's: of blocks that overlap the first sets and the last restores it.
    """
    with _mask.lock:
        if not _mask.users:
            _mask.before = os.umask(0o077)
        _mask.users += 1
    try:
        yield
    finally:
        with _mask.lock:
            _mask.users -= 1
            if not _mask.users:
                os.umask(_mask.before)


def file_mark(path: str | Path) -> Hashable | None:
    """What changes when a store's file, or the log of writes beside it, is written.

    Opening and closing it alone changes neither. None if there is no file.
    """
    path = Path(path)
    marks = [_status(path), _status(path.with_name(f"{path.name}.wal"))]
    return None if marks[0] is None else tuple(marks)


def _status(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
