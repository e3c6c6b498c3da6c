"""Indices that are made and mapped, whoever else makes indices and templates in the cluster.

Invariants:
- An index of events is made whole in one step, alias and columns included, so neither a template
  that knows fewer columns nor one of somebody else's decides how events are kept or found.
- An index that is there and not the store's, or that maps a field otherwise, is refused: what is
  written to it would be found wrongly, or by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from opensearchpy.exceptions import NotFoundError, RequestError

from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.fields import Fields
from analytics.store.opensearch.indices import event_properties
from analytics.wire import StoreError


def make_index(cluster: Cluster, index: str, body: dict[str, Any]) -> bool:
    """Make an index if it is not there; whether it was made.

    Raises:
        StoreError: it is there and maps a field otherwise, or can't be made as it must be.
    """
    found = _make_or_find(cluster, index, body)
    if found is not None and _lacks(found["mappings"], body["mappings"]):
        _map(cluster, index, body["mappings"])
    return found is None


def make_month(cluster: Cluster, index: str, columns: Sequence[Fields]) -> bool:
    """Make an index of events if it is not there, and map these columns; whether it was made.

    Raises:
        StoreError: it is there and not the store's, maps a field otherwise, or can't be made.
    """
    events = cluster.indices.events
    found = _make_or_find(cluster, index, cluster.indices.template(columns)["template"])
    if found is None:
        return True
    if events not in found["aliases"]:
        raise StoreError(
            f"the index {index} is not the store's: it lacks the alias {events}",
            "somebody else made it: move what is in it elsewhere, delete it, and send this again",
        )
    if _lacks(found["mappings"], _mappings(columns)):
        _map(cluster, index, _mappings(columns))
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
    _map(cluster, f"{events}-*", _mappings(columns))


def _mappings(columns: Sequence[Fields]) -> dict[str, Any]:
    return {"dynamic": "strict", **event_properties(columns)}


def _make_or_find(cluster: Cluster, index: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Make an index; if it is there, what it is instead."""
    with suppress(NotFoundError):
        return _get(cluster, index)
    try:
        cluster.ask(lambda: cluster.client.indices.create(index=index, body=body))
    except RequestError as error:
        if error.error == "resource_already_exists_exception":
            return _get(cluster, index)
        raise StoreError(
            f"the cluster does not make the index {index}: {error.error}",
            "has a template of somebody else a pattern that meets that name, and other fields? "
            "change its pattern, and send this again",
        ) from error
    return None


def _get(cluster: Cluster, index: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.ask(lambda: cluster.client.indices.get(index=index))
    return next(iter(found.values()))


def _lacks(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a mapping is not yet as it must be: who only writes need not have the right to map.

    What is there beside what is wanted is nobody's harm.
    """
    if "properties" not in wanted:
        own = {
            name: value for name, value in wanted.items() if name != "norms"
        }  # keywords' default
        return own != found
    if found.get("dynamic") != wanted.get("dynamic", found.get("dynamic")):
        return True
    there = found.get("properties", {})
    return any(
        name not in there or _lacks(there[name], inner)
        for name, inner in wanted["properties"].items()
    )


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
