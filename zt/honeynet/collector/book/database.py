"""The file of the book: one connection that writes, and some that read.

- What `write` returned from is on the disk: SQLite's write-ahead log is synced at each commit
  (`synchronous=FULL`), and after a crash of the process or the machine the file is whole.
- Writers of several threads are committed together: while one waits for the disk, the others gather
  behind it. One that fails takes no other with it: works may be run a second time, apart.
- Readers see what was committed before they began, and wait for nobody.
- Other processes may write beside; SQLite lets one after the other do so. Only one may serve.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from zt.honeynet.collector.book.errors import BookError
from zt.honeynet.collector.book.schema import prepare

PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes."""

_TOGETHER: Final = 64
"""Works in one transaction."""

_CACHE: Final = 64 * 1024
"""KiB of the file that the writer keeps at hand: new addresses go to random places of an index."""

_LOG: Final = 64 * 1024 * 1024
"""Bytes that the write-ahead log keeps for itself once it was as large."""

_T = TypeVar("_T")


class _Work:
    """Something to be written, and what came of it."""

    def __init__(self, run: Callable[[sqlite3.Connection], Any]) -> None:
        self.run = run
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None


class Database:
    """The open file.

    Args:
        path: of the file, which is made for its owner only if there is none.
        serving: whether this process serves it, which only one may.

    Raises:
        BookError: it can't be opened, is something else, or another process serves it.
    """

    def __init__(self, path: Path, *, serving: bool) -> None:
        self._path = path
        self._lock: int | None = None
        self._idle: list[sqlite3.Connection] = []  # connections for reading that nobody uses
        self._waiting: deque[_Work] = deque()
        self._list_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._is_closed = False
        with self._errors():
            if serving:
                self._lock = self._take_lock()
            try:
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                self._writer = self._connect()
                self._writer.execute(f"PRAGMA cache_size = -{_CACHE}")
                prepare(self._writer, str(path))
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file; nothing can be read or written any more."""
        with self._write_lock, self._list_lock:
            self._is_closed = True
            for connection in (*self._idle, getattr(self, "_writer", None)):
                if connection is not None:
                    connection.close()
            self._idle.clear()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, which sees one state of the file.

        Raises:
            BookError: the file can't be read.
        """
        with self._errors():
            connection = self._borrow()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection)

    def write(self, run: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run something in a transaction; it is on the disk when this returns.

        Args:
            run: may be run twice, the first time for nothing.

        Raises:
            BookError: the file can't be written; nothing of it was.
        """
        work = _Work(run)
        with self._list_lock:
            if self._is_closed:
                raise BookError("the book was closed", "open it again")
            self._waiting.append(work)
        while not work.is_done:
            with self._write_lock:
                if not work.is_done:
                    self._write_together()
        if work.error is not None:
            with self._errors():
                raise work.error
        return work.result  # type: ignore[no-any-return]

    def _write_together(self) -> None:
        """Commit what waits; one by one if any of it fails.

        Savepoints would do that too, but they cost each statement the more, the more was changed.
        """
        with self._list_lock:
            works = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
        try:
            if not self._try(works) and len(works) > 1:
                for work in works:
                    self._try([work])
        finally:
            for work in works:
                work.is_done = True

    def _try(self, works: list[_Work]) -> bool:
        """Run works in one transaction; whether it is on the disk."""
        for work in works:
            work.error = None
        try:
            if self._is_closed:
                raise BookError("the book was closed", "open it again")
            self._writer.execute("BEGIN IMMEDIATE")
            for work in works:
                work.result = work.run(self._writer)
            self._writer.execute("COMMIT")
        except BaseException as error:
            for work in works:
                work.error = error
            with contextlib.suppress(sqlite3.Error):
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            if not isinstance(error, Exception):
                raise
            return False
        return True

    def _borrow(self) -> sqlite3.Connection:
        with self._list_lock:
            if self._is_closed:
                raise BookError("the book was closed", "open it again")
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            connection.close()
            raise
        with self._list_lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(os.fspath(self._path))}?mode=rw",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "foreign_keys = ON",
                "trusted_schema = OFF",
                "temp_store = MEMORY",
                f"journal_size_limit = {_LOG}",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_lock(self) -> int:
        """Be the one that serves."""
        # beside the file: closing any handle of the file itself would drop SQLite's own locks
        name = f"{self._path}.lock"
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise BookError(
                f"another process serves {self._path}", "stop it, or give another file"
            ) from None
        return lock

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in our words what the system and SQLite say."""
        try:
            yield
        except OSError as error:
            raise BookError(
                f"can't use {self._path}: {(error.strerror or str(error)).lower()}",
                "give a file in a folder that can be written to",
            ) from None
        except sqlite3.OperationalError as error:
            raise BookError(
                f"can't use {self._path}: {error}",
                "see that the disk has room and that no other process holds the file; "
                "what was acknowledged is safe",
            ) from None
        except sqlite3.DatabaseError as error:
            raise BookError(
                f"{self._path} is damaged, or no book of the honeynet: {error}",
                "restore it from a copy, or give another file",
            ) from None
