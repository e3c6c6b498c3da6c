"""A plain reference: the protocol's semantics over lists of decoded events, told apart from SQL."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

from analytics.wire import (
    AllOf,
    AnyOf,
    Eq,
    Exists,
    Filter,
    In,
    Lookup,
    Metric,
    Not,
    PrefixRange,
    Query,
    Range,
    Row,
    Selection,
    TokensAll,
    ValueRecord,
    leaves,
    parse_time,
    scalar_text,
)

Columns = Sequence[tuple[str, str]]
"""Visible paths with a kind each, in the order of the headers; a path may have several kinds."""

Records = Iterable[ValueRecord]


class Reference:
    """Events of one part, in the order in which they came.

    Args:
        columns: of the part.
        events: each with the columns that were known when it came.
        records: the value records of the epoch; of those that differ in tokens alone the first
            counts.
    """

    def __init__(self, columns: Columns, events: Sequence[Event], records: Records) -> None:
        self._columns = columns
        self._records: dict[tuple[str, ...], ValueRecord] = {}
        for record in records:
            self._records.setdefault(record_key(record), record)
        self.events = events

    def matches(self, event: Event, node: Filter) -> bool:
        """Whether an event matches a filter."""
        match node:
            case AllOf():
                return all(self.matches(event, part) for part in node.parts)
            case AnyOf():
                return any(self.matches(event, part) for part in node.parts)
            case Not():
                return not self.matches(event, node.part)
            case Eq():
                return node.value in event.texts(node.path)
            case In():
                return not event.texts(node.path).isdisjoint(node.values)
            case Exists():
                return bool(event.texts(node.path))
            case TokensAll():
                return any(
                    (record.keyspace, record.search) == (node.keyspace, node.search)
                    and set(node.tokens) <= set(record.tokens)
                    and record.ct in event.texts(node.path)
                    for record in self._records.values()
                )
            case Range():
                return any(
                    (node.gte is None or value >= node.gte) and (node.lt is None or value < node.lt)
                    for path, kind in self._columns
                    if path == node.path
                    for value in event.measures(path, kind)
                )
            case PrefixRange():
                low, high = ipaddress.ip_address(node.low), ipaddress.ip_address(node.high)
                return any(
                    address.version == low.version and int(low) <= int(address) <= int(high)
                    for address in event.addresses(node.path)
                )

    def chosen(self, query: Query) -> list[Event]:
        """The events that count in a query."""
        return [
            event
            for event in self.events
            if self.matches(event, query.filter)
            and (query.since is None or (event.time is not None and event.time >= query.since))
            and (query.until is None or (event.time is not None and event.time < query.until))
            and (query.interval is None or event.time is not None)
        ]

    def query(self, query: Query) -> list[Row]:
        """The answer to a query."""
        groups: dict[tuple[tuple[str, ...], int | None], list[Event]] = {}
        if not query.group_by and query.interval is None:
            groups[(), None] = []
        for event in self.chosen(query):
            bucket = None
            if query.interval is not None and event.time is not None:
                bucket = event.time // query.interval * query.interval
            for key in product(*(event.texts(path) for path in query.group_by)):
                groups.setdefault((key, bucket), []).append(event)
        rows = [
            Row(key, tuple(self._measure(metric, own) for metric in query.metrics), bucket)
            for (key, bucket), own in groups.items()
        ]
        if query.order == "key":
            rows.sort(key=_place)
            after = query.after
            if after is not None:
                rows = [row for row in rows if _place(row) > (after.key, after.bucket or 0)]
        else:
            rows.sort(key=lambda row: (_first(row), *_place(row)))
        return rows[: query.limit]

    def scan(self, selection: Selection) -> list[Event]:
        """The events of a selection, by time and then as they came; those without a time last."""
        as_asked = Query(
            kid=selection.kid,
            profile=selection.profile,
            filter=selection.filter,
            since=selection.since,
            until=selection.until,
        )
        sign = -1 if selection.newest_first else 1
        chosen = self.chosen(as_asked)[::sign]
        chosen.sort(key=lambda event: (event.time is None, sign * (event.time or 0)))
        return chosen[: selection.limit]

    def values(self, lookup: Lookup) -> list[ValueRecord]:
        """The records that a look-up selects, by their keys."""
        groups = [set(group) for group in lookup.groups]
        found = [
            record
            for record in self._records.values()
            if record.keyspace == lookup.keyspace
            and (lookup.search is None or record.search == lookup.search)
            and (
                lookup.every
                or record.ct in lookup.cts
                or any(group <= set(record.tokens) for group in groups)
            )
        ]
        return sorted(found, key=record_key)

    def _measure(self, metric: Metric, events: Sequence[Event]) -> int | float | None:
        """One figure of a group; of a path with several kinds the first that can be measured."""
        kinds = (kind for path, kind in self._columns if path == metric.path)
        kind = next((kind for kind in kinds if kind in ("number", "time")), "")
        return measure(metric, kind, events)


def record_key(record: ValueRecord) -> tuple[str, ...]:
    """What a record is stored once by."""
    return record.kid, record.keyspace, record.scheme, record.search or "", record.ct


def _place(row: Row) -> tuple[tuple[str, ...], int]:
    return row.key, row.bucket or 0


def _first(row: Row) -> tuple[bool, float]:
    if not row.metrics:
        return (False, 0)
    first = row.metrics[0]
    return (first is None, -(first or 0))


class Event:
    """One event: its texts and values by path.

    Args:
        columns: those that were known when it came.
        body: without `zt`.
        time: the path that says when it happened.
    """

    def __init__(self, columns: Columns, body: dict[str, Any], time: str | None = "time") -> None:
        self.body = body
        self._kinds: dict[str, set[str]] = {}
        for path, kind in columns:
            self._kinds.setdefault(path, set()).add(kind)
        self._leaves: dict[str, dict[str, Any]] = {}
        times = []
        for leaf in leaves(body):
            text = scalar_text(leaf.value)
            if text is not None:
                values = self._leaves.setdefault(leaf.path, {})
                # of `1` and `"1"` the number, since it alone has a value
                values[text] = next(
                    (
                        value
                        for value in (values.get(text), leaf.value)
                        if type(value) in (int, float)
                    ),
                    leaf.value,
                )
            if leaf.path == time and leaf.position is None:
                times.append(leaf.value)
        self.time = next(map(time_of, times), None)
        rate = [leaf.value for leaf in leaves(body) if leaf[1:3] == ("rate.ex_diff", None)]
        visible = "rate.ex_diff" in self._kinds and len(rate) == 1
        counts = visible and type(rate[0]) is int and 0 <= rate[0] < 2**53
        self.weight = 1 + rate[0] if counts else 1

    def texts(self, path: str) -> set[str]:
        """The distinct texts at a visible path."""
        return set(self._values(path))

    def _values(self, path: str) -> dict[str, Any]:
        return self._leaves.get(path, {}) if path in self._kinds else {}

    def measures(self, path: str, kind: str) -> Iterator[int | float]:
        """The numbers, or the times, at a path that has that kind."""
        if kind not in self._kinds.get(path, ()):
            return
        for value in self._values(path).values():
            if kind == "number" and type(value) in (int, float):
                with suppress(OverflowError):
                    yield float(value)
            if kind == "time" and (time := time_of(value)) is not None:
                yield time

    def addresses(self, path: str) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        """The addresses at a path of that kind."""
        for value in self._values(path).values():
            if "ip" in self._kinds[path] and isinstance(value, str) and "%" not in value:
                with suppress(ValueError):
                    yield ipaddress.ip_address(value)


def time_of(value: Any) -> int | None:
    """A time, if it is one."""
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None


def measure(metric: Metric, kind: str, events: Sequence[Event]) -> int | float | None:
    """One figure of a group, of the values of a kind."""
    path = metric.path or ""
    times = [event.time for event in events if event.time is not None]
    values = [value for event in events for value in event.measures(path, kind)]
    match metric.kind:
        case "count":
            return sum(event.weight for event in events)
        case "events":
            return len(events)
        case "distinct":
            return len({text for event in events for text in event.texts(path)})
        case "first":
            return min(times, default=None)
        case "last":
            return max(times, default=None)
        case "sum":
            return sum(values) if values else None
        case "values":
            return len(values)
        case "avg":
            return sum(values) / len(values) if values else None
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
