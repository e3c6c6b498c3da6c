"""Epochs in figures, epochs that go, expiry and statistics.

Invariants:
- An index of a month in which all is too old is dropped whole; of the others the events that are
  too old are deleted one by one. Either way exactly these go.
- Positions are not used again: they are numbers of their own, see `positions`.
- What nothing uses goes after the events, so a crash between the two leaves too much, never too
  little; it is noted before the first event goes, and the next expiry finishes it.
- An ingest that runs meanwhile may bring events to records that are about to go: expire while
  nothing is ingested.
"""

from __future__ import annotations

from typing import Any, Final

from opensearchpy.exceptions import NotFoundError

from analytics.store.opensearch import jobstate
from analytics.store.opensearch.cluster import Cluster, bulk_line
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.findings import greatest_sequence
from analytics.store.opensearch.registry import StoredRegistry, forget
from analytics.store.reports import CompactReport, EpochInfo, ExpireReport, JobProgress, Statistics
from analytics.wire import StoreError

_RECORDS_AT_ONCE: Final = 5_000

_EXPIRY: Final = "expiry"

_MOMENTS: Final = {
    "first": {"min": {"field": f"{OWN}.t"}},
    "last": {"max": {"field": f"{OWN}.t"}},
}


def read_epochs(cluster: Cluster, registry: StoredRegistry) -> list[EpochInfo]:
    """Every registered epoch with its figures, oldest registration first."""
    epochs = sorted(registry.epochs.items(), key=lambda item: item[1].number)
    found = (
        cluster.search(
            cluster.indices.events,
            {
                "size": 0,
                "track_total_hits": False,
                "aggs": {
                    "kids": {
                        "filters": {
                            "filters": {kid: {"term": {f"{OWN}.kid": kid}} for kid, _ in epochs}
                        },
                        "aggs": _MOMENTS,
                    }
                },
            },
        )
        if epochs
        else {}
    )
    infos = []
    for kid, epoch in epochs:
        figures = found["aggregations"]["kids"]["buckets"][kid]
        infos.append(
            EpochInfo(
                kid,
                epoch.kcv,
                epoch.generation,
                figures["doc_count"],
                _moment(figures["first"]["value"]),
                _moment(figures["last"]["value"]),
            )
        )
    return infos


def _moment(value: float | None) -> int | None:
    return None if value is None else int(value)


def forget_epoch(cluster: Cluster, registry: StoredRegistry, kid: str) -> bool:
    """Remove what is left of an epoch without events; False if it is not registered.

    Raises:
        StoreError: events have it.
    """
    if kid not in registry.epochs:
        return False
    cluster.refresh(cluster.indices.events)
    left = _count(cluster, {"term": {f"{OWN}.kid": kid}})
    if left:
        raise StoreError(
            f"the store still holds {left} events of epoch {kid}",
            "encrypt them again first: zt-keys rewrap",
        )
    jobstate.forget_epoch(cluster, kid)
    _delete(cluster, cluster.indices.values, {"term": {"kid": kid}})
    forget(cluster, kid)
    return True


def read_statistics(cluster: Cluster, registry: StoredRegistry, position: int) -> Statistics:
    """The store in figures; distinct texts are not counted, which would read them all."""
    indices = cluster.indices
    found = cluster.search(
        indices.events,
        {
            "size": 0,
            "track_total_hits": True,
            "aggs": {**_MOMENTS, "timed": {"value_count": {"field": f"{OWN}.t"}}},
        },
    )
    events, figures = found["hits"]["total"]["value"], found["aggregations"]
    values = cluster.search(
        indices.values,
        {
            "size": 0,
            "track_total_hits": True,
            "aggs": {"postings": {"sum": {"field": "count"}}},
        },
    )
    jobs = []
    for job in jobstate.read_jobs(cluster):
        for part in job.parts:
            reached = jobstate.watermark(cluster, job, part)
            lag = _count(cluster, _newer(part.kid, part.profile, reached))
            jobs.append(JobProgress(job.id, part.kid, part.profile, reached, lag))
    return Statistics(
        events=events,
        timeless=events - int(figures["timed"]["value"]),
        first=_moment(figures["first"]["value"]),
        last=_moment(figures["last"]["value"]),
        position=position,
        values=values["hits"]["total"]["value"],
        postings=int(values["aggregations"]["postings"]["value"]),
        texts=None,
        findings=cluster.count(indices.findings, {"match_all": {}}),
        bytes=stored_bytes(cluster),
        jobs=tuple(jobs),
    )


