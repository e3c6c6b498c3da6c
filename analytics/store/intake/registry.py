"""What the headers said: tenant, epochs, profiles and columns.

Invariants:
- A part is a (kid, profile). Its columns stand in the order in which its headers named them, and
  the first of a path has a text for every event of the part that has one: a later kind of the
  same path only adds typed values.
- Columns are shared by all parts that name the same (path, kind), at most MAX_COLUMNS of them.
- Numbers are given in growing order and may be given again once nothing has them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from analytics.wire import (
    MAX_COLUMNS,
    BatchHeader,
    Column,
    EpochConflictError,
    Kind,
    StoreError,
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


class Registry:
    """The registered headers, in memory; a store keeps them as it likes."""

    def __init__(self) -> None:
        self.tenant: str | None = None
        self.epochs: dict[str, Epoch] = {}
        self.parts: dict[tuple[str, str], Part] = {}
        self.columns: dict[tuple[str, Kind], StoredColumn] = {}
        self.lines: dict[bytes, int] = {}
        """Header lines with when each was last the newest."""

    def copy(self) -> Self:
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

    def add(self, line: bytes, header: BatchHeader) -> None:
        """Take in a header, with the line that it came in."""
        self.tenant = header.tenant
        epoch = self.epochs.get(header.kid)
        if epoch is None:
            number = next_number(known.number for known in self.epochs.values())
            epoch = self.epochs[header.kid] = Epoch(number, header.kcv, 0)
        epoch.generation = max(epoch.generation, header.generation)
        key = (header.kid, header.profile)
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = Part(next_number(p.number for p in self.parts.values()), *key)
        self.lines[line] = next_number(self.lines.values())
        part.headers = [h for h in part.headers if h != header] + [header]
        part.time = header.time
        for column in header.columns:
            self._add_column(part, column)

    def _add_column(self, part: Part, column: Column) -> None:
        stored = self.columns.get((column.path, column.kind))
        if stored is None:
            if len(self.columns) >= MAX_COLUMNS:
                return
            stored = StoredColumn(len(self.columns) + 1, column.path, column.kind)
            self.columns[column.path, column.kind] = stored
        if stored not in part.columns:
            part.columns.append(stored)

    def restore(self, lines: Iterable[tuple[int, bytes, BatchHeader]]) -> None:
        """Take in the headers that were stored: (when it was the newest, line, header) of each, in
        the order in which they first came. Their epochs and columns are there already; a column
        that is not has had no room.
        """
        by_newest = []
        for newest, line, header in lines:
            key = (header.kid, header.profile)
            part = self.parts.get(key)
            if part is None:
                part = self.parts[key] = Part(
                    next_number(p.number for p in self.parts.values()), *key
                )
            self.lines[line] = newest
            for column in header.columns:
                stored = self.columns.get((column.path, column.kind))
                if stored is not None and stored not in part.columns:
                    part.columns.append(stored)
            by_newest.append((newest, part, header))
        for _, part, header in sorted(by_newest, key=lambda entry: entry[0]):
            part.headers.append(header)
            part.time = header.time

    def drop(self, kid: str) -> None:
        """Leave out an epoch with its parts; columns stay, since parts share them.

        The epoch's header lines are the caller's to leave out of `lines`.
        """
        self.parts = {key: part for key, part in self.parts.items() if part.kid != kid}
        del self.epochs[kid]

    def unused_epochs(self, used: Iterable[str]) -> list[str]:
        """Epochs that may be forgotten, where events have these: all others but the last registered
        one and that of the newest ring, by which edges tell an old one."""
        if not self.epochs:
            return []
        kept = set(used)
        kept.add(max(self.epochs, key=lambda kid: self.epochs[kid].number))
        kept.add(
            max(self.epochs, key=lambda kid: (self.epochs[kid].generation, self.epochs[kid].number))
        )
        return [kid for kid in self.epochs if kid not in kept]

    def keyspaces_not_kept(self) -> set[tuple[str, str]]:
        """(kid, keyspace) of the columns that headers name and the store has no room for."""
        return {
            (part.kid, column.keyspace)
            for part in self.parts.values()
            for header in part.headers
            for column in header.columns
            if column.keyspace is not None and (column.path, column.kind) not in self.columns
        }

    def united_headers(self) -> Iterator[BatchHeader]:
        """Each part's newest header with the columns of all its headers."""
        for part in self.parts.values():
            columns = dict.fromkeys(column for header in part.headers for column in header.columns)
            yield part.headers[-1].model_copy(update={"columns": tuple(columns)})


def next_number(numbers: Iterable[int]) -> int:
    """A number greater than all of these."""
    return max(numbers, default=0) + 1
