"""Jobs, their watermarks, and the events and groups that they look at.

Invariants:
- A watermark belongs to (job, version, kid, profile) and only grows; a new version of a job
  forgets those of the others.
- Findings are written before the watermark that they led to: a crash between the two replays, and
  a finding is the same document however often it is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from opensearchpy.exceptions import NotFoundError

from analytics.store.intake.pending import parts_key
from analytics.store.intake.registry import Part
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.filters import Clause, one_of, where
from analytics.store.opensearch.queries import BUCKETS
from analytics.store.opensearch.registry import StoredRegistry
from analytics.store.reports import GroupChange, JobEvent
from analytics.wire import JobPart, JobSpec, encode_bytes

Window = tuple[int, int]


def put_job(cluster: Cluster, job: JobSpec) -> None:
    """Add or replace a job."""
    cluster.client.index(
        index=cluster.indices.jobs,
        id=job.id,
        body={"spec": job.model_dump_json()},
        params={"refresh": "true"},
    )
    own, this = {"term": {"job": job.id}}, {"term": {"version": job.version}}
    _forget_watermarks(cluster, {"bool": {"filter": [own], "must_not": [this]}})


def read_jobs(cluster: Cluster) -> list[JobSpec]:
    """Every job, by id."""
    everything: dict[str, Any] = {"query": {"match_all": {}}}
    specs = [
        JobSpec.model_validate_json(hit["_source"]["spec"])
        for page in cluster.pages(cluster.indices.jobs, everything)
        for hit in page
    ]
    return sorted(specs, key=lambda job: job.id)


def remove_job(cluster: Cluster, job_id: str) -> bool:
    """Remove a job and its watermarks; False if there was none."""
    _forget_watermarks(cluster, {"term": {"job": job_id}})
    try:
        cluster.client.delete(index=cluster.indices.jobs, id=job_id, params={"refresh": "true"})
    except NotFoundError:
        return False
    return True


def forget_epoch(cluster: Cluster, kid: str) -> None:
    """Remove the watermarks of an epoch."""
    _forget_watermarks(cluster, {"term": {"kid": kid}})


def _forget_watermarks(cluster: Cluster, query: dict[str, Any]) -> None:
    cluster.refresh(cluster.indices.watermarks)
    cluster.client.delete_by_query(
        index=cluster.indices.watermarks,
        body={"query": query},
        params={"refresh": "true", "conflicts": "proceed"},
    )


def watermark(cluster: Cluster, job: JobSpec, part: JobPart) -> int:
    """The position up to which the part was evaluated."""
    try:
        found = cluster.client.get(index=cluster.indices.watermarks, id=_mark(job, part))
    except NotFoundError:
        return 0
    return int(found["_source"]["position"])


def advance(cluster: Cluster, job: JobSpec, part: JobPart, position: int) -> None:
    """Let a part's watermark grow to a position."""
    document = {
        "job": job.id,
        "version": job.version,
        "kid": part.kid,
        "profile": part.profile,
        "position": max(position, watermark(cluster, job, part)),
    }
    cluster.patiently(
        lambda: cluster.client.index(
            index=cluster.indices.watermarks, id=_mark(job, part), body=document
        )
    )


def _mark(job: JobSpec, part: JobPart) -> str:
    return encode_bytes(parts_key(job.id, job.version, part.kid, part.profile))


def changed_groups(
    cluster: Cluster, registry: StoredRegistry, job: JobSpec, part: JobPart, after: int
) -> Iterator[GroupChange]:
    """Groups with a matching event after a position."""
    stored = registry.part(part.kid, part.profile)
    keys = _group_fields(registry, stored, job)
    if stored is None or keys is None:
        return
    also: list[Clause] = [
        {"range": {f"{OWN}.position": {"gt": after}}},
        {"exists": {"field": f"{OWN}.t"}},
    ]
    query = where(cluster, registry, stored, part.filter, also=also)
    times = {name: {name: {"field": f"{OWN}.t"}} for name in ("min", "max")}
    composite: dict[str, Any] = {
        "sources": [{f"g{i}": {"terms": {"field": key}}} for i, key in enumerate(keys)],
        "size": BUCKETS,
    }
    with cluster.snapshot(cluster.indices.events) as pit:
        while True:
            found = cluster.search(
                None,
                {
                    "size": 0,
                    "track_total_hits": False,
                    "query": query,
                    "pit": {"id": pit, "keep_alive": "5m"},
                    "aggs": {"groups": {"composite": composite, "aggs": times}},
                },
            )["aggregations"]["groups"]
            for group in found["buckets"]:
                yield GroupChange(
                    tuple(group["key"][f"g{i}"] for i in range(len(keys))),
                    int(group["min"]["value"]),
                    int(group["max"]["value"]),
                )
            if len(found["buckets"]) < BUCKETS:
                return
            composite["after"] = found["after_key"]


