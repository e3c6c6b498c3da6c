"""Removing what a test has made in a cluster that goes on."""

from __future__ import annotations

from contextlib import suppress

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError


def remove(url: str, prefix: str, *, indices: bool = True) -> None:
    """Remove the index templates of stores whose prefixes begin so, and their indices."""
    with OpenSearch(url) as client:
        if indices:
            client.indices.delete(index=f"{prefix}*")
        with suppress(NotFoundError):
            client.indices.delete_index_template(name=f"{prefix}*.events")
