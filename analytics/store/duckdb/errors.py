"""DuckDB's and the system's errors as ours, with what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from analytics.wire import StoreBusyError, StoreError

_PID: Final = re.compile(r"PID (\d+)")


@contextmanager
def errors_for_people(path: Path) -> Iterator[None]:
    """DuckDB's and the system's errors as `StoreError`."""
    try:
        yield
    except duckdb.Error as error:
        raise _explained(path, error) from error
    except OSError as error:
        raise StoreError(
            f"can't use {path}: {error.strerror or error}",
            "check the path, its permissions and the free space of its disk",
        ) from error


def _explained(path: Path, error: duckdb.Error) -> StoreError:
    message = str(error)
    if "lock on file" in message:
        found = _PID.search(message)
        owner = f"process {found[1]}" if found else "another process"
        return StoreBusyError(
            f"{owner} has the store {path} open, and one process owns it at a time",
            f"wait until it is done, or stop {owner}",
        )
    if "not a valid DuckDB database" in message or "Is a directory" in message:
        return StoreError(
            f"{path} is no store: it is not a DuckDB database",
            "give the path of a store, or of a file that is not there yet",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(
            f"the store {path} has not the memory, or the disk beside it, for that",
            "ask for less at once (a shorter time, fewer groups), or make room on the disk",
        )
    first = message.partition("\n")[0]
    # A commit that finds the disk full fails as one of a transaction.
    if isinstance(error, duckdb.IOException) or "Could not write file" in message:
        return StoreError(
            f"can't use the store {path}: {first}",
            "check the path, its permissions and the free space of its disk",
        )
    return StoreError(f"the store {path} failed: {first}", "this is a defect: please report it")
