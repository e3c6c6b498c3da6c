"""Wire lines into the tables, in transactions that a crash leaves whole or undone.

Invariants:
- Everything of a transaction is there or nothing; running the same stream again finishes what a
  crash cut off.
- An event id and a value record's key are stored once, whatever comes again, in the same
  transaction too.
- Cost grows with what is new: ids and texts are found by key in sorted runs, and each
  transaction only appends.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import duckdb

from analytics.store.duckdb.epochs import Written, replace_events
from analytics.store.duckdb.registry import StoredRegistry
from analytics.store.duckdb.runs import FAMILIES, compact, has_full_tail
from analytics.store.duckdb.state import State
from analytics.store.duckdb.writing import write_events, write_records
from analytics.store.intake.pending import Pending
from analytics.store.intake.run import Intake, Reject
from analytics.store.reports import ReplaceReport
from analytics.wire import BatchHeader


class Ingest(Intake):
    """One run over a wire stream.

    Args:
        state: the store's; the caller holds its writer lock for the whole run.
        reject: called with every refused line.
    """

    def __init__(self, state: State, reject: Reject | None) -> None:
        super().__init__(state.registry, reject)
        self._state = state

    def _has_record(self, key: bytes) -> bool:
        return key in self._state.known_records

    def _store(self, headers: list[tuple[bytes, BatchHeader]], pending: Pending) -> StoredRegistry:
        state = self._state
        state.trim()
        try:
            with self._changing(), state.database.writing() as connection:
                registry = state.registry.copy()
                for raw, header in headers:
                    registry.store(connection, raw, header)
                records = write_records(connection, state, registry, pending)
                written = self._write_events(connection, registry, pending)
        except BaseException:
            state.reload()
            raise
        state.committed(registry, written.events, records, pending.records)
        self._count(written)
        self.report.values += records
        self.report.known_values += len(pending.records) - records
        for family in FAMILIES:
            with state.database.reading() as connection:
                full = has_full_tail(connection, family)
            if full:
                # Its own transaction: a crash between the two leaves a long tail, no more.
                with state.database.writing() as connection:
                    compact(connection, family)
        return registry

    def _changing(self) -> AbstractContextManager[None]:
        """What is entered around a transaction."""
        return nullcontext()

    def _write_events(
        self, connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, pending: Pending
    ) -> Written:
        """Store the events that are new, within the transaction."""
        events = write_events(connection, self._state, registry, pending)
        return Written(events, pending.events - events)

    def _count(self, written: Written) -> None:
        self.report.events += written.events
        self.report.known_events += written.known


class Replacement(Ingest):
    """One run over a wire stream whose events take the place of those of epoch `kid`."""

    def __init__(self, state: State, reject: Reject | None, kid: str) -> None:
        super().__init__(state, reject)
        self.report: ReplaceReport = ReplaceReport()
        self._kid = kid

    def _changing(self) -> AbstractContextManager[None]:
        return self._state.figures.removing()

    def _write_events(
        self, connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, pending: Pending
    ) -> Written:
        return replace_events(connection, self._state, registry, pending, self._kid)

    def _count(self, written: Written) -> None:
        super()._count(written)
        self.report.unknown_events += written.unknown
        self.report.other_events += written.others
