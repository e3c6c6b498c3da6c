"""What the headers said: tenant, epochs, profiles and columns.

Invariants:
- A registry is read from the tables, or is a copy that one ingest transaction changes and that
  replaces the store's own after the commit; readers never see an uncommitted one.
- A part is a (kid, profile); events refer to it by number. Its columns stand in the order in
  which its headers named them, and the first of a path has a text for every event of the part
  that has one: a later kind of the same path only adds typed values.
- Columns are shared by all parts that name the same (path, kind), at most MAX_COLUMNS of them.
- Numbers are given in growing order and may be given again once nothing has them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import duckdb

from analytics.store.duckdb.schema import add_column
from analytics.wire import (
    MAX_COLUMNS,
    BatchHeader,
    Column,
    EpochConflictError,
    HeaderLine,
    Kind,
    StoreError,
    parse_line,
)


@dataclass(slots=True)
class StoredColumn:
    """A column of the tables."""

    number: int
    path: str
    kind: Kind
    multi: bool = False


@dataclass(slots=True)
class Part:
    """An epoch and profile with the columns that its events have."""

    number: int
    kid: str
    profile: str
    time: str | None = None
    headers: list[BatchHeader] = field(default_factory=list)
    """One for each distinct header line, the newest last."""
    columns: list[StoredColumn] = field(default_factory=list)

    def by_path(self, path: str) -> list[StoredColumn]:
        """The path's columns, the one with all its texts first."""
        return [column for column in self.columns if column.path == path]


@dataclass(slots=True)
class Epoch:
    """A registered kid."""

    number: int
    kcv: str
    generation: int


class ListKey(NamedTuple):
    """What names a list of value records; `search` is empty for records without tokens."""

    kid: str
    keyspace: str
    scheme: str
    search: str


class Registry:
    """The registered headers, in memory."""

    def __init__(self) -> None:
        self.tenant: str | None = None
        self.epochs: dict[str, Epoch] = {}
        self.parts: dict[tuple[str, str], Part] = {}
        self.columns: dict[tuple[str, Kind], StoredColumn] = {}
        self.lines: dict[bytes, int] = {}
        """Header lines with when each was last the newest."""
        self.lists: dict[ListKey, int] = {}
        """The value dictionaries and their numbers."""

    def copy(self) -> Registry:
        """A registry that can be changed without changing this one."""
        other = copy.copy(self)
        other.epochs = {kid: replace(epoch) for kid, epoch in self.epochs.items()}
        other.columns = {key: replace(column) for key, column in self.columns.items()}
        other.parts = {
            key: replace(
                part,
                headers=part.headers.copy(),
                columns=[other.columns[column.path, column.kind] for column in part.columns],
            )
            for key, part in self.parts.items()
        }
        other.lines = self.lines.copy()
        other.lists = self.lists.copy()
        return other

    def part(self, kid: str, profile: str) -> Part | None:
        """The part of that epoch and profile; None if no header named it."""
        return self.parts.get((kid, profile))

    def check(self, header: BatchHeader) -> None:
        """Refuse a header of another tenant or of a kid's twin.

        Raises:
            StoreError: the store belongs to another tenant.
            EpochConflictError: kid known with another key check value.
        """
        if self.tenant is not None and header.tenant != self.tenant:
            raise StoreError(
                f"the store holds events of tenant `{self.tenant}`, "
                f"and the batch is of tenant `{header.tenant}`",
                "give each tenant a store of its own",
            )
        epoch = self.epochs.get(header.kid)
        if epoch is not None and epoch.kcv != header.kcv:
            raise EpochConflictError(
                f"key {header.kid} came with another key check value than the store knows",
                "the batch was encrypted with another ring: find out which ring is the right one",
            )

    def knows(self, line: bytes, header: BatchHeader) -> bool:
        """Whether this header line changes nothing: it is already its part's newest."""
        part = self.part(header.kid, header.profile)
        return line in self.lines and part is not None and part.headers[-1] == header

    def add(
        self, connection: duckdb.DuckDBPyConnection | None, line: bytes, header: BatchHeader
    ) -> None:
        """Register a header, in the tables too if there is a transaction to write them in."""
        self.tenant = header.tenant
        epoch = self.epochs.get(header.kid)
        if epoch is None:
            number = _next(known.number for known in self.epochs.values())
            epoch = self.epochs[header.kid] = Epoch(number, header.kcv, 0)
            _write(
                connection,
                "INSERT INTO epochs VALUES (?, ?, ?, 0)",
                [epoch.number, header.kid, header.kcv],
            )
            _write(connection, "UPDATE meta SET tenant = ?", [header.tenant])
        if header.generation > epoch.generation:
            epoch.generation = header.generation
            _write(
                connection,
                "UPDATE epochs SET generation = ? WHERE n = ?",
                [epoch.generation, epoch.number],
            )
        key = (header.kid, header.profile)
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = Part(_next(p.number for p in self.parts.values()), *key)
            _write(connection, "INSERT INTO parts VALUES (?, ?, ?)", [part.number, *key])
        newest = _next(self.lines.values())
        if line in self.lines:
            _write(
                connection,
                "UPDATE header_lines SET newest = ? WHERE line = ?",
                [newest, line.decode()],
            )
        else:
            _write(
                connection,
                "INSERT INTO header_lines VALUES (?, ?, ?, ?)",
                [newest, part.number, line.decode(), newest],
            )
        self.lines[line] = newest
        part.headers = [h for h in part.headers if h != header] + [header]
        part.time = header.time
        for column in header.columns:
            self._add_column(connection, part, column)

    def _add_column(
        self, connection: duckdb.DuckDBPyConnection | None, part: Part, column: Column
    ) -> None:
        stored = self.columns.get((column.path, column.kind))
        if stored is None:
            if len(self.columns) >= MAX_COLUMNS:
                return
            stored = StoredColumn(len(self.columns) + 1, column.path, column.kind)
            self.columns[column.path, column.kind] = stored
            if connection is not None:
                add_column(connection, stored.number, column)
        if stored not in part.columns:
            part.columns.append(stored)

    def add_list(self, connection: duckdb.DuckDBPyConnection, key: ListKey) -> int:
        """The number of a value dictionary, registered if it is new."""
        number = self.lists.get(key)
        if number is None:
            number = self.lists[key] = _next(self.lists.values())
            connection.execute("INSERT INTO lists VALUES (?, ?, ?, ?, ?)", [number, *key])
        return number

    def find_lists(self, kid: str, keyspace: str, search: str | None) -> list[tuple[ListKey, int]]:
        """The value dictionaries of an epoch and keyspace, of any search list if None."""
        return [
            (key, number)
            for key, number in self.lists.items()
            if key.kid == kid and key.keyspace == keyspace and search in (None, key.search)
        ]

    def forget(self, connection: duckdb.DuckDBPyConnection, kid: str) -> None:
        """Drop an epoch with its parts, headers and value dictionaries, in the tables too.

        What refers to them must be gone; columns stay, since parts share them.
        """
        for part in [part for part in self.parts.values() if part.kid == kid]:
            del self.parts[part.kid, part.profile]
            connection.execute("DELETE FROM parts WHERE part = ?", [part.number])
            for (line,) in connection.execute(
                "DELETE FROM header_lines WHERE part = ? RETURNING line", [part.number]
            ).fetchall():
                del self.lines[line.encode()]
        self.lists = {key: number for key, number in self.lists.items() if key.kid != kid}
        connection.execute("DELETE FROM lists WHERE kid = ?", [kid])
        del self.epochs[kid]
        connection.execute("DELETE FROM epochs WHERE kid = ?", [kid])

    def mark_multi(self, connection: duckdb.DuckDBPyConnection, number: int) -> None:
        """Note that a column has rows in `elements`."""
        column = next(column for column in self.columns.values() if column.number == number)
        if not column.multi:
            column.multi = True
            connection.execute("UPDATE columns SET multi = true WHERE n = ?", [number])

    def united_headers(self) -> Iterator[BatchHeader]:
        """Each part's newest header with the columns of all its headers."""
        for part in self.parts.values():
            columns = dict.fromkeys(column for header in part.headers for column in header.columns)
            yield part.headers[-1].model_copy(update={"columns": tuple(columns)})


