"""Whole events, by page and by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from analytics.store.opensearch.cluster import PAGE, Cluster
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.filters import where
from analytics.store.opensearch.registry import StoredRegistry
from analytics.wire import Selection

RAW: Final = f"{OWN}.raw"


def scan(cluster: Cluster, registry: StoredRegistry, selection: Selection) -> Iterator[bytes]:
    """The events of a selection, a page of them in memory."""
    part = registry.part(selection.kid, selection.profile)
    if part is None:
        return
    query = where(
        cluster,
        registry,
        part,
        selection.filter,
        since=selection.since,
        until=selection.until,
    )
    direction = "desc" if selection.newest_first else "asc"
    sort = [
        {f"{OWN}.t": {"order": direction, "missing": "_last", "unmapped_type": "long"}},
        {f"{OWN}.position": {"order": direction, "unmapped_type": "long"}},
    ]
    body = {"query": query, "_source": [RAW]}
    events = cluster.indices.events
    for page in cluster.pages(events, body, sort=sort, limit=selection.limit):
        yield from map(raw_of, page)


def events(cluster: Cluster, ids: Sequence[str]) -> Iterator[bytes]:
    """The events with these ids, in this order; those that are not there are left out."""
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), PAGE):
        chunk = wanted[start : start + PAGE]
        found = cluster.search(
            cluster.indices.events,
            {"query": {"ids": {"values": chunk}}, "_source": [RAW], "size": len(chunk)},
        )
        lines = {hit["_id"]: raw_of(hit) for hit in found["hits"]["hits"]}
        yield from (lines[name] for name in chunk if name in lines)


def epoch_events(cluster: Cluster, kid: str) -> Iterator[bytes]:
    """An epoch's events by position; no point in time is held from page to page."""
    after = 0
    while True:
        clauses = [
            {"term": {f"{OWN}.kid": kid}},
            {"range": {f"{OWN}.position": {"gt": after}}},
        ]
        found = cluster.search(
            cluster.indices.events,
            {
                "query": {"bool": {"filter": clauses}},
                "_source": [RAW],
                "docvalue_fields": [f"{OWN}.position"],
                "size": PAGE,
                "track_total_hits": False,
                "sort": [{f"{OWN}.position": {"order": "asc", "unmapped_type": "long"}}],
            },
        )
        hits = found["hits"]["hits"]
        yield from map(raw_of, hits)
        if len(hits) < PAGE:
            return
        after = hits[-1]["sort"][0]


def raw_of(hit: dict[str, Any]) -> bytes:
    """The line of a hit."""
    source = hit["_source"]
    raw: str = source[RAW] if RAW in source else source[OWN]["raw"]
    return raw.encode()
