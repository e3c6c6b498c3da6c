"""The door: `OpenSearchStore` implements the store protocol on a cluster.

Invariants:
- Several programs may use a store at once; what they share is changed step by step on the version
  that was read, and each looks whether headers have come before it answers.
- What a call wrote, the next call sees: a call that writes ends with a refresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import ClassVar, Self

from analytics.store.limits import Limit
from analytics.store.opensearch import dictionary, findings, jobstate, queries, reading, upkeep
from analytics.store.opensearch.address import Address
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.connection import connect
from analytics.store.opensearch.errors import errors_for_people
from analytics.store.opensearch.findings import write_findings
from analytics.store.opensearch.indices import Indices
from analytics.store.opensearch.ingest import EVENTS, Ingest
from analytics.store.opensearch.making import find_store, make_store
from analytics.store.opensearch.positions import Positions
from analytics.store.opensearch.registry import StoredRegistry, is_current, load_registry
from analytics.store.opensearch.replacement import Replacement
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
    StoreError,
    ValueRecord,
)


class OpenSearchStore:
    """A tenant's events in the indices of a cluster that begin with a prefix.

    Args:
        address: the cluster and the prefix.
        create: make the indices where there are none, and the template where it is missing.

    Attributes:
        made: what was made as it was opened, in words.

    Raises:
        StoreError: there is no store, or the cluster can't be used; see `connect`.
    """

    limits: ClassVar[frozenset[Limit]] = frozenset(Limit)

    def __init__(self, address: Address, *, create: bool) -> None:
        self._address = address
        self._cluster = Cluster(connect(address), Indices(address.prefix))
        self._registry = StoredRegistry()
        self._closed = False
        self.made: list[str] = []
        try:
            with self._asking():
                if create:
                    self.made = make_store(self._cluster)
                else:
                    find_store(self._cluster, address)
                self._registry = load_registry(self._cluster)
        except BaseException:
            self._cluster.close()
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
        """Release the connections; a second call does nothing."""
        self._closed = True
        self._cluster.close()

    @contextmanager
    def _asking(self) -> Iterator[Cluster]:
        if self._closed:
            raise StoreError("the store is closed", "open it again")
        with errors_for_people(self._address):
            yield self._cluster

    def _current(self) -> StoredRegistry:
        """The registry as it is now; within `_asking`."""
        if not is_current(self._cluster, self._registry):
            self._registry = load_registry(self._cluster)
        return self._registry

    def ingest(
        self, lines: Iterable[bytes], *, reject: Callable[[BadLine], None] | None = None
    ) -> IngestReport:
        """Store the batches of a wire stream; see `Store.ingest`.

        A batch may be there in part, after a crash, until it is sent again.
        """
        with self._asking() as cluster:
            run = Ingest(cluster.patient(), self._current(), reject)
            run.run(lines)
        return run.report

    def replace(
        self, lines: Iterable[bytes], *, kid: str, reject: Callable[[BadLine], None] | None = None
    ) -> ReplaceReport:
        """Put events in the place of those of epoch `kid`; see `Store.replace`."""
        with self._asking() as cluster:
            run = Replacement(cluster.patient(), self._current(), reject, kid)
            run.run(lines)
        return run.report

    def forget(self, kid: str) -> bool:
        """Remove what is left of an epoch without events; see `Store.forget`."""
        with self._asking() as cluster:
            return upkeep.forget_epoch(cluster, self._current(), kid)

    def expire(self, before: int, *, dry_run: bool = False) -> ExpireReport:
        """Remove the events that are older than a time; see `CloudStore.expire`."""
        with self._asking() as cluster:
            return upkeep.expire(cluster, self._current(), before, dry_run=dry_run)

    def compact(self) -> CompactReport:
        """Merge what was deleted out of the indices; see `CloudStore.compact`."""
        with self._asking() as cluster:
            return upkeep.compact(cluster)

    def statistics(self) -> Statistics:
        """The store in figures."""
        with self._asking() as cluster:
            position = self.position()
            return upkeep.read_statistics(cluster, self._current(), position)

    def tenant(self) -> str | None:
        """The tenant whose events these are."""
        with self._asking():
            return self._current().tenant

    def headers(self) -> list[BatchHeader]:
        """One header for each (kid, profile), columns united."""
        with self._asking():
            return list(self._current().united_headers())

    def header_lines(self) -> list[bytes]:
        """The distinct headers as they came, oldest first."""
        with self._asking():
            return list(self._current().lines)

    def epochs(self) -> list[EpochInfo]:
        """Every registered epoch, oldest registration first."""
        with self._asking() as cluster:
            return upkeep.read_epochs(cluster, self._current())

    def query(self, query: Query) -> list[Row]:
        """Group and measure."""
        with self._asking() as cluster:
            return queries.run_query(cluster, self._current(), query)

    def groups(self, query: Query) -> Iterator[Row]:
        """The groups of a query in the order of keys, streamed; see `Store.groups`."""
        with self._asking() as cluster:
            yield from queries.stream_groups(cluster, self._current(), query)

    def values(self, lookup: Lookup) -> Iterator[ValueRecord]:
        """The value records that a look-up selects."""
        with self._asking() as cluster:
            yield from dictionary.read_values(cluster, lookup)

    def value_count(self, lookup: Lookup) -> int:
        """How many value records a look-up selects."""
        with self._asking() as cluster:
            return dictionary.count_values(cluster, lookup)

    def scan(self, selection: Selection) -> Iterator[bytes]:
        """Whole events; those without a time come last."""
        with self._asking() as cluster:
            yield from reading.scan(cluster, self._current(), selection)

    def events(self, ids: Sequence[str]) -> Iterator[bytes]:
        """The events with these ids."""
        with self._asking() as cluster:
            yield from reading.events(cluster, ids)

    def epoch_events(self, kid: str) -> Iterator[bytes]:
        """An epoch's events in the order of their positions; see `Store.epoch_events`."""
        with self._asking() as cluster:
            yield from reading.epoch_events(cluster, kid)

    def put_job(self, job: JobSpec) -> None:
        """Add a job or replace its parts."""
        with self._asking() as cluster:
            jobstate.put_job(cluster, job)

    def jobs(self) -> list[JobSpec]:
        """Every job, by id."""
        with self._asking() as cluster:
            return jobstate.read_jobs(cluster)

    def remove_job(self, job_id: str) -> bool:
        """Remove a job; its findings stay."""
        with self._asking() as cluster:
            return jobstate.remove_job(cluster, job_id)

    def findings(self, after: int = 0) -> Iterator[Finding]:
        """Findings whose sequence is greater than `after`."""
        with self._asking() as cluster:
            yield from findings.read_findings(cluster, after)

    def replace_findings(self, replacements: Mapping[str, Finding]) -> int:
        """Put findings in the place of others, which keep their sequences."""
        with self._asking() as cluster:
            return findings.replace_findings(cluster, replacements)

    def position(self) -> int:
        """The position up to which all events can be found; see `Positions.settled`."""
        with self._asking() as cluster:
            position = Positions(cluster, EVENTS).settled()
            cluster.refresh(cluster.indices.events)
        return position

    def watermark(self, job: JobSpec, part: JobPart) -> int:
        """The position up to which this version of the part was evaluated."""
        with self._asking() as cluster:
            return jobstate.watermark(cluster, job, part)

    def changed_groups(self, job: JobSpec, part: JobPart, after: int) -> Iterator[GroupChange]:
        """Groups with a matching event at a position greater than `after`."""
        with self._asking() as cluster:
            yield from jobstate.changed_groups(cluster, self._current(), job, part, after)

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
        with self._asking() as cluster:
            return jobstate.group_events(
                cluster, self._current(), job, part, group, (since, until), limit
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
        with self._asking() as cluster:
            return jobstate.events_of_groups(
                cluster, self._current(), job, part, groups, (since, until), limit
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
        with self._asking() as cluster:
            return findings.findings_of_groups(cluster, job, part, groups, (since, until))

    def write_findings(
        self, job: JobSpec, part: JobPart, findings: Sequence[Finding], watermark: int
    ) -> None:
        """Write findings by id, then advance the watermark."""
        with self._asking() as cluster:
            write_findings(cluster, findings)
            jobstate.advance(cluster, job, part, watermark)
