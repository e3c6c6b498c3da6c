"""Events that were encrypted again, in the place of those they replace.

Invariants:
- A stored event is overwritten by one write, and only as it was read: at every moment one of the
  two is there, and another writer is not overrun.
- The new event stays in the index of the old one, whatever its time says.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from analytics.store.intake.run import Reject
from analytics.store.opensearch.cluster import PAGE, Cluster, bulk_line
from analytics.store.opensearch.documents import Document
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.ingest import Ingest, at_once
from analytics.store.opensearch.registry import StoredRegistry
from analytics.store.reports import ReplaceReport
from analytics.wire import StoreError


class _Place(NamedTuple):
    """Where an event is stored, and which write of it was read."""

    month: str
    seq_no: int
    primary_term: int
    kid: str
    profile: str


class Replacement(Ingest):
    """One run over a wire stream whose events take the place of those of epoch `kid`."""

    report: ReplaceReport

    def __init__(
        self, cluster: Cluster, registry: StoredRegistry, reject: Reject | None, kid: str
    ) -> None:
        super().__init__(cluster, registry, reject)
        self.report = ReplaceReport()
        self._kid = kid

    def _write_events(self, events: list[Document]) -> None:
        if events:
            self._cluster.refresh(self._cluster.indices.events)
        for some in at_once(events):
            self._replace(some)

    def _replace(self, events: list[Document]) -> None:
        places = _find(self._cluster, [event.id for event in events])
        wanted: list[tuple[Document, _Place]] = []
        for event in events:
            place = places.get(event.id)
            if place is None:
                self.report.unknown_events += 1
            elif self._is_same_part(event, place):
                self.report.known_events += 1
            elif place.kid != self._kid:
                self.report.other_events += 1
            else:
                wanted.append((event, place))
        if not wanted:
            return
        block = self._positions.take(len(wanted))
        lines = []
        for position, (event, place) in enumerate(wanted, block.first):
            event.fields[f"{OWN}.position"] = position
            action = {
                "_index": place.month,
                "_id": event.id,
                "if_seq_no": place.seq_no,
                "if_primary_term": place.primary_term,
            }
            lines.append(bulk_line({"index": action}, event.fields))
        outcomes = self._cluster.bulk(lines, block.check)
        for (event, _), refusal in zip(wanted, outcomes, strict=True):
            if refusal is None:
                self.report.events += 1
            elif refusal.status == 409:
                # Written since it was read: by another writer, or by this one's own request whose
                # answer got lost.
                self._count_overtaken(event)
            else:
                raise StoreError(
                    f"the cluster did not take an event that was encrypted again: {refusal.kind}",
                    "look into its log, then run it again",
                )
        self._positions.close(block)

    def _count_overtaken(self, event: Document) -> None:
        self._cluster.refresh(self._cluster.indices.events)
        place = _find(self._cluster, [event.id]).get(event.id)
        if place is None:
            self.report.unknown_events += 1
        elif self._is_same_part(event, place):
            self.report.events += 1
        else:
            self.report.other_events += 1

    def _is_same_part(self, event: Document, place: _Place) -> bool:
        own = event.fields
        return (own[f"{OWN}.kid"], own[f"{OWN}.profile"]) == (place.kid, place.profile)


def _find(cluster: Cluster, ids: list[str]) -> dict[str, _Place]:
    found: dict[str, _Place] = {}
    for start in range(0, len(ids), PAGE):
        chunk = ids[start : start + PAGE]
        answer = cluster.search(
            cluster.indices.events,
            {
                "query": {"ids": {"values": chunk}},
                "size": len(chunk),
                "_source": False,
                "docvalue_fields": [f"{OWN}.kid", f"{OWN}.profile"],
                "seq_no_primary_term": True,
            },
        )
        found.update((hit["_id"], _place(hit)) for hit in answer["hits"]["hits"])
    return found


def _place(hit: dict[str, Any]) -> _Place:
    (kid,), (profile,) = hit["fields"][f"{OWN}.kid"], hit["fields"][f"{OWN}.profile"]
    return _Place(hit["_index"], hit["_seq_no"], hit["_primary_term"], kid, profile)
