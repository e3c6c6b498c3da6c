"""The OpenSearch that tests run against: it answers, comes back with its data, and goes away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from support.opensearch import Cluster, Node

pytestmark = pytest.mark.opensearch

PATIENCE = 60  # seconds

USER = """
import sys, time
from pathlib import Path
from support.opensearch.fixtures import shared_node

with shared_node(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def cluster(opensearch_nodes: None) -> Iterator[Cluster]:
    """Two nodes."""
    with Cluster(2) as nodes:
        yield nodes


def test_the_shared_node_answers_and_makes_no_index_by_itself(opensearch_url: str) -> None:
    client = OpenSearch(opensearch_url)
    assert client.info()["version"]["distribution"] == "opensearch"
    assert client.cluster.health()["status"] == "green"
    if "OPENSEARCH_URL" not in os.environ:
        settings = client.cluster.get_settings(include_defaults=True, flat_settings=True)
        assert settings["defaults"]["action.auto_create_index"] == "false"


def test_a_data_node_is_killed_and_comes_back_with_what_it_held(cluster: Cluster) -> None:
    client = OpenSearch(cluster.urls, timeout=60)
    client.indices.create(
        index="kept",
        body={"settings": {"number_of_replicas": 1, "index.write.wait_for_active_shards": 2}},
    )
    client.index(index="kept", body={"n": 1}, id="a")
    data = cluster.nodes[1]
    before = data.url
    data.kill()
    _until(lambda: client.cluster.health()["number_of_nodes"] == 1)
    assert client.get(index="kept", id="a")["_source"] == {"n": 1}
    data.start()
    cluster.wait()
    assert data.url == before
    client.cluster.health(wait_for_status="green")
    of_data_node = client.get(index="kept", id="a", params={"preference": "_only_nodes:data-1"})
    assert of_data_node["_source"] == {"n": 1}


def test_a_node_leaves_no_process_and_no_file_behind(opensearch_nodes: None) -> None:
    with Node() as node:
        group, home = node.pid, node.home
        assert _runs(group)
    assert not _runs(group)
    assert not home.exists()


def test_a_shared_node_ends_with_its_last_user_even_if_all_are_killed(
    opensearch_nodes: None, tmp_path: Path
) -> None:
    users = [_user(tmp_path) for _ in range(2)]
    try:
        addresses = {_first_line(user) for user in users}
        assert len(addresses) == 1
        (url,) = addresses
        users[0].kill()
        users[0].wait(PATIENCE)
        time.sleep(1)
        assert OpenSearch(url).ping()
    finally:
        for user in users:
            user.kill()
            user.wait(PATIENCE)
    _until(lambda: not OpenSearch(url, max_retries=0).ping())


def _user(folder: Path) -> subprocess.Popen[bytes]:
    """A process that uses the shared node of a folder until it is killed."""
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def _runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s"
        time.sleep(0.2)