def group_events(
    cluster: Cluster,
    registry: StoredRegistry,
    job: JobSpec,
    part: JobPart,
    group: tuple[str, ...],
    window: Window,
    limit: int | None,
) -> list[JobEvent]:
    """The group's matching events in a half-open window, by time, then id."""
    stored = registry.part(part.kid, part.profile)
    keys = _group_fields(registry, stored, job)
    if stored is None or keys is None:
        return []
    also = [one_of(key, [text]) for key, text in zip(keys, group, strict=True)]
    query = where(
        cluster, registry, stored, part.filter, since=window[0], until=window[1], also=also
    )
    hits = _hits(cluster, query, _value_field(registry, stored, job), [], limit)
    return [_job_event(hit) for hit in hits]


def events_of_groups(
    cluster: Cluster,
    registry: StoredRegistry,
    job: JobSpec,
    part: JobPart,
    groups: Sequence[tuple[str, ...]],
    window: Window,
    limit: int,
) -> list[list[JobEvent]] | None:
    """The matching events of each group in a half-open window; None if they exceed a limit."""
    by_group: dict[tuple[str, ...], list[JobEvent]] = {group: [] for group in groups}
    stored = registry.part(part.kid, part.profile)
    keys = _group_fields(registry, stored, job)
    if stored is None or keys is None or not groups:
        return [[] for _ in groups]
    also = [one_of(key, texts) for key, texts in zip(keys, zip(*groups, strict=True), strict=True)]
    query = where(
        cluster, registry, stored, part.filter, since=window[0], until=window[1], also=also
    )
    count = 0
    for hit in _hits(cluster, query, _value_field(registry, stored, job), keys, None):
        event = _job_event(hit)
        for group in _groups_of(hit, keys):
            count += 1
            if count > limit:
                return None
            if group in by_group:
                by_group[group].append(event)
    return [by_group[group] for group in groups]


def _group_fields(registry: StoredRegistry, part: Part | None, job: JobSpec) -> list[str] | None:
    """The fields of the job's groups; None where no event has them."""
    columns = [part.by_path(path) for path in job.group_by] if part is not None else []
    if part is None or not all(columns):
        return None
    return [registry.fields(own[0]).text for own in columns]


def _value_field(registry: StoredRegistry, part: Part, job: JobSpec) -> str | None:
    columns = part.by_path(job.value) if job.value is not None else []
    return registry.fields(columns[0]).text if columns else None


_META = [f"{OWN}.t", f"{OWN}.weight"]


def _hits(
    cluster: Cluster,
    query: Clause,
    value: str | None,
    keys: Sequence[str],
    limit: int | None,
) -> Iterator[dict[str, Any]]:
    """Matching events by time, then id, with the values that jobs look at."""
    wanted = dict.fromkeys([*_META, *keys, *([value] if value is not None else [])])
    body = {
        "query": query,
        "_source": False,
        "docvalue_fields": list(wanted),
    }
    sort = [f"{OWN}.t", f"{OWN}.id"]
    for page in cluster.pages(cluster.indices.events, body, sort=sort, limit=limit):
        for hit in page:
            hit["value"] = hit["fields"].get(value, []) if value is not None else []
            yield hit


def _job_event(hit: dict[str, Any]) -> JobEvent:
    fields = hit["fields"]
    (time,), (weight,) = fields[f"{OWN}.t"], fields[f"{OWN}.weight"]
    return JobEvent(time, hit["_id"], weight, tuple(sorted(hit["value"])))


def _groups_of(hit: dict[str, Any], keys: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield from product(*(hit["fields"].get(key, []) for key in keys))
