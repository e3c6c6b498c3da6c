"""Answering queries: whole answers by their first metric, and streams and pages by key."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple

import duckdb
import numpy as np

from analytics.store.duckdb.filters import Where
from analytics.store.duckdb.reading import rows_by_number
from analytics.store.duckdb.registry import StoredRegistry
from analytics.store.duckdb.statements import Statement
from analytics.wire import Metric, Query, Row, StoreError

_MAX_INTERVAL = 2**60
"""Microseconds: longer than from the year 1 to 9999, short enough to add to any of these."""

_TIES = (128, 4096)
"""Groups beyond the limit that may tie at the cut and still be named one by one: few are tried
first, since every row that leaves DuckDB costs."""

_ROWS = 2048
"""Rows of a streamed answer that are taken from DuckDB at once."""


def run_query(
    connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, query: Query
) -> list[Row]:
    """Answer a query.

    Raises:
        StoreError: the filter or the interval can't be asked.
    """
    if query.order == "key":
        return list(stream_groups(connection, registry, query))
    asked = _Asked.of(connection, registry, query)
    return _without_events(query) if asked is None else asked.rows(asked.answer())


def stream_groups(
    connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, query: Query
) -> Iterator[Row]:
    """Answer a query in the order of keys, with a bounded number of rows in memory.

    DuckDB sorts within its memory limit, on disk where that is not enough.

    Raises:
        StoreError: see `run_query`.
    """
    asked = _Asked.of(connection, registry, query)
    if asked is None:
        yield from _without_events(query)
        return
    answer = connection.execute(asked.statement.by_key(asked.where.sql), asked.parameters)
    while rows := answer.fetchmany(_ROWS):
        yield from asked.rows(rows)


def _without_events(query: Query) -> list[Row]:
    """The answer where no event can match."""
    if query.group_by or query.interval is not None:
        return []
    return [Row(key=(), metrics=tuple(_of_nothing(metric) for metric in query.metrics))]


class _Asked(NamedTuple):
    """A query with its statement and what it binds."""

    connection: duckdb.DuckDBPyConnection
    query: Query
    statement: Statement
    where: Where

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, query: Query
    ) -> _Asked | None:
        """None if no event can match, or there is nothing to measure.

        Raises:
            StoreError: see `run_query`.
        """
        part = registry.part(query.kid, query.profile)
        grouped = [part.by_path(path) for path in query.group_by] if part is not None else []
        total = not query.group_by and query.interval is None
        if part is None or not all(grouped) or (total and not query.metrics):
            return None
        if query.interval is not None and query.interval > _MAX_INTERVAL:
            raise StoreError("the interval is longer than all of time", "ask for a shorter one")
        where = Where(connection, registry, part, since=query.since, until=query.until)
        where.add(query.filter)
        if query.interval is not None:
            where.also("e.t IS NOT NULL")
        statement = Statement(part, query, [columns[0] for columns in grouped])
        return cls(connection, query, statement, where)

    @property
    def parameters(self) -> list[object]:
        """Those of the WHERE clause, then those of the page."""
        after = self.query.after
        if after is None:
            return self.where.parameters
        bucket = [] if after.bucket is None else [after.bucket]
        return [*self.where.parameters, *after.key, *bucket]

    def answer(self) -> list[tuple[Any, ...]]:
        """Rows by the first metric."""
        return _answer(self.connection, self.statement, self.query, self.where)

    def rows(self, rows: list[tuple[Any, ...]]) -> list[Row]:
        """Rows of texts, bucket and measures as those of the answer."""
        keys, interval = len(self.query.group_by), self.query.interval
        first = keys + int(interval is not None)
        by_key = [row[:keys] for row in rows]
        measures = [row[first:] for row in rows]
        buckets = repeat(None) if interval is None else [row[keys] for row in rows]
        return list(map(Row, by_key, measures, buckets))


def _answer(
    connection: duckdb.DuckDBPyConnection, statement: Statement, query: Query, where: Where
) -> list[tuple[Any, ...]]:
    """Rows of texts, bucket and measures, in order and cut to the limit.

    The first groups are named after they are chosen, so that the dictionary is read for them
    alone; where very many tie at the cut, the order of their texts needs all of these.
    """
    keys, limit = len(query.group_by), query.limit
    measure = keys + int(query.interval is not None)
    for ties in _TIES if keys and query.metrics else ():
        if limit is None:
            break
        most = limit + ties
        rows = connection.execute(statement.by_number(where.sql, most), where.parameters).fetchall()
        # All that tie with the last one wanted are here if a smaller one is, or nothing more.
        if len(rows) < most or rows[-1][measure] != rows[limit - 1][measure]:
            named = _name(connection, _with_ties(rows, limit, measure), keys)
            named.sort(key=lambda row: (_largest_first(row[measure]), row[:measure]))
            return named[:limit]
    return connection.execute(statement.by_text(where.sql), where.parameters).fetchall()


def _with_ties(rows: list[tuple[Any, ...]], limit: int, measure: int) -> list[tuple[Any, ...]]:
    """The first rows, and those after them that measure the same as the last of them."""
    if len(rows) <= limit:
        return rows
    least = rows[limit - 1][measure]
    return [*rows[:limit], *(row for row in rows[limit:] if row[measure] == least)]


def _name(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], keys: int
) -> list[tuple[Any, ...]]:
    """Rows with the texts of their ids, of which each has so many first."""
    ids = np.unique(np.array([row[:keys] for row in rows], dtype=np.int64))
    texts = dict(rows_by_number(connection, "id, text", "texts", "id", ids))
    return [(*(texts[i] for i in row[:keys]), *row[keys:]) for row in rows]


def _largest_first(measure: int | float | None) -> tuple[bool, int | float]:
    return (True, 0) if measure is None else (False, -measure)


def _of_nothing(metric: Metric) -> int | None:
    return 0 if metric.kind in ("count", "events", "distinct", "values") else None
