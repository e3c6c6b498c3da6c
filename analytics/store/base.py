"""The door to the cloud: what every store offers, whichever engine is behind it.

`Store` is all that the customer's edge may do; `JobState` is what only the cloud's own job
runner does besides, `CloudStore` (in `cloud`) what its operator does. Answers are identical over
all implementations (floating sums within 1e-9); `tests/stores` holds each of them to that. A
store never sees a key and treats every ciphertext as an opaque text.

Columns: a store keeps for each (path, kind) of the headers the texts by which a leaf is grouped
and compared (`analytics.wire.scalar_text`; null is no value, an array has a text for each
element) and, for `number`, `time` and `ip`, the value to compare by. What does not fit its kind
has a text only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from analytics.store.limits import Limit
from analytics.store.reports import (
    EpochInfo,
    GroupChange,
    IngestReport,
    JobEvent,
    ReplaceReport,
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


class Store(Protocol):
    """What the edge may do.

    Every method raises `StoreError` when the store can't do it, and `StoreBusyError` when
    another process owns the store.
    """

    @property
    def limits(self) -> frozenset[Limit]:
        """What of the protocol this store can't do."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def close(self) -> None:
        """Release the store; a second call does nothing."""
        ...

    def ingest(
        self, lines: Iterable[bytes], *, reject: Callable[[BadLine], None] | None = None
    ) -> IngestReport:
        """Store the batches of a wire stream, piece by piece.

        A crash leaves the pieces from the beginning of the stream (but see
        `Limit.SCATTERED_CRASHES`); the same stream, sent again, leaves the whole.

        Lines have their ends; an empty item, which has none, is a sign that the stream is idle:
        what came is stored at once, and not only when there is more.

        Ingesting a line again changes nothing. Refused lines are counted and reported, and
        `reject` is called with each of them. A batch whose header names another tenant, or a kid
        with another key check value than the store has registered, stops the ingest before
        anything of that batch is stored.

        Raises:
            EpochConflictError: kid known with another key check value.
            VersionError: the stream speaks another version of the wire.
        """
        ...

    def replace(
        self, lines: Iterable[bytes], *, kid: str, reject: Callable[[BadLine], None] | None = None
    ) -> ReplaceReport:
        """Put events that were encrypted again in the place of those of epoch `kid`.

        The stream is as for `ingest`, headers and value records included, its events of another
        epoch. Each takes the place of the stored event of its id, in one step: at every moment,
        and after a crash, one of the two is there. It does so only while the stored one is of
        epoch `kid`, the one that the caller has read; so a stream can be sent again, and another
        writer is not overrun. No event is added: what is not stored is counted and passed over.

        To jobs a replaced event is a new one: it gets a new position, so that the new epoch's
        part of a job looks at it as at any other, together with the events of that epoch, and a
        window that held events of both is seen whole. Detections that were found before are not
        found again if their findings were moved first: see `replace_findings`.

        Raises:
            EpochConflictError, VersionError: see `ingest`.
        """
        ...

    def forget(self, kid: str) -> bool:
        """Remove what is left of an epoch that no event has: its registration, headers, value
        records and watermarks, in one step. False if it is not registered.

        Findings stay, and so do jobs with their parts for it. If a batch of the epoch comes
        again, it is registered again.

        Raises:
            StoreError: events have it; nothing was removed.
        """
        ...

    def tenant(self) -> str | None:
        """The tenant whose events these are; None while the store is empty."""
        ...

    def headers(self) -> list[BatchHeader]:
        """One header for each (kid, profile), with the columns of all batches united.

        The `tag` is that of the newest batch and covers that batch's columns only.
        """
        ...

    def header_lines(self) -> list[bytes]:
        """The headers as they came, whole, one for each distinct one: their tags verify."""
        ...

    def epochs(self) -> list[EpochInfo]:
        """Every registered epoch, oldest registration first."""
        ...

    def query(self, query: Query) -> list[Row]:
        """Group and measure; see `Query`. Unknown paths have no values.

        Without `group_by` and `interval` there is one row, of no events too. With an interval,
        events without a time are in no bucket, and the bucket comes last in the order of keys.
        An array's elements of the same text count and add up once.
        """
        ...

    def groups(self, query: Query) -> Iterator[Row]:
        """Every group of a query by key, as with `order` "key", in bounded memory.

        For answers of any number of groups; `limit` and `after` count. A group that is there all
        the time comes exactly once, whatever is ingested meanwhile.
        """
        ...

    def values(self, lookup: Lookup) -> Iterator[ValueRecord]:
        """The value records that a look-up selects, each once, in no promised order.

        In bounded memory: a dictionary of millions of values can be read to its end.
        """
        ...

    def value_count(self, lookup: Lookup) -> int:
        """How many records `values` would give, without reading any: cheap enough to ask before."""
        ...

    def scan(self, selection: Selection) -> Iterator[bytes]:
        """Whole events as JSON lines without their end, by time, then position; timeless last."""
        ...

    def events(self, ids: Sequence[str]) -> Iterator[bytes]:
        """The events with these ids, as `scan` gives them; ids that are not there are skipped."""
        ...

    def epoch_events(self, kid: str) -> Iterator[bytes]:
        """All events of an epoch, of every profile, as `scan` gives them, oldest position first.

        For walks that replace what they read: memory is bounded, however long they take. Events
        that come, or are replaced, while the walk runs may be among them or not.
        """
        ...

    def put_job(self, job: JobSpec) -> None:
        """Add a job or replace its parts; a new version of it starts over."""
        ...

    def jobs(self) -> list[JobSpec]:
        """Every job, by id."""
        ...

    def remove_job(self, job_id: str) -> bool:
        """Remove a job; its findings stay. False if there was none of that id."""
        ...

    def findings(self, after: int = 0) -> Iterator[Finding]:
        """Findings whose sequence is greater than `after`, in that order."""
        ...

    def replace_findings(self, replacements: Mapping[str, Finding]) -> int:
        """Put findings in the place of those with the ids that are the keys, in one step.

        For findings whose group was encrypted again under another epoch. Each takes over the
        sequence of the one it replaces, so a follower sees none twice; where its own id is there
        already, one of the two stays, the whole one rather than a partial one. If the other had
        the greatest sequence of all, the one that stays takes that over, and comes once more.
        Ids that are not there are passed over. How many were replaced or went.
        """
        ...


