"""Questions to OpenSearch on ciphertext, against the same ones on plaintext in the same cluster.

    python -m tests.bench.opensearch [--events N] [--dry-run]

Fills the tables `opensearch` and `opensearch-ingest` of docs/benchmarks.md. A node of its own is
started for it, with Java's usual options; OPENSEARCH_URL names a cluster to use instead. Each
question is asked several times of each in turn, and the best counts. Of the encrypted side that is
from plaintext to plaintext, as in `tests.bench.stores`; both get their answers through the same
client.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analytics.store.opensearch.address import parse_address
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.store import OpenSearchStore
from analytics.wire import Metric, parse_time
from keys import Ring, init_ring
from zt.encoder import Encoder
from zt.profile import Profile

from ..encoder.events import FORTY_FIELDS, sip_events, sip_lines, value_at
from ..page import BENCHMARKS, Row, fill, markdown
from ..stores.__main__ import Edge
from ..stores.fill import SEARCHED, clear_profile
from .fill import Documents, Recording, copy_events, plain_events, plain_index

BASE = 25_000
ROUNDS = 5
SPAN = 3_000 * BASE  # microseconds that the base's events take
HOUR = 3_600_000_000
PAGE = 30_000
LEASE = 75
"""Seconds after which a node no longer keeps what it would need to bring another one up to date."""
STATISTICS = 11
"""Seconds for which a node remembers what its files took."""

Ask = Callable[[], Any]


@contextmanager
def cluster_url() -> Iterator[str]:
    """A running OpenSearch."""
    if url := os.environ.get("OPENSEARCH_URL"):
        yield url.rstrip("/")
        return
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from support.opensearch import Node

    with Node(heap="2g", java="") as node:
        yield node.url


def seconds(work: Ask) -> float:
    """How long it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Plain:
    """Questions to the plain index, in pages where there may be many groups."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster, self._index = cluster, index

    def ask(self, query: dict[str, Any], aggs: dict[str, Any] | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {"size": 0, "track_total_hits": True, "query": query}
        return self._cluster.search(self._index, {**body, "aggs": aggs} if aggs else body)

    def count(self, query: dict[str, Any]) -> int:
        return int(self.ask(query)["hits"]["total"]["value"])

    def groups(self, field: str, limit: int = PAGE) -> list[int]:
        terms = {"field": field, "size": limit, "shard_size": PAGE}
        found = self.ask({"match_all": {}}, {"groups": {"terms": terms}})
        return [group["doc_count"] for group in found["aggregations"]["groups"]["buckets"]]

    def hours(self) -> list[int]:
        width = {"field": "@timestamp", "fixed_interval": "1h", "min_doc_count": 1}
        found = self.ask({"match_all": {}}, {"hours": {"date_histogram": width}})
        return [bucket["doc_count"] for bucket in found["aggregations"]["hours"]["buckets"]]


def questions(edge: Edge, plain: Plain) -> Iterator[tuple[str, Ask, Ask]]:
    """What is asked: its name, and how it is asked of ciphertext and of plaintext."""
    (event,) = sip_events(1)
    caller, call = value_at(event, "sip.from"), value_at(event, "sip.call_id")
    for path in ("client.ip", "sip.to"):
        yield (
            f"group by {path}, all groups",
            lambda path=path: edge.query(group_by=(path,)),  # type: ignore[misc]
            lambda path=path: plain.groups(path),  # type: ignore[misc]
        )
    yield (
        "group by sip.from, top ten",
        lambda: edge.query(group_by=("sip.from",), limit=10),
        lambda: plain.groups("sip.from", 10),
    )
    yield (
        "sip.from equals",
        lambda: edge.query(filter=edge.equals("sip.from", caller)),
        lambda: [plain.count({"term": {"sip.from": caller}})],
    )
    for path, part in (
        ("sip.to", "pbx17"),
        ("sip.to", value_at(event, "sip.to")[5:14]),
        ("sip.call_id", call[4:12]),
    ):
        for field, kind in ((path, "keyword"), (f"{path}.wild", "wildcard")):
            yield (
                f"{path} contains, {len(part)} characters, against a {kind} field",
                lambda path=path, part=part: edge.query(filter=edge.contains(path, part)),  # type: ignore[misc]
                lambda field=field, part=part: [  # type: ignore[misc]
                    plain.count({"wildcard": {field: {"value": f"*{part}*"}}})
                ],
            )
    distinct = (Metric(kind="distinct", path="sip.to"),)
    yield (
        "distinct sip.to",
        lambda: edge.query(metrics=distinct),
        lambda: [len(plain.groups("sip.to"))],
    )
    yield "events by hour", lambda: edge.query(interval=HOUR), plain.hours


def answers(edge: Edge, plain: Plain, events: int) -> Iterator[Row]:
    """One row for each question."""
    yield ("question", "events", "ciphertext, ms", "plaintext, ms", "times")
    for name, ours, theirs in questions(edge, plain):
        counts = sorted(row.metrics[0] for row in ours()), sorted(theirs())
        if counts[0] != counts[1]:
            raise AssertionError(f"{name}: {counts[0][:5]} and {counts[1][:5]}")
        rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
        mine, other = (min(column) for column in zip(*rounds, strict=True))
        row = (name, f"{events:,}", f"{1000 * mine:,.1f}", f"{1000 * other:,.1f}")
        print(*row, f"{mine / other:.2f}", sep=" | ", file=sys.stderr)
        yield (*row, f"{mine / other:.2f}")


def settle(cluster: Cluster, *indices: str) -> int:
    """Merge indices as a month's are in the end; the bytes that they take then.

    What a node keeps of documents to bring another one up to date goes with a merge, after the
    half minute in which it tells others of what it has.
    """
    client = cluster.client
    for index in indices:
        client.indices.flush(index=index)
    time.sleep(LEASE)
    for index in indices:
        client.indices.flush(index=index)
        client.indices.forcemerge(index=index, params={"max_num_segments": "1"}, timeout=1800)
        client.indices.refresh(index=index)
    time.sleep(STATISTICS)
    stats = client.indices.stats(index=",".join(indices), metric="store")
    return int(stats["_all"]["primaries"]["store"]["size_in_bytes"])


class Bench:
    """Fills a cluster and asks it."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._ring: Ring = init_ring(folder / "ring.json", "bench", "file:ring.key")
        self._name = f"bench{os.getpid()}"
        self._rows: list[Row] = [("events", "events/s", "bytes, all new", "bytes, with copies")]

    def store(self, profile: str) -> OpenSearchStore:
        return OpenSearchStore(
            parse_address(f"opensearch+{self._url}/{self._name}-{profile}"), create=True
        )

    def ingest(self, name: str, profile: Profile, count: int, copies: int) -> OpenSearchStore:
        """Ingest under a profile, twice, since a node that has just started is slow; then add
        copies, and the figures of all of it to the table."""
        wire = list(Encoder(self._ring, profile, stream="bench").encrypt(sip_lines(count)))
        with self.store(f"{name}-first") as first:
            first.ingest(wire)
            self.remove(first)
        store, sent = self.store(name), Documents()
        store._cluster = Recording(store._cluster.client, store._cluster.indices)
        store._cluster.sent = sent
        took = seconds(lambda: store.ingest(wire))
        # What is copied is not to be copied again.
        cluster = store._cluster = Cluster(store._cluster.client, store._cluster.indices)
        fresh = settle(cluster, cluster.indices.events, cluster.indices.values)
        held = fresh
        if copies > 1:
            copy_events(cluster, sent, copies, SPAN)
            held = settle(cluster, cluster.indices.events, cluster.indices.values)
        self.note(name, count, took, fresh, copies, held)
        return store

    def plain(self, cluster: Cluster, count: int, copies: int) -> str:
        """The index of the same events in plaintext."""
        events = list(sip_events(count))
        for event in events:
            event["@timestamp"] = parse_time(event["@timestamp"]) // 1000
        index = f"{self._name}.plain"
        settings = {"number_of_shards": 1, "number_of_replicas": 0, "codec": "best_compression"}
        for name in (f"{index}-first", index):
            plain_index(cluster.client, name, settings)
            took = seconds(lambda name=name: plain_events(cluster, name, events, 0, SPAN))  # type: ignore[misc]
        fresh = settle(cluster, index)
        for copy in range(1, copies):
            plain_events(cluster, index, events, copy, SPAN)
        self.note("plain", count, took, fresh, copies, settle(cluster, index))
        return index

    def note(self, name: str, count: int, took: float, fresh: int, copies: int, held: int) -> None:
        """Add a row of figures: bytes when each event is a new one, and with its copies."""
        row = (
            name,
            f"{count / took:,.0f}",
            f"{fresh / count:,.0f}",
            f"{held / count / copies:,.0f}",
        )
        print(*row, sep=" | ", file=sys.stderr)
        self._rows.append(row)

    def remove(self, store: OpenSearchStore) -> None:
        client, prefix = store._cluster.client, store._cluster.indices.prefix
        client.indices.delete(index=f"{prefix}.*")
        client.indices.delete_index_template(name=f"{prefix}.events")

    def run(self, events: int) -> dict[str, str]:
        """Measure everything; the tables by name."""
        base = min(BASE, events)
        copies = max(1, events // base)
        for name, profile, times in (
            ("no-tokens", FORTY_FIELDS_UNSEARCHED, 1),
            ("clear", clear_profile(), copies),
        ):
            store = self.ingest(name, profile, base, times)
            self.remove(store)
            store.close()
        store = self.ingest("tokens", SEARCHED, base, copies)
        cluster = store._cluster
        index = self.plain(cluster, base, copies)
        table = answers(Edge(self._ring, store), Plain(cluster, index), base * copies)
        made = {"opensearch": markdown(table), "opensearch-ingest": markdown(self._rows)}
        self.remove(store)
        cluster.client.indices.delete(index=f"{self._name}.plain*")
        return made


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.opensearch", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as name, cluster_url() as url:
        made = Bench(url, Path(name)).run(options.events)
    print("\n\n".join(made.values()))
    if not options.dry_run:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), made))


FORTY_FIELDS_UNSEARCHED = Profile.model_validate(
    {
        **FORTY_FIELDS.model_dump(exclude_unset=True),
        "name": "bench-unsearched",
        "fields": {
            path: {key: value for key, value in rule.items() if key != "search"}
            for path, rule in FORTY_FIELDS.model_dump(exclude_unset=True)["fields"].items()
        },
    }
)
"""The profile of the encoder's benchmarks without tokens."""


if __name__ == "__main__":
    main()
