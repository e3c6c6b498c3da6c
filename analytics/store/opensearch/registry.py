"""The registered headers as the cluster keeps them, shared by all that use the store.

Invariants:
- One small document holds what must change in one step: tenant, epochs with their key check
  values, columns with their names, and a number that grows with every change. Header lines are
  documents of their own and are written before it; one that it does not count yet is not there.
- A column gets its number and name in that document first, so no two programs map different
  columns by one name, whenever they die; then it is mapped, and only then a header counts that
  names it. A writer maps its columns itself in the indices that it writes to: the template may be
  that of a slower program, which knew fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Self

from analytics.store.intake.pending import parts_key
from analytics.store.intake.registry import Epoch, Registry, StoredColumn
from analytics.store.opensearch.cluster import Cluster, bulk_line
from analytics.store.opensearch.fields import Fields, shown_name
from analytics.store.opensearch.indices import SCHEMA_VERSION
from analytics.store.opensearch.mapping import map_all
from analytics.wire import BatchHeader, HeaderLine, Kind, StoreError, encode_bytes, parse_line

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
        """Those of every column that a header names."""
        named = self.named()
        return [self.fields(column) for key, column in self.columns.items() if key in named]

    def own(self, columns: Iterable[StoredColumn]) -> list[StoredColumn]:
        """These columns as they are numbered here; those that are not here are left out.

        Another program's registry, or one that was not stored, may number them otherwise.
        """
        keys = [(column.path, column.kind) for column in columns]
        return [self.columns[key] for key in keys if key in self.columns]

    def named(self) -> set[tuple[str, Kind]]:
        """The columns that headers name; there may be others, of a program that died, or of an
        epoch that is gone."""
        parts = self.parts.values()
        return {(column.path, column.kind) for part in parts for column in part.columns}


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
        lines = _take_in(registry, headers)
        if lines:
            _write_lines(cluster, lines)
            registry.change += 1
            _save(document, registry)
        return registry

    _reserve_columns(cluster, headers)
    return cluster.change(cluster.indices.state, STATE, step)


def _reserve_columns(cluster: Cluster, headers: Sequence[tuple[bytes, BatchHeader]]) -> None:
    """Give columns their numbers and names, for everybody, and map those that no header names yet.

    What can't be mapped stops no one but who names it.
    """

    def reserve(document: dict[str, Any]) -> tuple[StoredRegistry, bool]:
        known = _restore(cluster, document)
        registry, named = known.copy(), known.named()
        _take_in(registry, headers)
        if len(registry.columns) > len(known.columns):
            known.columns, known.names = registry.columns, registry.names
            known.change += 1
            _save(document, known)
        return registry, not registry.named() <= named

    registry, is_unmapped = cluster.change(cluster.indices.state, STATE, reserve)
    if is_unmapped:
        map_all(cluster, registry.all_fields())


def _take_in(
    registry: StoredRegistry, headers: Sequence[tuple[bytes, BatchHeader]]
) -> list[tuple[bytes, BatchHeader]]:
    """Add headers to a registry; those of them that were new."""
    new = []
    for line, header in headers:
        registry.check(header)
        if not registry.knows(line, header):
            registry.add(line, header)
            new.append((line, header))
    return new


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
