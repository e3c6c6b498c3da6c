"""The door: `DuckDBStore` implements the store protocol on one file.

Invariants:
- A method reads with a cursor of its own and may run in any thread; an iterator holds its cursor
  until it ends or is dropped, and sees the store as it was when it began.
- Ingests run one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from analytics.store.duckdb import epochs, jobstate, reading
from analytics.store.duckdb.database import Database
from analytics.store.duckdb.expiry import Expiry
from analytics.store.duckdb.filters import Where
from analytics.store.duckdb.folding import read_lines
from analytics.store.duckdb.ingest import Ingest, Replacement
from analytics.store.duckdb.queries import run_query, stream_groups
from analytics.store.duckdb.state import State
from analytics.store.duckdb.statistics import read_statistics
from analytics.store.limits import Limit
from analytics.store.reports import (
    CompactReport,
    EpochInfo,
    ExpireReport,
    GroupChange,
    IngestReport,
    JobEvent,
    ReplaceReport,
    Statistics,
)
from analytics.wire import (
    BadLine,
    BatchHeader,
    Finding,
    JobPart,
    JobSpec,
    Lookup,
    Query,
    Row,
    Selection,
    ValueRecord,
)


class DuckDBStore:
    """A tenant's events in one DuckDB file, owned by this process while it is open.

    Args:
        path: the file.
        create: make an empty store (mode 0600) where there is none.
        memory: bytes that DuckDB may take; a share of the machine's if None.

    Raises:
        StoreError: there is no store, it is no store of ours or of another version, or the disk
            or its permissions refuse.
        StoreBusyError: another process owns the file.
    """

    limits: ClassVar[frozenset[Limit]] = frozenset()

    def __init__(
        self, path: str | PathLike[str], *, create: bool, memory: int | None = None
    ) -> None:
        self._database = Database(Path(path), create=create, memory=memory)
        try:
            self._state = State(self._database)
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; a second call does nothing."""
        self._database.close()

    def ingest(
        self, lines: Iterable[bytes], *, reject: Callable[[BadLine], None] | None = None
    ) -> IngestReport:
        """Store the batches of a wire stream; see `Store.ingest`."""
        with self._database.lock:
            run = Ingest(self._state, reject)
            run.run(lines)
        return run.report

    def replace(
        self, lines: Iterable[bytes], *, kid: str, reject: Callable[[BadLine], None] | None = None
    ) -> ReplaceReport:
        """Put events in the place of those of epoch `kid`; see `Store.replace`."""
        with self._database.lock:
            run = Replacement(self._state, reject, kid)
            run.run(lines)
        return run.report

    def forget(self, kid: str) -> bool:
        """Remove what is left of an epoch without events; see `Store.forget`."""
        with self._database.lock:
            registry = self._state.registry.copy()
            if kid not in registry.epochs:
                return False
            with self._database.writing() as connection:
                epochs.forget_epoch(connection, registry, kid)
            # Ids of texts and keys of records that are remembered may be gone.
            self._state.reload()
            return True

    def expire(self, before: int, *, dry_run: bool = False) -> ExpireReport:
        """Remove the events that are older than a time; see `CloudStore.expire`."""
        with self._database.lock:
            expiry = Expiry(self._state, before)
            if dry_run:
                expiry.count()
            else:
                expiry.run()
        return expiry.report

    def compact(self) -> CompactReport:
        """Give space back to the disk; see `CloudStore.compact`."""
        return CompactReport(*self._database.compact())

    def statistics(self) -> Statistics:
        """The store in figures."""
        return read_statistics(self._state)

    def tenant(self) -> str | None:
        """The tenant whose events these are."""
        return self._state.registry.tenant

    def headers(self) -> list[BatchHeader]:
        """One header for each (kid, profile), columns united."""
        return list(self._state.registry.united_headers())

    def header_lines(self) -> list[bytes]:
        """The distinct headers as they came, oldest first."""
        return list(self._state.registry.lines)

    def epochs(self) -> list[EpochInfo]:
        """Every registered epoch, oldest registration first."""
        return self._state.figures.epochs()

    def query(self, query: Query) -> list[Row]:
        """Group and measure."""
        with self._database.reading() as connection:
            return run_query(connection, self._state.registry, query)

    def groups(self, query: Query) -> Iterator[Row]:
        """The groups of a query in the order of keys, streamed; see `Store.groups`."""
        registry = self._state.registry
        with self._database.reading() as connection:
            yield from stream_groups(connection, registry, query)

    def values(self, lookup: Lookup) -> Iterator[ValueRecord]:
        """The value records that a look-up selects."""
        with self._database.reading() as connection:
            yield from reading.read_values(connection, self._state.registry, lookup)

    def value_count(self, lookup: Lookup) -> int:
        """How many value records a look-up selects."""
        registry = self._state.registry
        with self._database.reading() as connection:
            return reading.count_values(connection, registry, lookup)

    def scan(self, selection: Selection) -> Iterator[bytes]:
        """Whole events; those without a time come last."""
        registry = self._state.registry
        part = registry.part(selection.kid, selection.profile)
        if part is None:
            return
        with self._database.reading() as connection:
            where = Where(connection, registry, part, since=selection.since, until=selection.until)
            where.add(selection.filter)
            direction = "DESC" if selection.newest_first else "ASC"
            limit = "" if selection.limit is None else f" LIMIT {int(selection.limit)}"
            found = connection.execute(
                f"SELECT e.seq FROM events e WHERE {where.sql} "
                f"ORDER BY e.t {direction} NULLS LAST, e.seq {direction}{limit}",
                where.parameters,
            ).fetchnumpy()
            yield from read_lines(connection, found["seq"])

    def events(self, ids: Sequence[str]) -> Iterator[bytes]:
        """The events with these ids."""
        with self._database.reading() as connection:
            yield from read_lines(connection, reading.find_events(connection, ids))

    def epoch_events(self, kid: str) -> Iterator[bytes]:
        """An epoch's events in the order of their positions; see `Store.epoch_events`."""
        return epochs.walk_epoch(self._state, kid)

    def put_job(self, job: JobSpec) -> None:
        """Add a job or replace its parts."""
        with self._database.writing() as connection:
            jobstate.put_job(connection, job)

    def jobs(self) -> list[JobSpec]:
        """Every job, by id."""
        with self._database.reading() as connection:
            return jobstate.read_jobs(connection)

    def remove_job(self, job_id: str) -> bool:
        """Remove a job; its findings stay."""
        with self._database.writing() as connection:
            return jobstate.remove_job(connection, job_id)

    def findings(self, after: int = 0) -> Iterator[Finding]:
        """Findings whose sequence is greater than `after`."""
        with self._database.reading() as connection:
            yield from jobstate.read_findings(connection, after)

    def replace_findings(self, replacements: Mapping[str, Finding]) -> int:
        """Put findings in the place of others, which keep their sequences."""
        with self._database.writing() as connection:
            return jobstate.replace_findings(connection, replacements)

    def position(self) -> int:
        """The position of the newest event."""
        return self._state.position

    def watermark(self, job: JobSpec, part: JobPart) -> int:
        """The position up to which this version of the part was evaluated."""
        with self._database.reading() as connection:
            return jobstate.watermark(connection, job, part)

    def changed_groups(self, job: JobSpec, part: JobPart, after: int) -> Iterator[GroupChange]:
        """Groups with a matching event at a position greater than `after`."""
        with self._database.reading() as connection:
            yield from jobstate.changed_groups(connection, self._state.registry, job, part, after)

    def group_events(
        self,
        job: JobSpec,
        part: JobPart,
        group: tuple[str, ...],
        since: int,
        until: int,
        *,
        limit: int | None = None,
    ) -> list[JobEvent]:
        """The group's matching events within `[since, until)`, by time, then id."""
        with self._database.reading() as connection:
            return jobstate.group_events(
                connection, self._state.registry, job, part, group, (since, until), limit
            )

    def events_of_groups(
        self,
        job: JobSpec,
        part: JobPart,
        groups: Sequence[tuple[str, ...]],
        since: int,
        until: int,
        *,
        limit: int,
    ) -> list[list[JobEvent]] | None:
        """The events of each of many groups; None if that is more than `limit` together."""
        with self._database.reading() as connection:
            return jobstate.events_of_groups(
                connection, self._state.registry, job, part, groups, (since, until), limit
            )

    def group_findings(
        self, job: JobSpec, part: JobPart, group: tuple[str, ...], since: int, until: int
    ) -> list[Finding]:
        """This version's findings of the group whose windows meet `[since, until)`."""
        return self.findings_of_groups(job, part, [group], since, until)[0]

    def findings_of_groups(
        self,
        job: JobSpec,
        part: JobPart,
        groups: Sequence[tuple[str, ...]],
        since: int,
        until: int,
    ) -> list[list[Finding]]:
        """This version's findings of each of many groups whose windows meet `[since, until)`."""
        with self._database.reading() as connection:
            return jobstate.findings_of_groups(connection, job, part, groups, (since, until))

    def write_findings(
        self, job: JobSpec, part: JobPart, findings: Sequence[Finding], watermark: int
    ) -> None:
        """Write findings by id, then advance the watermark, in one transaction."""
        with self._database.writing() as connection:
            jobstate.write_findings(connection, job, part, findings, watermark)
