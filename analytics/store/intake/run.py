"""The walk over a wire stream: what is new comes to be pending, and is flushed in time.

Invariants:
- A header is checked when it comes: a conflict stops the ingest with all before it stored and
  nothing of its own batch.
- Memory is bounded by `FLUSH_EVENTS` and `FLUSH_BYTES`, whatever the size of a batch.
- Lines resolve by (kid, profile), so a large batch may take several flushes.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from analytics.store.intake.columns import DoubledPathError
from analytics.store.intake.pending import Pending, record_key
from analytics.store.intake.registry import Registry
from analytics.store.reports import IngestReport
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
"""A batch that ends later than this after the last flush is stored at once; a stream of many
small batches shares flushes."""

MAX_REJECTS: Final = 100
MAX_REJECT_BYTES: Final = 64 * 1024

Reject = Callable[[BadLine], None]


class Intake(ABC):
    """One run over a wire stream.

    Args:
        registry: the store's, as it is committed; this never changes it.
        reject: called with every refused line.

    Attributes:
        report: what the run did.
    """

    def __init__(self, registry: Registry, reject: Reject | None) -> None:
        self.report = IngestReport()
        self._reject = reject
        self._registry = self._committed = registry
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
        if self._registry is self._committed:
            self._registry = self._registry.copy()
        self._registry.add(line.raw, line.header)
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
        key = record_key(record)
        if self._has_record(key) or not self._pending.add_record(key, line):
            self.report.known_values += 1

    def _has_record(self, key: bytes) -> bool:
        """Whether a value record is remembered to be stored; False if that is not known."""
        return False

    def _refuse(self, line: BadLine) -> None:
        self.report.rejected += 1
        if self._reject is not None:
            self._reject(line)
        if len(self.report.rejects) < MAX_REJECTS:
            self.report.rejects.append(replace(line, raw=line.raw[:MAX_REJECT_BYTES]))

    def _flush(self) -> None:
        """Store what is pending, and the new headers before it."""
        pending, self._pending = self._pending, Pending()
        headers, self._headers = self._headers, []
        if headers or pending.events or pending.records:
            self._registry = self._committed = self._store(headers, pending)
        self._flushed = time.monotonic()

    @abstractmethod
    def _store(self, headers: list[tuple[bytes, BatchHeader]], pending: Pending) -> Registry:
        """Store headers, value records and events, and count them; the registry after it."""


def _without_header(line: EventLine | ValueLine, kid: str) -> BadLine:
    return BadLine(line.number, line.raw, f"no header of key {kid} and its profile came before it")
