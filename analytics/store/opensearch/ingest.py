"""Wire lines into documents.

Invariants:
- An event is created under its id and a record under its key, so what comes again changes nothing,
  whichever program brings it, and after a crash as well. A batch may be there in part until it is
  sent again: a cluster has no transactions.
- Records are stored, and found, before the events of the same flush: an event that is there can be
  asked for the parts of its values.
- Positions are taken just before the events that they number are sent, and closed after: see
  `positions`. What is written is found by searches when the run ends, or its stream is idle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from analytics.store.intake.pending import Pending
from analytics.store.intake.run import Intake, Reject
from analytics.store.opensearch.cluster import Cluster, Refusal, bulk_line
from analytics.store.opensearch.dictionary import record_line
from analytics.store.opensearch.documents import Document, Refused, documents
from analytics.store.opensearch.elsewhere import stored_elsewhere
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.mapping import make_month
from analytics.store.opensearch.positions import Block, Positions
from analytics.store.opensearch.registry import StoredRegistry, register
from analytics.store.opensearch.tokens import Tokens
from analytics.wire import BadLine, BatchHeader, StoreError

EVENTS_AT_ONCE: Final = 2_000
BYTES_AT_ONCE: Final = 8 * 1024 * 1024

EVENTS: Final = "positions"
"""The row of numbers that events get."""

T = TypeVar("T")


class Ingest(Intake):
    """One run over a wire stream.

    Args:
        cluster: the store's.
        registry: as it was loaded lately.
        reject: called with every refused line.
    """

    def __init__(self, cluster: Cluster, registry: StoredRegistry, reject: Reject | None) -> None:
        super().__init__(registry, reject)
        self._cluster = cluster
        self._stored = registry
        self._positions = Positions(cluster, EVENTS)
        self._tokens = Tokens(cluster)
        self._months: set[str] = set()

    def _store(self, headers: list[tuple[bytes, BatchHeader]], pending: Pending) -> StoredRegistry:
        if headers:
            self._stored = register(self._cluster, headers)
            self._months.clear()  # new columns are to be mapped there
        self._write_records(pending)
        self._tokens.learn(pending)
        for group in pending.groups:
            events = []
            group.columns = self._stored.own(group.columns)
            for made in documents(self._stored, group):
                if isinstance(made, Refused):
                    self._refuse_event(made.raw, made.reason)
                else:
                    events.append(made)
            self._tokens.put(self._stored, group, events)
            self._write_events(events)
        self._cluster.refresh(self._cluster.indices.events)
        return self._stored

    def _write_records(self, pending: Pending) -> None:
        index = self._cluster.indices.values
        records = list(pending.records.values())
        pieces = in_pieces((record_line(index, record) for record in records), len)
        for _, outcomes in self._cluster.bulk_all((None, some) for some in pieces):
            for refusal in outcomes:
                if refusal is None:
                    self.report.values += 1
                elif refusal.status == 409:
                    self.report.known_values += 1
                else:
                    raise _not_taken(refusal)
        if records:
            self._cluster.refresh(index)

    def _write_events(self, events: list[Document]) -> None:
        """Store the events that are new."""
        elsewhere = stored_elsewhere(self._cluster, self._stored, events) if events else set()
        self.report.known_events += sum(event.id in elsewhere for event in events)
        events = [event for event in events if event.id not in elsewhere]
        for (some, block), outcomes in self._cluster.bulk_all(
            self._numbered(events), lambda sent: sent[1].check()
        ):
            for event, refusal in zip(some, outcomes, strict=True):
                self._settle(event, refusal)
            self._positions.close(block)

    def _numbered(
        self, events: list[Document]
    ) -> Iterator[tuple[tuple[list[Document], Block], list[bytes]]]:
        """Events in pieces with their positions, and each piece as bulk items."""
        for some in at_once(events):
            block = self._positions.take(len(some))
            lines = []
            for position, event in enumerate(some, block.first):
                action = {"create": {"_index": self._month(event.time), "_id": event.id}}
                event.fields[f"{OWN}.position"] = position
                lines.append(bulk_line(action, event.fields))
            yield (some, block), lines

    def _settle(self, event: Document, refusal: Refusal | None) -> None:
        if refusal is None:
            self.report.events += 1
        elif refusal.status == 409:
            self.report.known_events += 1
        elif refusal.status == 400:
            self._refuse_event(event.raw, f"OpenSearch refused it: {refusal.kind}")
        else:
            raise _not_taken(refusal)

    def _refuse_event(self, raw: str, reason: str) -> None:
        self._refuse(BadLine(0, raw.encode(), reason))

    def _month(self, time: int | None) -> str:
        """The index for a time, made if it is not there, with all columns."""
        index = self._cluster.indices.month(time)
        if index not in self._months:
            make_month(self._cluster, index, self._stored.all_fields())
            self._months.add(index)
        return index


def _not_taken(refusal: Refusal) -> StoreError:
    return StoreError(
        f"the cluster did not take what was sent: {refusal.kind or refusal.status}",
        "look into its log, then send the rest again: what is stored is not stored twice",
    )


def at_once(events: list[Document]) -> Iterator[list[Document]]:
    """Events in pieces that are sent in one request each."""
    return in_pieces(events, lambda event: 2 * len(event.raw))


def in_pieces(items: Iterable[T], size_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Items in pieces of `EVENTS_AT_ONCE`, or of `BYTES_AT_ONCE` and a last one, at most."""
    some: list[T] = []
    size = 0
    for item in items:
        some.append(item)
        size += size_of(item)
        if len(some) >= EVENTS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some
