"""Findings, and the sequence by which followers ask for what is new.

Invariants:
- A finding is one document under its id; one that says nothing new is not written, and keeps its
  sequence.
- Sequences are numbers of `positions`: a follower is given those below which nothing more comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from analytics.store.opensearch.cluster import PAGE, Cluster, bulk_line
from analytics.store.opensearch.positions import Positions
from analytics.store.replacing import place_findings
from analytics.wire import Finding, JobPart, JobSpec, StoreError

SEQUENCES: Final = "sequences"
"""The row of numbers that findings get."""


def read_findings(cluster: Cluster, after: int) -> Iterator[Finding]:
    """Findings with a greater sequence, in that order."""
    last = Positions(cluster, SEQUENCES).settled()
    cluster.refresh(cluster.indices.findings)
    while True:
        found = cluster.search(
            cluster.indices.findings,
            {
                "query": {"range": {"sequence": {"gt": after, "lte": last}}},
                "sort": ["sequence"],
                "size": PAGE,
                "track_total_hits": False,
            },
        )
        hits = found["hits"]["hits"]
        yield from map(_finding, hits)
        if len(hits) < PAGE:
            return
        after = hits[-1]["sort"][0]


def findings_of_groups(
    cluster: Cluster,
    job: JobSpec,
    part: JobPart,
    groups: Sequence[tuple[str, ...]],
    window: tuple[int, int],
) -> list[list[Finding]]:
    """The findings of each group whose windows meet a half-open one, by start."""
    by_group: dict[str, list[Finding]] = {_group_text(group): [] for group in groups}
    texts = list(by_group)
    cluster.refresh(cluster.indices.findings)
    for start in range(0, len(texts), PAGE):
        clauses: list[dict[str, Any]] = [
            {"term": {"job": job.id}},
            {"term": {"version": job.version}},
            {"term": {"kid": part.kid}},
            {"term": {"profile": part.profile}},
            {"range": {"since": {"lt": window[1]}}},
            {"range": {"until": {"gt": window[0]}}},
            {"terms": {"group": texts[start : start + PAGE]}},
        ]
        for page in cluster.pages(
            cluster.indices.findings,
            {"query": {"bool": {"filter": clauses}}},
            sort=["since", "id"],
        ):
            for hit in page:
                by_group[hit["_source"]["group"]].append(_finding(hit))
    return [by_group[_group_text(group)] for group in groups]


def write_findings(cluster: Cluster, findings: Sequence[Finding]) -> None:
    """Store the findings that say something new; followers see them afterwards."""
    latest = {finding.id: finding for finding in findings}
    there = find_by_id(cluster, list(latest))
    changed = [f for f in latest.values() if f.id not in there or _body(f) != _body(there[f.id])]
    if not changed:
        return
    row = Positions(cluster, SEQUENCES)
    block = row.take(len(changed))
    numbered = [
        finding.model_copy(update={"sequence": sequence})
        for sequence, finding in enumerate(changed, block.first)
    ]
    block.check()
    _put(cluster, numbered)
    row.close(block)


def replace_findings(cluster: Cluster, replacements: Mapping[str, Finding]) -> int:
    """Put findings in the place of those with these ids; see `Store.replace_findings`."""
    there = find_by_id(cluster, [*replacements, *(finding.id for finding in replacements.values())])
    gone = {old: new for old, new in replacements.items() if old in there and new.id != old}
    newest = greatest_sequence(cluster)
    placed = place_findings(gone, there, newest)
    _put(cluster, list(placed.values()))
    _delete(cluster, [old for old in gone if old not in placed])
    return len(gone)


def find_by_id(cluster: Cluster, ids: Sequence[str]) -> dict[str, Finding]:
    """The findings with these ids, as they are now."""
    found: dict[str, Finding] = {}
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), PAGE):
        answer = cluster.client.mget(
            index=cluster.indices.findings, body={"ids": distinct[start : start + PAGE]}
        )
        if any("error" in doc for doc in answer["docs"]):
            raise StoreError(
                "a part of the findings can't be read now",
                "is the cluster whole? its own address /_cluster/health tells",
            )
        found.update((doc["_id"], _finding(doc)) for doc in answer["docs"] if doc.get("found"))
    return found


def greatest_sequence(cluster: Cluster) -> int:
    """The sequence of the newest finding; 0 if there is none."""
    cluster.refresh(cluster.indices.findings)
    found = cluster.search(
        cluster.indices.findings, {"size": 0, "aggs": {"last": {"max": {"field": "sequence"}}}}
    )
    return int(found["aggregations"]["last"]["value"] or 0)


def _put(cluster: Cluster, findings: Sequence[Finding]) -> None:
    index = cluster.indices.findings
    lines = [
        bulk_line(
            {"index": {"_index": index, "_id": finding.id}},
            {
                "sequence": finding.sequence,
                "id": finding.id,
                "job": finding.job,
                "version": finding.version,
                "kid": finding.kid,
                "profile": finding.profile,
                "group": _group_text(finding.group),
                "since": finding.start,
                "until": finding.end,
                "partial": finding.partial,
                "body": _body(finding),
            },
        )
        for finding in findings
    ]
    _send(cluster, lines)


def _delete(cluster: Cluster, ids: Sequence[str]) -> None:
    index = cluster.indices.findings
    _send(cluster, [bulk_line({"delete": {"_index": index, "_id": name}}) for name in ids])


def _send(cluster: Cluster, lines: list[bytes]) -> None:
    for start in range(0, len(lines), PAGE):
        for refusal in cluster.bulk(lines[start : start + PAGE]):
            if refusal is not None and refusal.status != 404:
                raise StoreError(
                    f"the cluster did not take a finding: {refusal.kind}", "look into its log"
                )
    cluster.refresh(cluster.indices.findings)


def _body(finding: Finding) -> str:
    return finding.model_dump_json(exclude={"sequence"})


def _finding(hit: dict[str, Any]) -> Finding:
    source = hit["_source"]
    return Finding.model_validate_json(source["body"]).model_copy(
        update={"sequence": source["sequence"]}
    )


def _group_text(group: tuple[str, ...]) -> str:
    return msgspec.json.encode(group).decode()
