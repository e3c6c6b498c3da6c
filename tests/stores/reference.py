"""A plain reference: the protocol's semantics over lists of decoded events, told apart from SQL."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
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
    Metric,
    Not,
    PrefixRange,
    Query,
    Range,
    Row,
    TokensAll,
    leaves,
    parse_time,
    scalar_text,
)

Records = dict[tuple[str, str], dict[str, set[int]]]
"""(keyspace, search) -> ciphertext -> tokens."""


class Reference:
    """Events of one part with the kinds of their visible paths."""

    def __init__(
        self, kinds: dict[str, str], bodies: Sequence[dict[str, Any]], records: Records
    ) -> None:
        self.kinds = kinds
        self.records = records
        self.events = [Event(kinds, body) for body in bodies]

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
                known = self.records.get((node.keyspace, node.search), {})
                return any(
                    set(node.tokens) <= known.get(text, set()) and text in known
                    for text in event.texts(node.path)
                )
            case Range():
                return any(
                    (node.gte is None or value >= node.gte) and (node.lt is None or value < node.lt)
                    for value in event.measures(node.path)
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
            Row(key=key, bucket=bucket, metrics=tuple(measure(m, events) for m in query.metrics))
            for (key, bucket), events in groups.items()
        ]
        if query.order == "key":
            rows.sort(key=_place)
            after = query.after
            if after is not None:
                rows = [row for row in rows if _place(row) > (after.key, after.bucket or 0)]
        else:
            rows.sort(key=lambda row: (_first(row), *_place(row)))
        return rows[: query.limit]


def _place(row: Row) -> tuple[tuple[str, ...], int]:
    return row.key, row.bucket or 0


def _first(row: Row) -> tuple[bool, float]:
    if not row.metrics:
        return (False, 0)
    first = row.metrics[0]
    return (first is None, -(first or 0))


class Event:
    """One event: its texts and values by path."""

    def __init__(self, kinds: dict[str, str], body: dict[str, Any]) -> None:
        self._kinds = kinds
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
            if leaf.path == "time" and leaf.position is None:
                times.append(leaf.value)
        self.time = next(map(time_of, times), None)
        rate = [leaf.value for leaf in leaves(body) if leaf[1:3] == ("rate.ex_diff", None)]
        visible = "rate.ex_diff" in kinds and len(rate) == 1
        counts = visible and type(rate[0]) is int and 0 <= rate[0] < 2**53
        self.weight = 1 + rate[0] if counts else 1

    def texts(self, path: str) -> set[str]:
        """The distinct texts at a visible path."""
        return set(self._values(path))

    def _values(self, path: str) -> dict[str, Any]:
        return self._leaves.get(path, {}) if path in self._kinds else {}

    def measures(self, path: str) -> Iterator[int | float]:
        """The numbers, or the times, at a path of that kind."""
        for value in self._values(path).values():
            if self._kinds[path] == "number" and type(value) in (int, float):
                with suppress(OverflowError):
                    yield float(value)
            if self._kinds[path] == "time" and (time := time_of(value)) is not None:
                yield time

    def addresses(self, path: str) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        """The addresses at a path of that kind."""
        for value in self._values(path).values():
            if self._kinds[path] == "ip" and isinstance(value, str):
                try:
                    yield ipaddress.ip_address(value)
                except ValueError:
                    continue


def time_of(value: Any) -> int | None:
    """A time, if it is one."""
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None


def measure(metric: Metric, events: Sequence[Event]) -> int | float | None:
    """One figure of a group."""
    path = metric.path or ""
    times = [event.time for event in events if event.time is not None]
    values = [value for event in events for value in event.measures(path)]
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
