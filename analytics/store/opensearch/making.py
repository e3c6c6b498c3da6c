"""A store's indices and template, made where they are missing, and found where they are not.

Making is safe to end at any moment and to do by several programs at once: each makes what it does
not find.
"""

from __future__ import annotations

from typing import Any

from analytics.store.opensearch.address import Address
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.ingest import make_index
from analytics.store.opensearch.registry import load_registry, map_columns
from analytics.wire import StoreError


def make_store(cluster: Cluster) -> list[str]:
    """Make what is missing; what was made, in words and in that order."""
    indices, made = cluster.indices, []

    def make(index: str, body: dict[str, Any] | None = None) -> None:
        if make_index(cluster, index, body):
            made.append(f"the index {index}")

    for name, properties in indices.fixed().items():
        make(name, indices.body(properties))
    # A month made without the template would be in no answer. A snapshot that is restored brings
    # indices and aliases, and templates only if it was asked to.
    if not cluster.client.indices.exists_index_template(name=indices.events):
        map_columns(cluster, load_registry(cluster))
        made.append(f"the index template {indices.events}")
    make(indices.month(None))
    return made


def find_store(cluster: Cluster, address: Address) -> None:
    """See that the store is there.

    Raises:
        StoreError: it is not.
    """
    if not cluster.client.indices.exists_alias(name=cluster.indices.events):
        raise StoreError(
            f"there is no store `{cluster.indices.prefix}` in OpenSearch at {address}",
            "is the prefix right? a new store is made by zt-analytics init or ingest",
        )
