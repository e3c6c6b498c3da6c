"""The stores that tests of the protocol run on, and fixtures that make empty ones of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from analytics.store import CloudStore, open_store
from support.opensearch.prefixes import Prefixes

STORES: Final = ["duckdb", pytest.param("opensearch", marks=pytest.mark.opensearch)]
"""Every kind of store, for `parametrize`. Those that need a server are marked."""

NewStore = Callable[[], AbstractContextManager[CloudStore]]
"""Makes another empty store with each call, for as long as the context lasts."""

MakeStore = Callable[[str], AbstractContextManager[CloudStore]]
"""The same for a kind."""


@pytest.fixture(scope="session", params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """The kind of store that the test runs on."""
    return str(request.param)


@pytest.fixture(scope="session")
def prefixes(opensearch_url: str) -> Iterator[Prefixes]:
    """Empty stores on the cluster, one after another in the same places."""
    found = Prefixes(opensearch_url)
    yield found
    found.close()


@pytest.fixture
def store_url(request: pytest.FixtureRequest, store_kind: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a store that is not there yet."""
    if store_kind == "duckdb":
        yield f"duckdb:{tmp_path / 'store.db'}"
        return
    prefixes: Prefixes = request.getfixturevalue("prefixes")
    url = prefixes.take()
    yield url
    prefixes.give_back(url)


@pytest.fixture
def store(store_url: str) -> Iterator[CloudStore]:
    """An empty store."""
    with open_store(store_url, create=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def make_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> MakeStore:
    """`make_store(kind)`: an empty store, and another one with each call."""

    @contextmanager
    def make(kind: str) -> Iterator[CloudStore]:
        if kind == "duckdb":
            with (
                TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder,
                open_store(f"duckdb:{folder}/store.db", create=True) as opened,
            ):
                yield opened
            return
        prefixes: Prefixes = request.getfixturevalue("prefixes")
        url = prefixes.take()
        try:
            with open_store(url, create=True) as opened:
                yield opened
        finally:
            prefixes.give_back(url)

    return make


@pytest.fixture(scope="session")
def new_store(make_store: MakeStore, store_kind: str) -> NewStore:
    """`new_store()`: an empty store of the test's kind, and another one with each call."""
    return lambda: make_store(store_kind)
