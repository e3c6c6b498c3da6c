"""The registered headers as the cluster keeps them, shared by all that use the store.

Invariants:
- One small document holds what must change in one step: tenant, epochs with their key check
  values, columns with their names, and a number that grows with every change. Header lines are
  documents of their own and are written before it; one that it does not count yet is not there.
- A column is mapped in every index of events, and in the template of later ones, before the
  document names it; so whoever knows a column can write and ask it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Self

from analytics.store.intake.pending import parts_key
from analytics.store.intake.registry import Epoch, Registry, StoredColumn
from analytics.store.opensearch.cluster import Cluster, bulk_line
from analytics.store.opensearch.fields import Fields, shown_name
from analytics.store.opensearch.indices import SCHEMA_VERSION, event_properties
from analytics.wire import BatchHeader, HeaderLine, StoreError, encode_bytes, parse_line

STATE: Final = "state"


class StoredRegistry(Registry):
    """The registry of a cluster's store, with the fields of its columns."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[int, str | None] = {}
        """By a column's number, the name under which it is shown."""
        self.change = 0
        """Grows with every change of what the cluster keeps."""

    def copy(self) -> Self:
        """A registry that can be changed without changing this one."""
        other = super().copy()
        other.names = self.names.copy()
        return other

    def add(self, line: bytes, header: BatchHeader) -> None:
        """Take in a header, and name its new columns."""
        super().add(line, header)
        for column in self.columns.values():
            if column.number not in self.names:
                taken = [name for name in self.names.values() if name is not None]
                self.names[column.number] = shown_name(column.path, taken)

    def fields(self, column: StoredColumn) -> Fields:
        """The fields of a column."""
        return Fields.of(column, self.names[column.number])

    def all_fields(self) -> list[Fields]:
        """Those of every column."""
        return [self.fields(column) for column in self.columns.values()]


def load_registry(cluster: Cluster) -> StoredRegistry:
    """The registry as the cluster keeps it now.

    Raises:
        StoreError: it is another version's.
    """
    found = cluster.read(cluster.indices.state, STATE)
    return _restore(cluster, found[0] if found is not None else {})


def is_current(cluster: Cluster, registry: StoredRegistry) -> bool:
    """Whether nothing has changed since a registry was loaded."""
    found = cluster.read(cluster.indices.state, STATE)
    return bool((found[0] if found is not None else {}).get("change", 0) == registry.change)


def register(cluster: Cluster, headers: Sequence[tuple[bytes, BatchHeader]]) -> StoredRegistry:
    """Take in headers, for everybody; the registry with them.

    Raises:
        StoreError: another tenant's.
        EpochConflictError: kid known with another key check value.
    """

    def step(document: dict[str, Any]) -> StoredRegistry:
        registry = _restore(cluster, document)
        known = len(registry.columns)
        lines = []
        for line, header in headers:
            registry.check(header)
            if not registry.knows(line, header):
                registry.add(line, header)
                lines.append((line, header))
        if not lines:
            return registry
        if len(registry.columns) > known or not known:
            map_columns(cluster, registry)
        _write_lines(cluster, lines)
        registry.change += 1
        _save(document, registry)
        return registry

    return cluster.change(cluster.indices.state, STATE, step)


def forget(cluster: Cluster, kid: str) -> StoredRegistry:
    """Leave out an epoch, its parts and header lines, for everybody."""

    def step(document: dict[str, Any]) -> StoredRegistry:
        registry = _restore(cluster, document)
        if kid in registry.epochs:
            of_kid = {
                line
                for line in registry.lines
                if isinstance(parsed := parse_line(line), HeaderLine) and parsed.header.kid == kid
            }
            registry.lines = {k: v for k, v in registry.lines.items() if k not in of_kid}
            registry.drop(kid)
            registry.change += 1
            _save(document, registry)
        return registry

    registry = cluster.change(cluster.indices.state, STATE, step)
    cluster.client.delete_by_query(
        index=cluster.indices.headers,
        body={"query": {"term": {"kid": kid}}},
        params={"refresh": "true", "conflicts": "proceed"},
    )
    return registry


def map_columns(cluster: Cluster, registry: StoredRegistry) -> None:
    """Map every column, in the indices that are there and those to come."""
    indices, fields = cluster.indices, registry.all_fields()
    cluster.client.indices.put_index_template(name=indices.events, body=indices.template(fields))
    cluster.client.indices.put_mapping(
        index=f"{indices.events}-*",
        body={"dynamic": "strict", **event_properties(fields)},
        params={"allow_no_indices": "true"},
    )


def _restore(cluster: Cluster, document: dict[str, Any]) -> StoredRegistry:
    registry = StoredRegistry()
    if not document:
        return registry
    if document["version"] != SCHEMA_VERSION:
        raise StoreError(
            f"the store `{cluster.indices.prefix}` has version {document['version']}, and this "
            f"program knows version {SCHEMA_VERSION}",
            "use the release of zt-analytics that made it, or a newer one",
        )
    registry.change = document["change"]
    registry.tenant = document["tenant"]
    for number, kid, kcv, generation in document["epochs"]:
        registry.epochs[kid] = Epoch(number, kcv, generation)
    for number, (path, kind, name) in enumerate(document["columns"], 1):
        registry.columns[path, kind] = StoredColumn(number, path, kind)
        registry.names[number] = name
    registry.restore(_stored_lines(cluster, document["lines"]))
    return registry


def _stored_lines(
    cluster: Cluster, counted: Sequence[tuple[str, int]]
) -> Iterator[tuple[int, bytes, BatchHeader]]:
    everything: dict[str, Any] = {"query": {"match_all": {}}}
    lines = {
        hit["_id"]: hit["_source"]["line"].encode()
        for page in cluster.pages(cluster.indices.headers, everything)
        for hit in page
    }
    for name, newest in counted:
        parsed = parse_line(lines[name]) if name in lines else None
        if not isinstance(parsed, HeaderLine):
            raise StoreError("the store lacks a header line that it counts", "restore a backup")
        yield newest, parsed.raw, parsed.header


def _write_lines(cluster: Cluster, headers: Iterable[tuple[bytes, BatchHeader]]) -> None:
    index = cluster.indices.headers
    items = [
        bulk_line(
            {"index": {"_index": index, "_id": _name(line)}},
            {"kid": header.kid, "line": line.decode()},
        )
        for line, header in headers
    ]
    if any(cluster.bulk(items)):
        raise StoreError("the cluster did not take a header", "look into its log")
    cluster.refresh(index)


def _save(document: dict[str, Any], registry: StoredRegistry) -> None:
    document |= {
        "version": SCHEMA_VERSION,
        "change": registry.change,
        "tenant": registry.tenant,
        "epochs": [[e.number, kid, e.kcv, e.generation] for kid, e in registry.epochs.items()],
        "columns": [
            [column.path, column.kind, registry.names[column.number]]
            for column in registry.columns.values()
        ],
        "lines": [[_name(line), newest] for line, newest in registry.lines.items()],
    }


def _name(line: bytes) -> str:
    return encode_bytes(parts_key(line.decode()))
