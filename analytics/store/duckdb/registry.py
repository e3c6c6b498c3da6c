"""The registered headers as the tables have them, and the numbers of value dictionaries.

Invariants:
- A registry is read from the tables, or is a copy that one ingest transaction changes and that
  replaces the store's own after the commit; readers never see an uncommitted one.
- Events refer to their part by its number, texts and records to columns and dictionaries by theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import duckdb

from analytics.store.duckdb.schema import add_column
from analytics.store.intake.registry import (
    Epoch,
    Part,
    Registry,
    StoredColumn,
    next_number,
)
from analytics.wire import BatchHeader, HeaderLine, StoreError, parse_line


class ListKey(NamedTuple):
    """What names a list of value records; `search` is empty for records without tokens."""

    kid: str
    keyspace: str
    scheme: str
    search: str


class StoredRegistry(Registry):
    """The registry of a file, with its value dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[ListKey, int] = {}
        """The value dictionaries and their numbers."""

    def copy(self) -> Self:
        """A registry that can be changed without changing this one."""
        other = super().copy()
        other.lists = self.lists.copy()
        return other

    def store(
        self, connection: duckdb.DuckDBPyConnection, line: bytes, header: BatchHeader
    ) -> None:
        """Take in a header, in the tables too."""
        before = self.copy()
        self.add(line, header)
        epoch, part = self.epochs[header.kid], self.parts[header.kid, header.profile]
        known = before.epochs.get(header.kid)
        if known is None:
            connection.execute(
                "INSERT INTO epochs VALUES (?, ?, ?, ?)",
                [epoch.number, header.kid, header.kcv, epoch.generation],
            )
            connection.execute("UPDATE meta SET tenant = ?", [header.tenant])
        elif known.generation != epoch.generation:
            connection.execute(
                "UPDATE epochs SET generation = ? WHERE n = ?", [epoch.generation, epoch.number]
            )
        if (header.kid, header.profile) not in before.parts:
            connection.execute(
                "INSERT INTO parts VALUES (?, ?, ?)", [part.number, header.kid, header.profile]
            )
        newest, text = self.lines[line], line.decode()
        if line in before.lines:
            connection.execute("UPDATE header_lines SET newest = ? WHERE line = ?", [newest, text])
        else:
            connection.execute(
                "INSERT INTO header_lines VALUES (?, ?, ?, ?)", [newest, part.number, text, newest]
            )
        for key, column in self.columns.items():
            if key not in before.columns:
                add_column(connection, column)

    def add_list(self, connection: duckdb.DuckDBPyConnection, key: ListKey) -> int:
        """The number of a value dictionary, registered if it is new."""
        number = self.lists.get(key)
        if number is None:
            number = self.lists[key] = next_number(self.lists.values())
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
            connection.execute("DELETE FROM parts WHERE part = ?", [part.number])
            for (line,) in connection.execute(
                "DELETE FROM header_lines WHERE part = ? RETURNING line", [part.number]
            ).fetchall():
                del self.lines[line.encode()]
        self.lists = {key: number for key, number in self.lists.items() if key.kid != kid}
        connection.execute("DELETE FROM lists WHERE kid = ?", [kid])
        self.drop(kid)
        connection.execute("DELETE FROM epochs WHERE kid = ?", [kid])

    def mark_multi(self, connection: duckdb.DuckDBPyConnection, number: int) -> None:
        """Note that a column has rows in `elements`."""
        column = next(column for column in self.columns.values() if column.number == number)
        if not column.multi:
            column.multi = True
            connection.execute("UPDATE columns SET multi = true WHERE n = ?", [number])


def load_registry(connection: duckdb.DuckDBPyConnection) -> StoredRegistry:
    """The registry as the tables have it."""
    registry = StoredRegistry()
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
    registry.restore(_stored_lines(connection))
    return registry


def _stored_lines(
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[int, bytes, BatchHeader]]:
    for text, newest in connection.execute(
        "SELECT line, newest FROM header_lines ORDER BY n"
    ).fetchall():
        parsed = parse_line(text.encode())
        if not isinstance(parsed, HeaderLine):
            raise StoreError("the store holds a header line that is none", "restore a backup")
        yield newest, parsed.raw, parsed.header
