"""Every store behind one fixture, and wire lines made by hand.

Stores verify no ciphertext, seal or tag, so the lines carry made-up bytes in valid spelling.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analytics.store import CloudStore, open_store

STORES = ["duckdb", pytest.param("opensearch", marks=pytest.mark.opensearch)]


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is not there yet."""
    match request.param:
        case "duckdb":
            return f"duckdb:{tmp_path / 'store.db'}"
        case "opensearch":
            base = request.getfixturevalue("opensearch_url")
            name = secrets.token_hex(6)
            return f"opensearch+{base}/t{name}"
        case other:
            raise AssertionError(other)


@pytest.fixture
def store(store_url: str) -> Iterator[CloudStore]:
    """An empty store."""
    with open_store(store_url, create=True) as opened:
        yield opened


@pytest.fixture
def new_store(tmp_path: Path) -> Callable[[], CloudStore]:
    """Makes another empty store with each call, for Hypothesis."""
    made = 0

    def make() -> CloudStore:
        nonlocal made
        made += 1
        return open_store(f"duckdb:{tmp_path / f'other-{made}.db'}", create=True)

    return make
