"""Indices that are made and mapped, whoever else makes indices and templates in the cluster.

Invariants:
- An index of events is made whole in one step, alias and columns included, so neither a template
  that knows fewer columns nor one of somebody else's decides how events are kept or found.
- An index that is there and not the store's, or that maps a field otherwise, is refused: what is
  written to it would be found wrongly, or by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opensearchpy.exceptions import RequestError

from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.fields import Fields
from analytics.store.opensearch.indices import event_properties
from analytics.wire import StoreError


def make_fixed(cluster: Cluster) -> list[str]:
    """Make the indices that are there from the beginning, if they are not; those that were made.

    Raises:
        StoreError: one is there and maps a field otherwise.
    """
    made = []
    for name, properties in cluster.indices.fixed().items():
        body = cluster.indices.body(properties)
        if _make(cluster, name, body):
            made.append(name)
        else:
            _map(cluster, name, body["mappings"])
    return made


def make_month(cluster: Cluster, index: str, columns: Sequence[Fields]) -> bool:
    """Make an index of events if it is not there; these columns are mapped in it afterwards.

    Returns whether it was made.

    Raises:
        StoreError: it is there and not the store's, or maps a field otherwise.
    """
    events = cluster.indices.events
    if _make(cluster, index, cluster.indices.template(columns)["template"]):
        return True
    if not cluster.ask(lambda: cluster.client.indices.exists_alias(index=index, name=events)):
        raise StoreError(
            f"the index {index} is not the store's: it lacks the alias {events}",
            "somebody else made it: move what is in it elsewhere, delete it, and send this again",
        )
    map_columns(cluster, index, columns)
    return False


def map_all(cluster: Cluster, columns: Sequence[Fields]) -> None:
    """Map columns in all indices of events, and in the template of those that others make.

    Raises:
        StoreError: one maps a field otherwise.
    """
    events, template = cluster.indices.events, cluster.indices.template(columns)
    try:
        cluster.ask(lambda: cluster.client.indices.put_index_template(name=events, body=template))
    except RequestError as error:
        raise StoreError(
            f"the cluster does not take the index template {events}: {error.error}",
            "has another template of the same priority a pattern that meets "
            f"{events}-*? give that one a lower priority",
        ) from error
    map_columns(cluster, f"{events}-*", columns)


def map_columns(cluster: Cluster, index: str, columns: Sequence[Fields]) -> None:
    """Map columns in indices of events that are there.

    Raises:
        StoreError: one maps a field otherwise.
    """
    _map(cluster, index, {"dynamic": "strict", **event_properties(columns)})


def _make(cluster: Cluster, index: str, body: dict[str, Any]) -> bool:
    """Make an index; False if it is there."""
    if cluster.ask(lambda: cluster.client.indices.exists(index=index)):
        return False
    try:
        cluster.ask(lambda: cluster.client.indices.create(index=index, body=body))
    except RequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
        return False
    return True


def _map(cluster: Cluster, index: str, mappings: dict[str, Any]) -> None:
    params = {"allow_no_indices": "true"}
    try:
        cluster.ask(
            lambda: cluster.client.indices.put_mapping(index=index, body=mappings, params=params)
        )
    except RequestError as error:
        raise StoreError(
            f"{index} maps a field otherwise than the store does, or has too many ({error.error})",
            f"somebody made or changed it: see GET {index}/_mapping, move what is in it elsewhere, "
            "delete it, and send this again",
        ) from error
