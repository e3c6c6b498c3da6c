"""A store's indices and template, made where they are missing, and found where they are not.

Making is safe to end at any moment and to do by several programs at once: each makes what it does
not find.
"""

from __future__ import annotations

from analytics.store.opensearch.address import Address
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.mapping import make_index, make_month, map_all
from analytics.store.opensearch.registry import load_registry
from analytics.wire import StoreError


def make_store(cluster: Cluster) -> list[str]:
    """Make what is missing; what was made, in words and in that order.

    Raises:
        StoreError: an index is there and is not the store's.
    """
    indices, made = cluster.indices, []

    for index, properties in indices.fixed().items():
        if make_index(cluster, index, indices.body(properties)):
            made.append(f"the index {index}")
    columns = load_registry(cluster).all_fields()
    # A snapshot that is restored brings indices and aliases, and templates only if it was asked to.
    is_there = cluster.client.indices.exists_index_template(name=indices.events)
    # One that was left behind by a store whose indices are gone maps that store's columns.
    if not is_there or not columns:
        map_all(cluster, columns)
    if not is_there:
        made.append(f"the index template {indices.events}")
    if make_month(cluster, indices.month(None), columns):
        made.append(f"the index {indices.month(None)}")
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
