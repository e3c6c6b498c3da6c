"""What tests of faults in OpenSearch share."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from opensearchpy import OpenSearch
from support.opensearch.removing import remove


@pytest.fixture
def prefix() -> str:
    """Of a store in OpenSearch that is not there yet."""
    return f"f{secrets.token_hex(6)}"


@pytest.fixture
def url(opensearch_url: str, prefix: str) -> Iterator[str]:
    """The URL of that store."""
    yield f"opensearch+{opensearch_url}/{prefix}"
    remove(opensearch_url, prefix)


@pytest.fixture
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    """Somebody else who uses the cluster."""
    with OpenSearch(opensearch_url) as other:
        yield other
