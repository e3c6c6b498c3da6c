"""Wire lines into the tables, in transactions that a crash leaves whole or undone.

Invariants:
- Everything of a transaction is there or nothing; lines resolve by (kid, profile), so a large
  batch may take several, and running the same stream again finishes what a crash cut off.
- An event id and a value record's key are stored once, whatever comes again, in the same
  transaction too.
- A header is checked when it comes: a conflict stops the ingest with all before it stored and
  nothing of its own batch.
- Memory is bounded by `FLUSH_EVENTS` and `FLUSH_BYTES`, whatever the size of a batch.
- Cost grows with what is new: ids and texts are found by key in sorted runs, and each
  transaction only appends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

import duckdb

from analytics.store.base import IngestReport, ReplaceReport
from analytics.store.duckdb.columns import DoubledPathError
from analytics.store.duckdb.epochs import Written, replace_events
from analytics.store.duckdb.pending import Pending
from analytics.store.duckdb.registry import Registry
from analytics.store.duckdb.runs import FAMILIES, compact, has_full_tail
from analytics.store.duckdb.state import State
from analytics.store.duckdb.texts import parts_key
from analytics.store.duckdb.writing import write_events, write_records
from analytics.wire import (
    BadLine,
    BatchHeader,
    EventLine,
    HeaderLine,
    StoreError,
    ValueLine,
    VersionError,
    read_stream,
)

FLUSH_EVENTS: Final = 20_000
FLUSH_BYTES: Final = 64 * 1024 * 1024
FLUSH_SECONDS: Final = 0.25
"""A batch that ends later than this after the last transaction is stored at once; a stream of
many small batches shares transactions."""

MAX_REJECTS: Final = 100
MAX_REJECT_BYTES: Final = 64 * 1024

Reject = Callable[[BadLine], None]


class Ingest:
    """One run over a wire stream.

    Args:
        state: the store's; the caller holds its writer lock for the whole run.
        reject: called with every refused line.
    """

    def __init__(self, state: State, reject: Reject | None) -> None:
        self._state = state
        self._reject = reject
        self.report = IngestReport()
        self._registry: Registry = state.registry
        self._headers: list[tuple[bytes, BatchHeader]] = []
        self._pending = Pending()
        self._flushed = time.monotonic()

    def run(self, lines: Iterable[bytes]) -> None:
        """Store the stream; `report` says what that did.

        Raises:
            EpochConflictError, StoreError, VersionError: with everything before stored.
        """
        try:
            for line in read_stream(self._until_idle(lines)):
                match line:
                    case EventLine():
                        self._event(line)
                    case ValueLine():
                        self._value(line)
                    case HeaderLine():
                        self._header(line)
                    case BadLine():
                        self._refuse(line)
                if self._pending.events >= FLUSH_EVENTS or self._pending.bytes >= FLUSH_BYTES:
                    self._flush()
        except VersionError:
            self._flush()
            raise
        self._flush()

    def _until_idle(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines, each taken in before the next is asked for; what came is stored when the
        stream is idle."""
        for line in lines:
            if line:
                yield line
            else:
                self._flush()

    def _header(self, line: HeaderLine) -> None:
        try:
            self._registry.check(line.header)
        except StoreError:
            self._flush()
            raise
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()
        self.report.batches += 1
        if self._registry.knows(line.raw, line.header):
            return
        if self._registry is self._state.registry:
            self._registry = self._registry.copy()
        self._registry.add(None, line.raw, line.header)
        self._headers.append((line.raw, line.header))
        self._pending.reshape()

    def _event(self, line: EventLine) -> None:
        part = self._registry.part(line.meta.kid, line.meta.profile)
        if part is None:
            self._refuse(_without_header(line, line.meta.kid))
            return
        try:
            if not self._pending.add_event(part, line):
                self.report.known_events += 1
        except DoubledPathError:
            reason = "a path stands twice in the event, nested and dotted"
            self._refuse(BadLine(line.number, line.raw, reason))

    def _value(self, line: ValueLine) -> None:
        record = line.record
        if record.kid not in self._registry.epochs:
            self._refuse(_without_header(line, record.kid))
            return
        key = parts_key(record.kid, record.keyspace, record.scheme, record.search or "", record.ct)
        if key in self._state.known_records or not self._pending.add_record(key, line):
            self.report.known_values += 1

    def _refuse(self, line: BadLine) -> None:
        self.report.rejected += 1
        if self._reject is not None:
            self._reject(line)
        if len(self.report.rejects) < MAX_REJECTS:
            self.report.rejects.append(replace(line, raw=line.raw[:MAX_REJECT_BYTES]))

    def _flush(self) -> None:
        """Store what is pending in one transaction."""
        pending, self._pending = self._pending, Pending()
        headers, self._headers = self._headers, []
        if not headers and not pending.events and not pending.records:
            self._flushed = time.monotonic()
            return
        state = self._state
        state.trim()
        try:
            with self._changing(), state.database.writing() as connection:
                registry = state.registry.copy()
                for raw, header in headers:
                    registry.add(connection, raw, header)
                records = write_records(connection, state, registry, pending)
                written = self._write_events(connection, registry, pending)
        except BaseException:
            state.reload()
            raise
        state.committed(registry, written.events, records, pending.records)
        self._registry = registry
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
        self._flushed = time.monotonic()

    def _changing(self) -> AbstractContextManager[None]:
        """What is entered around a transaction."""
        return nullcontext()

    def _write_events(
        self, connection: duckdb.DuckDBPyConnection, registry: Registry, pending: Pending
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
        self, connection: duckdb.DuckDBPyConnection, registry: Registry, pending: Pending
    ) -> Written:
        return replace_events(connection, self._state, registry, pending, self._kid)

    def _count(self, written: Written) -> None:
        super()._count(written)
        self.report.unknown_events += written.unknown
        self.report.other_events += written.others


def _without_header(line: EventLine | ValueLine, kid: str) -> BadLine:
    return BadLine(line.number, line.raw, f"no header of key {kid} and its profile came before it")