class JobState(Store, Protocol):
    """What the cloud's job runner does besides; the edge has no use for it.

    Positions count events as they are ingested or replaced: each event has one of its own, which
    is greater than all that were there before.
    """

    def position(self) -> int:
        """A position that no event exceeds, and every later event will; 0 for an empty store.

        All events up to it can be found.
        """
        ...

    def watermark(self, job: JobSpec, part: JobPart) -> int:
        """The position up to which this version of the part was evaluated; 0 at first."""
        ...

    def changed_groups(self, job: JobSpec, part: JobPart, after: int) -> Iterator[GroupChange]:
        """Groups with a matching event at a position greater than `after`.

        Events without a time belong to no window and change no group. Of an `event_count` or
        `value_count` job a store may leave out every group that it can prove to reach the
        threshold in no window that meets the change, old events included: hopping windows of
        twice the length prove it, so a million groups with one event each cost one statement.
        """
        ...

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
        """The group's matching events within `[since, until)`, by time, then id.

        With a limit only the first ones: a flood is found by its beginning.
        """
        ...

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
        """The events of each of many groups, as `group_events` gives them, in one step.

        None if that is more than `limit` events together.
        """
        ...

    def group_findings(
        self, job: JobSpec, part: JobPart, group: tuple[str, ...], since: int, until: int
    ) -> list[Finding]:
        """This version's findings of the group whose windows meet `[since, until)`, by start."""
        ...

    def findings_of_groups(
        self,
        job: JobSpec,
        part: JobPart,
        groups: Sequence[tuple[str, ...]],
        since: int,
        until: int,
    ) -> list[list[Finding]]:
        """The findings of each of many groups, as `group_findings` gives them, in one step."""
        ...

    def write_findings(
        self, job: JobSpec, part: JobPart, findings: Sequence[Finding], watermark: int
    ) -> None:
        """Write findings by id, then advance the watermark: both or neither survive a crash.

        A finding that is there already and has not changed keeps its sequence.
        """
        ...


__all__ = ["EpochInfo", "GroupChange", "JobEvent", "JobState", "Store"]
