"""Events that are too old, and what nothing uses once they are gone.

Invariants:
- Events go in steps, each a transaction of its own that takes their elements and their keys too:
  between two steps, and after a crash, the store answers rightly for the events that are left.
- Positions are not used again: `meta.position` keeps the greatest in the transaction that removes
  its event, so no new event comes to lie before a watermark.
- `meta.sweep` is set with the first event that goes and cleared with the last text that nothing
  uses, so an expiry that was cut off is finished by the next one.
- A value record goes when its ciphertext stands in no event of its epoch. Those of keyspaces with
  a column that the store does not keep (`MAX_COLUMNS`) stay: their events can't be asked.
- The epochs by which edges tell an old ring (the greatest generation) and by which new batches
  come (the last registered) stay, without events too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
import numpy as np

from analytics.store.duckdb import jobstate
from analytics.store.duckdb.epochs import drop_unused_texts, forget_epoch, remove_events
from analytics.store.duckdb.reading import Numbers
from analytics.store.duckdb.registry import StoredRegistry
from analytics.store.duckdb.runs import EVENT_KEYS, POSTINGS, RECORD_KEYS, keep_only, remove_keys
from analytics.store.duckdb.state import State
from analytics.store.duckdb.texts import Registered, number
from analytics.store.reports import ExpireReport

STEP: Final = 100_000
"""Events that go in one transaction: some seconds' work, some 100 MB of log."""

_OLD_FINDINGS: Final = "until <= ? AND sequence < (SELECT max(sequence) FROM findings)"


class Expiry:
    """One run; the caller holds the store's writer lock for all of it.

    Args:
        state: the store's.
        before: events of an earlier time go, microseconds.
    """

    def __init__(self, state: State, before: int) -> None:
        self._state = state
        self._before = before
        self._watermarks: dict[int, int] = {}
        """By part, of the job that has looked at the least."""
        self.report = ExpireReport()

    def count(self) -> None:
        """Note what would go for its age, and remove nothing."""
        report = self.report
        with self._state.database.reading() as connection:
            self._read_watermarks(connection)
            rows = connection.execute(
                "SELECT part, count(*) FROM events WHERE t < ? GROUP BY part", [self._before]
            ).fetchall()
            report.events = sum(count for _, count in rows)
            report.unseen = sum(
                number(
                    connection,
                    "SELECT count(*) FROM events WHERE t < ? AND part = ? AND seq > ?",
                    [self._before, part, self._watermarks[part]],
                )
                for part, _ in rows
                if part in self._watermarks
            )
            self._count_timeless(connection)
            report.findings = number(
                connection, f"SELECT count(*) FROM findings WHERE {_OLD_FINDINGS}", [self._before]
            )

    def run(self) -> None:
        """Remove what is too old."""
        database = self._state.database
        with database.reading() as connection:
            self._read_watermarks(connection)
            self._count_timeless(connection)
        last = 0
        while (reached := self._step(last)) is not None:
            last = reached
        with database.writing() as connection:
            gone = connection.execute(
                f"DELETE FROM findings WHERE {_OLD_FINDINGS} RETURNING id", [self._before]
            ).fetchall()
            self.report.findings = len(gone)
        with database.reading() as connection:
            sweep = bool(number(connection, "SELECT sweep FROM meta"))
        if sweep:
            self._sweep()

    def _read_watermarks(self, connection: duckdb.DuckDBPyConnection) -> None:
        for job in jobstate.read_jobs(connection):
            for part in job.parts:
                stored = self._state.registry.part(part.kid, part.profile)
                if stored is not None:
                    reached = jobstate.watermark(connection, job, part)
                    known = self._watermarks.get(stored.number, reached)
                    self._watermarks[stored.number] = min(known, reached)

    def _count_timeless(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.report.timeless = number(connection, "SELECT count(*) - count(t) FROM events")

    def _step(self, after: int) -> int | None:
        """Remove the next events; the position of the last of them, None if there were none."""
        state = self._state
        with state.figures.removing(), state.database.writing() as connection:
            found = connection.execute(
                f"SELECT seq, part, h, l FROM events WHERE t < ? AND seq > ? "
                f"ORDER BY seq LIMIT {STEP}",
                [self._before, after],
            ).fetchnumpy()
            seqs: Numbers = np.asarray(found["seq"], dtype=np.int64)
            if not len(seqs):
                return None
            remove_events(connection, seqs)
            with Registered(connection, "gone", {"h": found["h"], "l": found["l"]}):
                remove_keys(connection, EVENT_KEYS, "gone")
            last = int(seqs[-1])
            connection.execute(
                "UPDATE meta SET position = greatest(position, ?), sweep = true", [last]
            )
        self.report.events += len(seqs)
        for part, reached in self._watermarks.items():
            self.report.unseen += int(((found["part"] == part) & (seqs > reached)).sum())
        return last

    def _sweep(self) -> None:
        """Remove the epochs, value records and texts that nothing uses any more."""
        with self._state.database.reading() as connection:
            before = number(connection, "SELECT count(*) FROM records")
        for kid in self._unused_epochs():
            with self._removing() as (connection, registry):
                forget_epoch(connection, registry, kid)
            self.report.epochs.append(kid)
        with self._removing() as (connection, registry):
            _drop_unused_records(connection, registry)
            after = number(connection, "SELECT count(*) FROM records")
        self.report.values = before - after
        with self._removing() as (connection, registry):
            drop_unused_texts(connection, registry)
            connection.execute("UPDATE meta SET sweep = false")

    @contextmanager
    def _removing(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, StoredRegistry]]:
        """A transaction after which nothing is remembered of what may be gone."""
        registry = self._state.registry.copy()
        try:
            with self._state.database.writing() as connection:
                yield connection, registry
        finally:
            self._state.reload()

    def _unused_epochs(self) -> list[str]:
        with self._state.database.reading() as connection:
            used = connection.execute(
                "SELECT DISTINCT kid FROM events JOIN parts USING (part)"
            ).fetchall()
        return self._state.registry.unused_epochs(kid for (kid,) in used)


def _drop_unused_records(connection: duckdb.DuckDBPyConnection, registry: StoredRegistry) -> None:
    whole = registry.keyspaces_not_kept()
    for kid in registry.epochs:
        lists = [n for key, n in registry.lists.items() if key[:2] not in whole and key.kid == kid]
        if not lists:
            continue
        parts = [part for part in registry.parts.values() if part.kid == kid]
        within = f"part IN ({', '.join(str(int(part.number)) for part in parts)})"
        numbers = sorted({column.number for part in parts for column in part.columns})
        sources = [f"SELECT c{n} AS id FROM events WHERE {within}" for n in numbers]
        sources.append(f"SELECT c FROM elements SEMI JOIN (FROM events WHERE {within}) USING (seq)")
        # Column by column, so that the set is all that is held of them at once.
        connection.execute("CREATE TEMP TABLE used (id UINTEGER)")
        for source in sources:
            connection.execute(f"INSERT INTO used SELECT DISTINCT * FROM ({source})")
        connection.execute(
            f"DELETE FROM records WHERE list IN ({', '.join('?' * len(lists))}) "
            "AND text NOT IN (SELECT id FROM used WHERE id IS NOT NULL)",
            lists,
        )
        connection.execute("DROP TABLE used")
    keep_only(connection, RECORD_KEYS, "ref IN (SELECT id FROM records)")
    keep_only(connection, POSTINGS, "record IN (SELECT id FROM records)")