def _next(numbers: Iterable[int]) -> int:
    return max(numbers, default=0) + 1


def _write(
    connection: duckdb.DuckDBPyConnection | None, sql: str, parameters: list[object]
) -> None:
    if connection is not None:
        connection.execute(sql, parameters)


def load_registry(connection: duckdb.DuckDBPyConnection) -> Registry:
    """The registry as the tables have it."""
    registry = Registry()
    ((registry.tenant,),) = connection.execute("SELECT tenant FROM meta").fetchall()
    for number, kid, kcv, generation in connection.execute(
        "SELECT n, kid, kcv, generation FROM epochs ORDER BY n"
    ).fetchall():
        registry.epochs[kid] = Epoch(number, kcv, generation)
    for number, kid, profile in connection.execute(
        "SELECT part, kid, profile FROM parts ORDER BY part"
    ).fetchall():
        registry.parts[kid, profile] = Part(number, kid, profile)
    for number, path, kind, multi in connection.execute(
        "SELECT n, path, kind, multi FROM columns ORDER BY n"
    ).fetchall():
        registry.columns[path, kind] = StoredColumn(number, path, kind, multi)
    for number, kid, keyspace, scheme, search in connection.execute(
        "SELECT n, kid, keyspace, scheme, search FROM lists ORDER BY n"
    ).fetchall():
        registry.lists[ListKey(kid, keyspace, scheme, search)] = number
    by_newest: list[tuple[int, Part, BatchHeader]] = []
    for text, newest in connection.execute(
        "SELECT line, newest FROM header_lines ORDER BY n"
    ).fetchall():
        parsed = parse_line(text.encode())
        if not isinstance(parsed, HeaderLine):
            raise StoreError("the store holds a header line that is none", "restore a backup")
        header = parsed.header
        part = registry.parts[header.kid, header.profile]
        registry.lines[parsed.raw] = newest
        for column in header.columns:
            stored = registry.columns.get((column.path, column.kind))
            if stored is not None and stored not in part.columns:
                part.columns.append(stored)
        by_newest.append((newest, part, header))
    for _, part, header in sorted(by_newest, key=lambda entry: entry[0]):
        part.headers.append(header)
        part.time = header.time
    return registry
