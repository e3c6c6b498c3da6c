"""The registered epochs: how many events each has, and the times of its first and last one.

Invariants:
- Rows are appended at growing positions, so what was counted up to a position stays true: an
  answer costs with what came since the one before, whatever is stored.
- What was counted before a transaction that removes events is never used while that runs or
  later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import duckdb

from analytics.store.base import EpochInfo
from analytics.store.duckdb.database import Database


class _Figure(NamedTuple):
    """Events, and the times of the first and last that have one, in microseconds."""

    events: int
    first: int | None
    last: int | None

    def joined(self, other: _Figure) -> _Figure:
        """Of the events of both."""
        firsts = [time for time in (self.first, other.first) if time is not None]
        lasts = [time for time in (self.last, other.last) if time is not None]
        return _Figure(
            self.events + other.events, min(firsts, default=None), max(lasts, default=None)
        )


_NOTHING = _Figure(0, None, None)


class _Counted(NamedTuple):
    version: int
    position: int
    parts: dict[int, _Figure]


class Figures:
    """The figures of an open store; any thread may ask."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = 0
        """Odd while events are being removed, and another number afterwards."""
        self._counted = _Counted(0, 0, {})

    @contextmanager
    def removing(self) -> Iterator[None]:
        """A transaction of the writer that removes events, its commit included."""
        self._version += 1
        try:
            yield
        finally:
            self._version += 1

    def epochs(self) -> list[EpochInfo]:
        """Every registered epoch with its figures, of one snapshot, oldest registration first."""
        while True:
            version, counted = self._version, self._counted
            if counted.version != version or version % 2:
                counted = _Counted(version, 0, {})
            with self._database.reading() as connection:
                found = _count(connection, counted)
                answer = _by_epoch(connection, found.parts)
            settled = self._version == version
            if settled and version % 2 == 0:
                self._counted = found
            if settled or not counted.position:  # else events may have gone that were counted
                return answer


def _count(connection: duckdb.DuckDBPyConnection, counted: _Counted) -> _Counted:
    """What was counted, and what came since."""
    rows = connection.execute(
        "SELECT part, count(*), min(t), max(t), max(seq) FROM events WHERE seq > ? GROUP BY part",
        [counted.position],
    ).fetchall()
    parts = dict(counted.parts)
    for part, *figures, _ in rows:
        parts[part] = parts.get(part, _NOTHING).joined(_Figure(*figures))
    return _Counted(counted.version, max([counted.position, *(row[-1] for row in rows)]), parts)


def _by_epoch(
    connection: duckdb.DuckDBPyConnection, by_part: dict[int, _Figure]
) -> list[EpochInfo]:
    by_kid: dict[str, _Figure] = {}
    for part, kid in connection.execute("SELECT part, kid FROM parts").fetchall():
        figure = by_part.get(part, _NOTHING)
        by_kid[kid] = by_kid.get(kid, _NOTHING).joined(figure)
    registered = connection.execute("SELECT kid, kcv, generation FROM epochs ORDER BY n").fetchall()
    return [
        EpochInfo(kid, kcv, generation, *by_kid.get(kid, _NOTHING))
        for kid, kcv, generation in registered
    ]
