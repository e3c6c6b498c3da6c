"""What an ingest has read and not yet stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from analytics.store.intake.columns import Shape
from analytics.store.intake.registry import Part, StoredColumn
from analytics.wire import RATE_PATH, EventLine, ValueLine, ValueRecord, decode_bytes


@dataclass(slots=True)
class Group:
    """Events of one part with the same visible columns; an entry a list for each event."""

    part: Part
    columns: list[StoredColumn]
    shape: Shape
    ids: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)

    def keep(self, wanted: Iterable[int]) -> None:
        """Drop all events but those with these indices."""
        indices = list(wanted)
        self.ids = [self.ids[i] for i in indices]
        self.lines = [self.lines[i] for i in indices]
        self.rows = [self.rows[i] for i in indices]


def parts_key(*parts: str) -> bytes:
    """The key of a sequence of texts, unambiguous by their lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()


def record_key(record: ValueRecord) -> bytes:
    """The key of a value record: all but its tokens and tag."""
    return parts_key(record.kid, record.keyspace, record.scheme, record.search or "", record.ct)


class Pending:
    """Events by part, and value records by key, each once."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.records: dict[bytes, ValueRecord] = {}
        self.events = 0
        self.bytes = 0
        self._ids: set[str] = set()
        self._current: dict[tuple[str, str], Group] = {}

    def reshape(self) -> None:
        """Look at the parts' columns again: a header has come."""
        self._current = {}

    def add_event(self, part: Part, line: EventLine) -> bool:
        """Add an event; False if its id is pending already.

        Raises:
            DoubledPathError: a visible path stands there twice.
        """
        meta = line.meta
        if meta.id in self._ids:
            return False
        group = self._current.get((meta.kid, meta.profile)) or self._group(part)
        row = group.shape.row(line.body)
        self._ids.add(meta.id)
        group.ids.append(decode_bytes(meta.id))
        group.lines.append(line.raw.decode())
        group.rows.append(row)
        self.events += 1
        self.bytes += len(line.raw)
        return True

    def add_record(self, key: bytes, line: ValueLine) -> bool:
        """Add a value record; False if its key is pending already."""
        if key in self.records:
            return False
        self.records[key] = line.record
        self.bytes += 2 * len(line.raw)
        return True

    def _group(self, part: Part) -> Group:
        paths = [column.path for column in part.columns]
        if part.time is not None:
            paths.append(part.time)
        group = Group(part, part.columns.copy(), Shape(paths))
        self._current[part.kid, part.profile] = group
        self.groups.append(group)
        return group


def rate_slot(group: Group) -> int | None:
    """The slot of the visible column by which events weigh."""
    if any(column.path == RATE_PATH for column in group.columns):
        return group.shape.slots[RATE_PATH]
    return None
