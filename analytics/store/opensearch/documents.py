"""Events as documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from analytics.store.intake.columns import Column, as_time
from analytics.store.intake.pending import Group, rate_slot
from analytics.store.intake.registry import StoredColumn
from analytics.store.opensearch.fields import MAX_TEXT, OWN, SAFE_INTEGER
from analytics.store.opensearch.registry import StoredRegistry
from analytics.wire import as_weight, encode_bytes


class Document(NamedTuple):
    """An event on its way into the store.

    Attributes:
        id: its id.
        raw: its line.
        time: in microseconds, None if it has none.
        fields: all but its position and tokens.
        texts: of each column the distinct texts, by the column's place in the group.
    """

    id: str
    raw: str
    time: int | None
    fields: dict[str, Any]
    texts: list[Sequence[str]]


class Refused(NamedTuple):
    """An event that this store can't keep, and why."""

    raw: str
    reason: str


def documents(registry: StoredRegistry, group: Group) -> Iterator[Document | Refused]:
    """The events of a group as documents."""
    if not group.rows:
        return
    rows = list(zip(*group.rows, strict=True))
    slots = group.shape.slots
    columns = [(column, Column(rows[slots[column.path]])) for column in group.columns]
    part, rate = group.part, rate_slot(group)
    times = rows[slots[part.time]] if part.time is not None else [None] * len(group.ids)
    shown = [registry.fields(column) for column in group.columns]
    for i, (event_id, line) in enumerate(
        zip(map(encode_bytes, group.ids), group.lines, strict=True)
    ):
        time = as_time(times[i])
        fields: dict[str, Any] = {
            f"{OWN}.id": event_id,
            f"{OWN}.kid": part.kid,
            f"{OWN}.profile": part.profile,
            f"{OWN}.weight": 1 if rate is None else as_weight(rows[rate][i]),
            f"{OWN}.raw": line,
        }
        if time is not None:
            fields |= {f"{OWN}.t": time, f"{OWN}.time": time // 1000}
        texts: list[Sequence[str]] = []
        for own, (_, values) in zip(shown, columns, strict=True):
            elements = _elements(values, i)
            texts.append([text for _, text in elements])
            if elements:
                own.put(fields, elements)
        reason = _reason(time, texts)
        if reason is not None:
            yield Refused(line, reason)
        else:
            yield Document(event_id, line, time, fields, texts)


def _elements(column: Column, event: int) -> Sequence[tuple[Any, str]]:
    """The distinct values of an event in a column, with their texts."""
    several = column.several.get(event)
    if several is not None:
        return several
    text = column.texts[event]
    return [] if text is None else [(column.values[event], text)]


def _reason(time: int | None, texts: Sequence[Sequence[str]]) -> str | None:
    """Why this store can't keep such an event; None if it can."""
    if time is not None and abs(time) > SAFE_INTEGER:
        return "its time is none that OpenSearch counts exactly: 1684 to 2255"
    for own in texts:
        for text in own:
            if 4 * len(text) > MAX_TEXT and len(text.encode()) > MAX_TEXT:
                return f"a visible text is longer than the {MAX_TEXT} bytes that OpenSearch indexes"
    return None


def searched(group: Group) -> dict[int, tuple[str, str] | None]:
    """By the place of a column in the group, the keyspace and search spec of its values.

    None where the headers name several: tokens on events would not tell which.
    """
    found: dict[int, tuple[str, str] | None] = {}
    for place, column in enumerate(group.columns):
        named = search_lists(group.part.headers, column)
        if named:
            found[place] = next(iter(named)) if len(named) == 1 else None
    return found


def search_lists(headers: Sequence[Any], column: StoredColumn) -> set[tuple[str, str]]:
    """The keyspaces and search specs that headers name for a path."""
    return {
        (named.keyspace, named.search)
        for header in headers
        for named in header.columns
        if named.path == column.path and named.keyspace is not None and named.search is not None
    }