def expire(
    cluster: Cluster, registry: StoredRegistry, before: int, *, dry_run: bool
) -> ExpireReport:
    """Remove what is older than a time, and what nothing uses any more."""
    report = ExpireReport()
    indices = cluster.indices
    cluster.refresh(indices.events, indices.findings, indices.values)
    old = {"range": {f"{OWN}.t": {"lt": before}}}
    report.events = _count(cluster, old)
    report.timeless = _count(cluster, {"bool": {"must_not": [{"exists": {"field": f"{OWN}.t"}}]}})
    report.unseen = sum(
        _count(cluster, {"bool": {"filter": [old, _newer(kid, profile, reached)]}})
        for (kid, profile), reached in _watermarks(cluster).items()
    )
    finished: dict[str, Any] = {"range": {"until": {"lte": before}}}
    newest = {"range": {"sequence": {"gte": greatest_sequence(cluster)}}}
    old_findings = {"bool": {"filter": [finished], "must_not": [newest]}}
    report.findings = cluster.count(indices.findings, old_findings)
    if dry_run:
        return report
    if report.events:
        _set_sweep(cluster, True)
    for index in list(cluster.client.indices.get_alias(name=indices.events)):
        end = indices.month_end(index)
        young = {"bool": {"must_not": [old]}}
        if end is not None and end <= before and not _count(cluster, young, index):
            cluster.client.indices.delete(index=index)
        else:
            _delete(cluster, index, old)
    _delete(cluster, indices.findings, old_findings)
    found = cluster.read(indices.state, _EXPIRY)
    if found is None or not found[0]["sweep"]:
        return report
    cluster.refresh(indices.events)
    used = [info.kid for info in read_epochs(cluster, registry) if info.events]
    for kid in registry.unused_epochs(used):
        forget_epoch(cluster, registry, kid)
        report.epochs.append(kid)
    report.values = _drop_unused_values(cluster, registry, report.epochs)
    _set_sweep(cluster, False)
    return report


def _set_sweep(cluster: Cluster, value: bool) -> None:
    """Note whether events have gone of which what only they used is still there."""

    def step(document: dict[str, Any]) -> None:
        document["sweep"] = value

    cluster.change(cluster.indices.state, _EXPIRY, step)


def _watermarks(cluster: Cluster) -> dict[tuple[str, str], int]:
    """By epoch and profile, of the job that has looked at the least."""
    reached: dict[tuple[str, str], int] = {}
    for job in jobstate.read_jobs(cluster):
        for part in job.parts:
            key, own = (part.kid, part.profile), jobstate.watermark(cluster, job, part)
            reached[key] = min(reached.get(key, own), own)
    return reached


def _newer(kid: str, profile: str, position: int) -> dict[str, Any]:
    return {
        "bool": {
            "filter": [
                {"term": {f"{OWN}.kid": kid}},
                {"term": {f"{OWN}.profile": profile}},
                {"range": {f"{OWN}.position": {"gt": position}}},
            ]
        }
    }


def _drop_unused_values(cluster: Cluster, registry: StoredRegistry, gone: list[str]) -> int:
    """Remove the records whose ciphertexts stand in no event of their epoch."""
    index, dropped = cluster.indices.values, 0
    unkept = registry.keyspaces_not_kept()
    for kid in registry.epochs:
        if kid in gone:
            continue
        query = {"term": {"kid": kid}}
        body = {"query": query, "_source": ["keyspace", "ct"], "size": _RECORDS_AT_ONCE}
        for page in cluster.pages(index, body):
            records = [hit for hit in page if (kid, hit["_source"]["keyspace"]) not in unkept]
            used = _used(cluster, registry, kid, {hit["_source"]["ct"] for hit in records})
            names = [hit["_id"] for hit in records if hit["_source"]["ct"] not in used]
            lines = [bulk_line({"delete": {"_index": index, "_id": name}}) for name in names]
            if lines:
                cluster.bulk(lines)
                dropped += len(lines)
    cluster.refresh(index)
    return dropped


def _used(cluster: Cluster, registry: StoredRegistry, kid: str, cts: set[str]) -> set[str]:
    """Those of some ciphertexts that stand in an event of the epoch."""
    columns = {
        column.number: registry.fields(column).text
        for part in registry.parts.values()
        if part.kid == kid
        for column in part.columns
    }
    used: set[str] = set()
    for field in columns.values():
        left = sorted(cts - used)
        if not left:
            break
        terms = {"terms": {"field": field, "size": len(left), "include": left}}
        found = cluster.search(
            cluster.indices.events,
            {
                "size": 0,
                "track_total_hits": False,
                "query": {
                    "bool": {"filter": [{"term": {f"{OWN}.kid": kid}}, {"terms": {field: left}}]}
                },
                "aggs": {"used": terms},
            },
        )
        used.update(bucket["key"] for bucket in found["aggregations"]["used"]["buckets"])
    return used


def _count(cluster: Cluster, query: dict[str, Any], index: str | None = None) -> int:
    return cluster.count(index or cluster.indices.events, query)


def _delete(cluster: Cluster, index: str, query: dict[str, Any]) -> None:
    try:
        cluster.client.delete_by_query(
            index=index,
            body={"query": query},
            params={"refresh": "true", "conflicts": "proceed", "wait_for_completion": "true"},
        )
    except NotFoundError:
        return


def compact(cluster: Cluster) -> CompactReport:
    """Merge what was deleted out of the store's indices."""
    index = cluster.indices.all
    before = stored_bytes(cluster)
    cluster.client.indices.forcemerge(index=index, params={"only_expunge_deletes": "true"})
    cluster.refresh(index)
    return CompactReport(before, stored_bytes(cluster))


def stored_bytes(cluster: Cluster) -> int:
    """Bytes on the nodes' disks, replicas not counted."""
    found = cluster.client.indices.stats(index=cluster.indices.all, metric="store")
    return int(found["_all"]["primaries"]["store"]["size_in_bytes"])
