"""Events that are stored already, in another month than they would go to now.

An id is unique within an index only. The same event gets another month when its time was ahead of
the clock when it first came, or when it comes under another profile, which rounds or hides times:
then its id is looked up where it may be. Two programs that bring one event under two profiles at
the same moment may still store it in both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from analytics.store.opensearch.cluster import PAGE, Cluster
from analytics.store.opensearch.documents import Document
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.indices import FIRST_TIME
from analytics.store.opensearch.registry import StoredRegistry

ROUNDED: Final = 7 * 86_400_000_000
"""Microseconds by which profiles may round the times of the same events."""


def stored_elsewhere(
    cluster: Cluster, registry: StoredRegistry, events: Sequence[Document]
) -> set[str]:
    """The ids of those that are in another index than their time says."""
    places = _places(cluster, registry, events)
    if not places:
        return set()
    cluster.refresh(*{index for indices in places for index in indices})
    found: set[str] = set()
    for indices, ids in places.items():
        for start in range(0, len(ids), PAGE):
            asked = {
                "query": {"ids": {"values": ids[start : start + PAGE]}},
                "size": PAGE,
                "_source": False,
                "track_total_hits": False,
            }
            hits = cluster.search(",".join(indices), asked)["hits"]["hits"]
            found.update(hit["_id"] for hit in hits)
    return found


def _places(
    cluster: Cluster, registry: StoredRegistry, events: Sequence[Document]
) -> dict[tuple[str, ...], list[str]]:
    """By the indices that are asked, the ids that may be in them."""
    indices = cluster.indices
    existing = set(cluster.ask(lambda: cluster.client.indices.get_alias(name=indices.events)))
    if len({profile for _, profile in registry.parts}) < 2:
        ahead = {"range": {f"{OWN}.t": {"gte": FIRST_TIME}}}
        existing &= {indices.month(None)}
        if not existing or not cluster.count(indices.month(None), ahead):
            return {}
    places: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for event in events:
        asked = existing.intersection(_others(cluster, event.time, existing))
        if asked:
            places[tuple(sorted(asked))].append(event.id)
    return places


def _others(cluster: Cluster, time: int | None, existing: set[str]) -> Iterator[str]:
    """The indices that an event of that time may be in, beside its own."""
    month, odd = cluster.indices.month, cluster.indices.month(None)
    own = month(time)
    if time is None or own == odd:
        yield from existing - {own}
    else:
        yield from {odd, month(time - ROUNDED), month(time + ROUNDED)} - {own}
