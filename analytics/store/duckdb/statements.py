"""Groups and measures: a `Query` as one SQL statement.

Invariants:
- Grouping happens on integers; texts join after the groups are made and, where there is a limit,
  cut to it.
- `chosen` holds the matching events; a grouped column with arrays adds a row for each distinct
  element to it, so an event counts once in the group of each. Measures of arrays are taken per
  event first, so they don't multiply by the group's elements.
- Expressions are made of column numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analytics.store.intake.registry import Part, StoredColumn
from analytics.wire import Metric, Query

_BEFORE_TIME = 2**56
"""Microseconds before 1970 that no time reaches: the year 1 is at -62 * 10**15."""

_NULL = "max(NULL::BIGINT)"
"""No value to measure; an aggregate, because a statement of constants would not group."""


def exploded_groups(
    grouped: Sequence[StoredColumn],
    where: str,
    interval: int | None = None,
    needed: Iterable[str] = (),
) -> str:
    """The CTEs from `chosen` events to `exploded` ones.

    `exploded` has `seq`, `t`, `weight`, the needed columns, `g0`, `g1`... for the grouped ones
    (a row for each distinct element of an array) and, if there is an interval, `bucket`, its
    number counted from `_origin`.
    """
    names = dict.fromkeys([*needed, *(f"c{column.number}" for column in grouped)])
    columns = "".join(f", e.{name}" for name in names)
    steps = [f"chosen AS (SELECT e.seq, e.t, e.weight{columns} FROM events e WHERE {where})"]
    source = "chosen"
    for i, column in enumerate(grouped):
        c = f"c{column.number}"
        step = f"SELECT s.*, s.{c} AS g{i} FROM {source} s WHERE s.{c} IS NOT NULL"
        if column.multi:
            step += (
                f" UNION ALL SELECT s.*, m.c AS g{i} FROM {source} s "
                f"JOIN elements m ON m.seq = s.seq AND m.n = {int(column.number)}"
            )
        source = f"step{i}"
        steps.append(f"{source} AS ({step})")
    bucket = ""
    if interval is not None:
        # `//` rounds towards zero: counted from before all times, it rounds down. One division,
        # because it is what a histogram costs.
        bucket = f", (s.t + {_origin(interval)}) // {int(interval)} AS bucket"
    steps.append(f"exploded AS (SELECT s.*{bucket} FROM {source} s)")
    return ", ".join(steps)


def _origin(interval: int) -> int:
    """Microseconds before 1970 where the first interval begins: a multiple, before all times."""
    return -(-_BEFORE_TIME // int(interval)) * int(interval)


class Statement:
    """The SQL of one query; see `by_text`, `by_key` and `by_number`."""

    def __init__(self, part: Part, query: Query, grouped: list[StoredColumn]) -> None:
        self._part = part
        self._query = query
        self._grouped = grouped
        self._needed: dict[str, None] = {}
        self._with: list[str] = []
        self._joins: list[str] = []
        self._keys = [f"g{i}" for i in range(len(grouped))]
        self._bucket = ["bucket"] if query.interval is not None else []
        self._keys += self._bucket

    def by_text(self, where: str) -> str:
        """The whole answer by the first measure; its parameters are those of the WHERE clause."""
        return self._named(where, ["m0 DESC NULLS LAST"] if self._query.metrics else [])

    def by_key(self, where: str) -> str:
        """The answer by key, or a page of it, whose end is a parameter for each key and bucket."""
        return self._named(where, [], paged=self._query.after is not None)

    def _named(self, where: str, first: list[str], *, paged: bool = False) -> str:
        """Groups with their texts, by the given order and then by key."""
        columns = [*(f"t{i}.text" for i in range(len(self._grouped))), *self._bucket]
        joins = "".join(
            f" JOIN texts t{i} ON t{i}.id = grouped.g{i}" for i in range(len(self._grouped))
        )
        shown = ", ".join([*columns, *(f"m{i}" for i in range(len(self._query.metrics)))])
        sql = f"{self._groups(where)} SELECT {shown} FROM grouped{joins}"
        if paged:
            sql += f" WHERE ({', '.join(columns)}) > ({', '.join('?' * len(columns))})"
        if order := ", ".join([*first, *columns]):
            sql += f" ORDER BY {order}"
        return sql if self._query.limit is None else f"{sql} LIMIT {int(self._query.limit)}"

    def by_number(self, where: str, most: int) -> str:
        """The first groups by the first measure, by text ids; there is a measure."""
        shown = ", ".join([*self._keys, *(f"m{i}" for i in range(len(self._query.metrics)))])
        return (
            f"{self._groups(where)} SELECT {shown} FROM grouped "
            f"ORDER BY m0 DESC NULLS LAST LIMIT {int(most)}"
        )

    def _groups(self, where: str) -> str:
        """The CTEs up to `grouped`: group columns, bucket, and a column for each measure."""
        self._needed, self._with, self._joins = {}, [], []
        measures = [self._measure(i, metric) for i, metric in enumerate(self._query.metrics)]
        steps = exploded_groups(self._grouped, where, self._query.interval, self._needed)
        keys = [f"exploded.{key}" for key in self._keys]
        shown = keys
        if (interval := self._query.interval) is not None:
            # Times of the groups, not of the events.
            begin = f"exploded.bucket * {int(interval)} - {_origin(interval)} AS bucket"
            shown = [*keys[:-1], begin]
        columns = ", ".join([*shown, *(f"{sql} AS m{i}" for i, sql in enumerate(measures))])
        by = f" GROUP BY {', '.join(keys)}" if keys else ""
        grouped = f"SELECT {columns or '1'} FROM exploded{''.join(self._joins)}{by}"
        parts = [steps, *self._with, f"grouped AS ({grouped})"]
        return f"WITH {', '.join(parts)}"

    def _measure(self, i: int, metric: Metric) -> str:
        match metric.kind:
            case "count":
                return "coalesce(sum(weight), 0)"
            case "events":
                return "count(*)"
            case "first":
                return "min(t)"
            case "last":
                return "max(t)"
        columns = self._part.by_path(metric.path or "")
        if metric.kind == "distinct":
            return self._distinct(i, columns[0]) if columns else "count(NULL)"
        typed = [column for column in columns if column.kind in ("number", "time")]
        if not typed:
            return "count(NULL)" if metric.kind == "values" else _NULL
        return self._figure(i, metric.kind, typed[0])

    def _figure(self, i: int, kind: str, column: StoredColumn) -> str:
        x = f"x{column.number}"
        self._needed[x] = None
        if not column.multi:
            return f"{'count' if kind == 'values' else kind}({x})"
        # Of an event either the scalar or its elements have values, never both.
        self._with.append(
            f"a{i} AS (SELECT seq, sum({column.kind}) AS total, count({column.kind}) AS n, "
            f"min({column.kind}) AS low, max({column.kind}) AS high FROM elements "
            f"WHERE n = {int(column.number)} GROUP BY seq)"
        )
        self._joins.append(f" LEFT JOIN a{i} ON a{i}.seq = exploded.seq")
        total, count = f"sum(coalesce({x}, a{i}.total))", f"(count({x}) + coalesce(sum(a{i}.n), 0))"
        match kind:
            case "sum":
                return total
            case "values":
                return count
            case "avg":
                return f"{total} / nullif({count}, 0)"
            case "min":
                return f"min(coalesce({x}, a{i}.low))"
            case _:
                return f"max(coalesce({x}, a{i}.high))"

    def _distinct(self, i: int, column: StoredColumn) -> str:
        c = f"c{column.number}"
        self._needed[c] = None
        if not column.multi:
            return f"count(DISTINCT {c})"
        keys = "".join(f"s.{key}, " for key in self._keys)
        body = (
            f"SELECT {keys}s.{c} AS element FROM exploded s WHERE s.{c} IS NOT NULL UNION ALL "
            f"SELECT {keys}m.c AS element FROM exploded s "
            f"JOIN elements m ON m.seq = s.seq AND m.n = {int(column.number)}"
        )
        by = f" GROUP BY {', '.join(self._keys)}" if self._keys else ""
        columns = ", ".join([*self._keys, "count(DISTINCT element) AS n"])
        self._with.append(f"d{i} AS (SELECT {columns} FROM ({body}){by})")
        same = " AND ".join(f"d{i}.{key} = exploded.{key}" for key in self._keys) or "true"
        self._joins.append(f" LEFT JOIN d{i} ON {same}")
        return f"coalesce(any_value(d{i}.n), 0)"
