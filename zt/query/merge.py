"""Merging what several epochs and profiles answer into one answer, by plaintext.

Exact for every figure: sums and extremes are combined, an average is kept as sum and number of
values, and what is distinct is united as opened texts, since no two epochs have a ciphertext in
common that would tell that two values are one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from analytics.wire import Metric
from zt.errors import QueryError

MAX_GROUPS = 2_000_000
"""Groups and distinct values of one answer, held in memory: some 500 MB."""

Number = int | float
Key = tuple[tuple[str, ...], int | None]
"""The texts of the grouped fields, and the start of the bucket."""


class Group(NamedTuple):
    """One group of an answer.

    Attributes:
        key: the texts of the grouped fields.
        bucket: the start of its interval in microseconds, None without intervals.
        figures: in the order in which they were asked for; None: no value to measure.
    """

    key: tuple[str, ...]
    bucket: int | None
    figures: tuple[Number | None, ...]


class Merger:
    """Takes in rows and gives groups.

    Args:
        figures: what is asked for.

    Attributes:
        metrics: what each row brings: measures that can be merged.
        distinct: the paths whose values have to be brought besides, with `add_value`.
    """

    def __init__(self, figures: Sequence[Metric]) -> None:
        self._figures = figures
        self.metrics = tuple(dict.fromkeys(part for figure in figures for part in _parts(figure)))
        self.distinct = tuple(
            dict.fromkeys(one.path for one in figures if one.kind == "distinct" and one.path)
        )
        self._rows: dict[Key, list[Number | None]] = {}
        self._values: dict[str, dict[Key, set[str]]] = {path: {} for path in self.distinct}
        self._size = 0

    def add(self, key: Key, row: Sequence[Number | None]) -> None:
        """Take in a row of the metrics.

        Raises:
            QueryError: the answer has too many groups.
        """
        if (own := self._rows.get(key)) is None:
            self._count()
            self._rows[key] = list(row)
            return
        for place, (metric, value) in enumerate(zip(self.metrics, row, strict=True)):
            known = own[place]
            if value is not None:
                own[place] = value if known is None else _COMBINE[metric.kind](known, value)

    def add_value(self, path: str, key: Key, text: str) -> None:
        """Take in a value that a distinct figure counts.

        Raises:
            QueryError: the answer has too many values.
        """
        values = self._values[path].setdefault(key, set())
        if text not in values:
            self._count()
            values.add(text)

    def groups(self) -> list[Group]:
        """All groups, by the first figure, largest first, then by key and bucket."""
        found = [
            Group(*key, tuple(self._figure(one, key) for one in self._figures))
            for key in self._rows
        ]
        return sorted(found, key=_order)

    def _figure(self, figure: Metric, key: Key) -> Number | None:
        if figure.kind == "distinct":
            return len(self._values[figure.path or ""].get(key, ()))
        parts = [self._rows[key][self.metrics.index(part)] for part in _parts(figure)]
        if figure.kind != "avg":
            return parts[0]
        total, number = parts
        return total / number if total is not None and number else None

    def _count(self) -> None:
        self._size += 1
        if self._size > MAX_GROUPS:
            raise QueryError(
                f"the answer has more than {MAX_GROUPS:,} groups or distinct values",
                "ask for a shorter time, or for fewer fields",
            )


def _parts(figure: Metric) -> tuple[Metric, ...]:
    """The metrics that a figure is made of."""
    match figure.kind:
        case "distinct":
            return (Metric(kind="events"),)  # so that groups without such a value come too
        case "avg":
            return Metric(kind="sum", path=figure.path), Metric(kind="values", path=figure.path)
    return (figure,)


def _plus(one: Number, two: Number) -> Number:
    return one + two


_COMBINE: dict[str, Callable[[Number, Number], Number]] = {
    "count": _plus,
    "events": _plus,
    "sum": _plus,
    "values": _plus,
    "min": min,
    "max": max,
    "first": min,
    "last": max,
}


def _order(group: Group) -> tuple[bool, Number, tuple[str, ...], int]:
    first = group.figures[0] if group.figures else 0
    return first is None, -(first or 0), group.key, group.bucket or 0
