"""Removing what a test has made in a cluster that goes on."""

from __future__ import annotations

from opensearchpy import OpenSearch


def remove(url: str, prefix: str, *, indices: bool = True) -> None:
    """Remove the index template of a store, and its indices."""
    with OpenSearch(url) as client:
        if indices:
            client.indices.delete(index=f"{prefix}-*")
        client.indices.delete_index_template(name=f"{prefix}-events", params={"ignore": "404"})
