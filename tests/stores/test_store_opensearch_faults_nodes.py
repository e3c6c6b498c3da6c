"""Nodes that die, stop, are busy or full while events come: none is lost, none is there twice.

Events are counted by their ids.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from stores.faults import INGEST, batch, check, child, in_pieces, written
from support.opensearch import Cluster, Node

from analytics.store import open_store
from analytics.wire import StoreError

pytestmark = pytest.mark.opensearch

AWAY = 30
"""Seconds for which a cluster is stopped."""

WRITERS = 8

BLOCK = {"index.blocks.read_only_allow_delete": True}
"""What a node sets on every index of a disk that is nearly full."""


@pytest.fixture(scope="module")
def narrow(opensearch_nodes: None) -> Iterator[Node]:
    """A node that works on one write and lets one more wait."""
    with Node({"thread_pool.write.size": 1, "thread_pool.write.queue_size": 1}) as node:
        yield node


@pytest.mark.parametrize("blocked", ["*", "events-*"])
def test_a_full_disk_in_mid_ingest_is_told_and_passes(
    url: str, prefix: str, client: OpenSearch, blocked: str
) -> None:
    def lines() -> Iterator[bytes]:
        yield from batch(range(50))
        yield b""
        client.indices.put_settings(index=f"{prefix}.{blocked}", body=BLOCK)
        yield from batch(range(50, 100))

    with open_store(url, create=True) as store:
        started = time.monotonic()
        with pytest.raises(StoreError, match=r"read-only|blocks that now: index read-only"):
            store.ingest(lines())
        assert time.monotonic() - started < 20  # nobody waits for what does not pass by itself
        check(store, range(50))
        lifted = dict.fromkeys(BLOCK)
        client.indices.put_settings(index=f"{prefix}.*", body=lifted)
        store.ingest([*batch(range(50)), *batch(range(50, 100))])
        check(store, range(100))


@pytest.mark.slow
def test_many_writers_and_a_queue_of_one(narrow: Node, prefix: str, tmp_path: Path) -> None:
    url = f"opensearch+{narrow.url}/{prefix}"
    open_store(url, create=True).close()

    def write(number: int) -> None:
        with open_store(url) as store:
            store.ingest(in_pieces(range(number * 300, number * 300 + 600), 60))

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))
    with open_store(url) as store:
        check(store, range(WRITERS * 300 + 300))
    with OpenSearch(narrow.url) as client:
        (node,) = client.nodes.stats(metric="thread_pool")["nodes"].values()
        assert node["thread_pool"]["write"]["rejected"] > 0


@pytest.mark.slow
def test_a_cluster_that_stands_still_in_mid_ingest_is_waited_for(narrow: Node, prefix: str) -> None:
    def still() -> Callable[[], None]:
        os.killpg(narrow.pid, signal.SIGSTOP)
        return lambda: os.killpg(narrow.pid, signal.SIGCONT)

    with open_store(f"opensearch+{narrow.url}/{prefix}", create=True) as store:
        with away(still) as lines:
            store.ingest(lines)
        check(store, range(600))


@pytest.mark.slow
def test_a_cluster_that_is_killed_and_started_in_mid_ingest(narrow: Node, prefix: str) -> None:
    def killed() -> Callable[[], None]:
        narrow.kill()
        return narrow.start

    with open_store(f"opensearch+{narrow.url}/{prefix}", create=True) as store:
        # A slow machine's node may be away for longer than a writer waits.
        with away(killed, 10) as lines, suppress(StoreError):
            store.ingest(lines)
        settled(narrow.url)
        store.ingest(in_pieces(range(600), 60))
        check(store, range(600))


@contextmanager
def away(
    leave: Callable[[], Callable[[], None]], seconds: float = AWAY
) -> Iterator[Iterator[bytes]]:
    """600 events in whose middle the cluster goes, to come back by what `leave` returns."""
    back: list[threading.Timer] = []

    def lines() -> Iterator[bytes]:
        yield from in_pieces(range(300), 60)
        yield b""
        back.append(threading.Timer(seconds, leave()))
        back[0].start()
        yield from in_pieces(range(300, 600), 60)

    try:
        yield lines()
    finally:
        for timer in back:
            timer.join()
    assert back, "it ended before the cluster went"


def settled(url: str) -> None:
    """Wait until every shard is there again."""
    with OpenSearch(url, timeout=60) as client:
        client.cluster.health(wait_for_status="green")


def lead(client: OpenSearch, indices: str, node: str, *, away_from: str) -> None:
    """Have the copies on `node` written first, by giving up the first ones on another node."""
    client.cluster.health(wait_for_status="green")
    commands = [
        {
            "cancel": {
                "index": place["index"],
                "shard": int(place["shard"]),
                "node": away_from,
                "allow_primary": True,
            }
        }
        for place in client.cat.shards(index=indices, format="json")
        if place["prirep"] == "p" and place["node"] != node
    ]
    client.cluster.reroute(body={"commands": commands})


@pytest.mark.slow
def test_a_data_node_is_killed_under_ingest_comes_back_and_goes_for_good(
    opensearch_nodes: None, prefix: str, tmp_path: Path
) -> None:
    with Cluster(2) as cluster, OpenSearch(cluster.urls, timeout=60) as client:
        hosts = ",".join(url.removeprefix("http://") for url in cluster.urls)
        url, data = f"opensearch+http://{hosts}/{prefix}", cluster.nodes[1]

        def ingest_and_kill(idents: range) -> None:
            settled(cluster.url)
            source = written(tmp_path, in_pieces(idents, 50))
            with child(INGEST, [url, source]) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(0.5)
                assert process.poll() is None
                data.kill()
                assert process.wait(180) == 0

        with open_store(url, create=True) as store:
            store.ingest(batch(range(30)))
            lead(client, f"{prefix}.events-*", "data-1", away_from="manager")
            settled(cluster.url)
            places = client.cat.shards(index=f"{prefix}.*", format="json")
            assert ("data-1", "p") in {(place["node"], place["prirep"]) for place in places}
            ingest_and_kill(range(1_000))
            check(store, range(1_000))
            data.start()
            cluster.wait()
            settled(cluster.url)
            ingest_and_kill(range(500, 1_500))  # now it holds replicas
            check(store, range(1_500))
