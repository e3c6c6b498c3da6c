"""A store's file written anew, so that the space of removed rows returns to the disk.

DuckDB gives back only free blocks at the end of a file. So the tables are copied, in their order,
into a new file beside it, which then takes the name.

Invariants:
- The file is locked against other processes from before the first row is copied until after the
  new one has the name: nothing can be written in between and be lost.
- The file under the store's name is whole at every moment, and there is no log of writes (WAL)
  beside it when another takes its name: DuckDB would replay it there.
- The new file has the name only after it was synced and its tables were counted.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from analytics.store.duckdb.limits import spill_folder
from analytics.store.duckdb.schema import SETTINGS
from analytics.wire import StoreError


def rewrite_file(path: Path, memory: int) -> None:
    """Write the store's file anew if that makes it smaller.

    Args:
        path: the file; closed, and no link.
        memory: bytes that DuckDB may take.

    Raises:
        duckdb.Error, OSError: as before, the store is whole.
        StoreError: there is no room for a copy, or the copy is not like the original.
    """
    _check_room(path)
    new = _copy_name(path)
    remove_leftovers(path)
    settings = {
        **SETTINGS,
        "enable_external_access": True,  # the two files; no question is asked here
        "memory_limit": f"{memory}B",
        "temp_directory": str(spill_folder(path)),
    }
    with duckdb.connect(config=settings) as connection:
        connection.execute(f"ATTACH {_quoted(path)} AS old (READ_ONLY)")
        if _log_of(path).exists():
            raise StoreError(f"{path} was written meanwhile", "try again")
        try:
            connection.execute(f"ATTACH {_quoted(new)} AS new")
            connection.execute("COPY FROM DATABASE old TO new")
            _check_counts(connection)
            connection.execute("CHECKPOINT new")
            connection.execute("DETACH new")
            if new.stat().st_size < path.stat().st_size:
                _take_name(new, path)
        finally:
            remove_leftovers(path)


def remove_leftovers(path: Path) -> None:
    """Remove what a compaction left that was killed; the caller owns the store."""
    new = _copy_name(path)
    new.unlink(missing_ok=True)
    _log_of(new).unlink(missing_ok=True)


def stored_bytes(path: Path) -> int:
    """What the store takes on its disk: the file and its log of writes."""
    files = (path, _log_of(path))
    return sum(file.stat().st_size for file in files if file.exists())


def _check_room(path: Path) -> None:
    size, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < size:
        raise StoreError(
            f"there is no room for a copy of {path}: it has {size} bytes, "
            f"and {free} are free on its disk",
            "make room, or move the store to a larger disk",
        )


def _check_counts(connection: duckdb.DuckDBPyConnection) -> None:
    tables: list[tuple[str]] = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'old'"
    ).fetchall()
    for (name,) in tables:
        counts = {
            connection.execute(f"SELECT count(*) FROM {database}.{name}").fetchall()[0]
            for database in ("old", "new")
        }
        if len(counts) > 1:
            raise StoreError(f"the copy of the table {name} is not whole", "the store is unchanged")


def _take_name(new: Path, path: Path) -> None:
    # No descriptor of `path` may be opened here: closing it would give up DuckDB's lock.
    before = path.stat()
    new.chmod(before.st_mode & 0o777)
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(new, before.st_uid, before.st_gid)
    _sync(new)
    new.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.compact")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
