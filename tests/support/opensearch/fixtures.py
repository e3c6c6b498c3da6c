"""The fixture by which tests reach a real OpenSearch: one node for a whole run of pytest."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from support.opensearch.distribution import UnavailableError, distribution, java_home, locked
from support.opensearch.node import Node


@pytest.fixture(scope="session")
def opensearch_nodes(require: Callable[[object, str], None]) -> None:
    """For tests that start a `Node` or a `Cluster` of their own: skip where that can't be."""
    try:
        distribution()
        java_home()
    except UnavailableError as error:
        reason = str(error)
    else:
        return
    require(False, reason)


@pytest.fixture(scope="session")
def opensearch_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a running OpenSearch, `http://127.0.0.1:PORT`.

    One node serves every worker of the run, so a test uses names that no other test does.
    OPENSEARCH_URL names a cluster to use instead.
    """
    if url := os.environ.get("OPENSEARCH_URL"):
        yield url.rstrip("/")
        return
    request.getfixturevalue("opensearch_nodes")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the run's own, which its workers share
    with shared_node(folder) as url:
        yield url


@contextmanager
def shared_node(folder: Path) -> Iterator[str]:
    """The address of a node for all who name the same folder; the last one's end is its end."""
    with (folder / "opensearch.users").open("a") as user, ExitStack() as leaving:
        with locked(folder / "opensearch.starting"):
            fcntl.flock(user, fcntl.LOCK_SH)  # from here on no guard ends it
            address = folder / "opensearch.url"
            if not (address.exists() and _answers(address.read_text())):
                node = Node(heap="1g", lock=Path(user.name))
                leaving.callback(node.release)
                node.start()
                address.write_text(node.url)
        yield address.read_text()


def _answers(url: str) -> bool:
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=30)) as http:
        try:
            http.request("GET", "/")
            return http.getresponse().status == 200
        except OSError:
            return False
