"""Answering queries: groups by composite pages, or by one request where that is exact.

Invariants:
- Groups are complete: composite pages go on to the end, all of one point in time. The terms
  aggregation, which is faster, answers only where its own figures prove that nothing is missing.
- Distinct counts are counts of pages too, never estimates.
- Whole numbers that aggregations give as binary64 are within its exact range: weights and times
  are, see `fields`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from analytics.store.intake.registry import Part, StoredColumn
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.filters import Clause, where
from analytics.store.opensearch.registry import StoredRegistry
from analytics.wire import Metric, Query, Row, StoreError

MAX_INTERVAL: Final = 2**60

BUCKETS: Final = 30_000
"""Groups of one page: below `search.max_buckets`, which is 65,535."""

_NULL_LAST = (True, 0)

Key = tuple[str, ...]


class _Bucket(NamedTuple):
    key: Key
    start: int | None
    events: int
    measures: dict[str, Any]


def run_query(cluster: Cluster, registry: StoredRegistry, query: Query) -> list[Row]:
    """Answer a query.

    Raises:
        StoreError: the filter or the interval can't be asked.
    """
    asked = _Asked.of(cluster, registry, query)
    if asked is None:
        return _without_events(query)
    if query.order == "key":
        return list(asked.by_key())
    if asked.is_total:
        return [asked.total()]
    rows = asked.at_once()
    if rows is None:
        rows = list(asked.by_key())
    rows.sort(key=_by_measure if query.metrics else _by_key)
    return rows if query.limit is None else rows[: query.limit]


def stream_groups(cluster: Cluster, registry: StoredRegistry, query: Query) -> Iterator[Row]:
    """Answer a query in the order of keys, with a page of rows in memory.

    Raises:
        StoreError: see `run_query`.
    """
    asked = _Asked.of(cluster, registry, query)
    if asked is None:
        yield from _without_events(query)
    elif asked.is_total:
        yield asked.total()
    else:
        yield from asked.by_key()


def _without_events(query: Query) -> list[Row]:
    """The answer where no event can match."""
    if query.group_by or query.interval is not None:
        return []
    return [Row(key=(), metrics=tuple(_of_nothing(metric) for metric in query.metrics))]


def _of_nothing(metric: Metric) -> int | None:
    return 0 if metric.kind in ("count", "events", "distinct", "values") else None


class _Asked:
    """A query with the fields and the clause that it comes to."""

    def __init__(
        self,
        cluster: Cluster,
        registry: StoredRegistry,
        part: Part,
        query: Query,
        keys: list[str],
    ) -> None:
        self._cluster, self._registry, self._part, self._query = cluster, registry, part, query
        self._keys = keys
        also: list[Clause] = [{"exists": {"field": field}} for field in keys]
        if query.interval is not None:
            also.append({"exists": {"field": f"{OWN}.t"}})
        self._clause = where(
            cluster,
            registry,
            part,
            query.filter,
            since=query.since,
            until=query.until,
            also=also,
        )
        self._measures = {
            f"m{i}": measure
            for i, metric in enumerate(query.metrics)
            if (measure := self._measure(metric)) is not None
        }

    @classmethod
    def of(cls, cluster: Cluster, registry: StoredRegistry, query: Query) -> _Asked | None:
        """None if no event can match, or there is nothing to measure."""
        part = registry.part(query.kid, query.profile)
        grouped = [part.by_path(path) for path in query.group_by] if part is not None else []
        total = not query.group_by and query.interval is None
        if part is None or not all(grouped) or (total and not query.metrics):
            return None
        if query.interval is not None and query.interval > MAX_INTERVAL:
            raise StoreError("the interval is longer than all of time", "ask for a shorter one")
        keys = [registry.fields(columns[0]).text for columns in grouped]
        return cls(cluster, registry, part, query, keys)

    @property
    def is_total(self) -> bool:
        """Whether the answer is one row."""
        return not self._keys and self._query.interval is None

    def total(self) -> Row:
        """The one row of all events."""
        found = self._search(self._measures)
        bucket = _Bucket((), None, found["hits"]["total"]["value"], found.get("aggregations", {}))
        distinct = {i: self._distinct(column) for i, column in self._distinct_columns().items()}
        return self._row(bucket, distinct)

    def _distinct(self, column: StoredColumn) -> int:
        """How many texts a column has."""
        field = self._registry.fields(column).text
        found = self._search({"texts": {"terms": {"field": field, "size": BUCKETS}}}, hits=False)
        texts = found["aggregations"]["texts"]
        if _is_complete(texts):
            return len(texts["buckets"])
        with self._snapshot() as pit:
            return sum(1 for _ in self._buckets([{"text": {"terms": {"field": field}}}], {}, pit))

    def at_once(self) -> list[Row] | None:
        """The rows, or all that may be among the first, where one request proves it; else None."""
        if self._distinct_columns() or len(self._keys) > 1:
            return None
        if self._query.interval is None:
            return self._terms()
        return None if self._keys else self._histogram(self._query.interval)

    def _histogram(self, interval: int) -> list[Row] | None:
        """The rows by time, if they span few enough intervals."""
        time = {"field": f"{OWN}.t"}
        found = self._search({"span": {"stats": time}}, hits=False)["aggregations"]["span"]
        if not found["count"]:
            return []
        if (found["max"] - found["min"]) / interval > BUCKETS:
            return None
        buckets = {"histogram": {**time, "interval": interval, "min_doc_count": 1}}
        groups = self._search({"groups": {**buckets, "aggs": self._measures}}, hits=False)
        return [
            self._row(_Bucket((), self._start(group["key"]), group["doc_count"], group), {})
            for group in groups["aggregations"]["groups"]["buckets"]
        ]

    def _terms(self) -> list[Row] | None:
        query = self._query
        first = query.metrics[0].kind if query.metrics else "events"
        counts = first in ("events", "count")
        size = BUCKETS if query.limit is None or not counts else min(query.limit, BUCKETS)
        order = "m0" if counts and first == "count" else "_count"
        terms = {
            "field": self._keys[0],
            "size": size,
            "shard_size": BUCKETS,
            "order": [{order: "desc"}, {"_key": "asc"}],
        }
        found = self._search({"groups": {"terms": terms, "aggs": self._measures}}, hits=False)
        groups = found["aggregations"]["groups"]
        is_first = (
            query.limit is not None
            and query.limit <= size
            and counts
            and (
                found["_shards"]["total"] == 1
                or (first == "events" and groups["doc_count_error_upper_bound"] == 0)
            )
        )
        if not _is_complete(groups) and not is_first:
            return None
        return [
            self._row(_Bucket((group["key"],), None, group["doc_count"], group), {})
            for group in groups["buckets"]
        ]

    def by_key(self) -> Iterator[Row]:
        """The rows in the order of keys, from the page that is asked for."""
        left = self._query.limit
        with self._snapshot() as pit:
            distinct = {
                i: _Counts(self._pairs(column, pit))
                for i, column in self._distinct_columns().items()
            }
            for bucket in self._buckets(self._sources(), self._measures, pit):
                if left is not None:
                    if not left:
                        return
                    left -= 1
                counts = {i: count.of(bucket) for i, count in distinct.items()}
                yield self._row(bucket, counts)

    def _sources(self) -> list[dict[str, Any]]:
        sources: list[dict[str, Any]] = [
            {f"g{i}": {"terms": {"field": field}}} for i, field in enumerate(self._keys)
        ]
        if self._query.interval is not None:
            width = {"field": f"{OWN}.t", "interval": self._query.interval}
            sources.append({"bucket": {"histogram": width}})
        return sources

    def _pairs(self, column: StoredColumn, pit: str) -> Iterator[_Bucket]:
        """A bucket for each group and distinct text of a column, in the order of groups."""
        text = {"text": {"terms": {"field": self._registry.fields(column).text}}}
        return self._buckets([*self._sources(), text], {}, pit)

    @contextmanager
    def _snapshot(self) -> Iterator[str]:
        with self._cluster.snapshot(self._cluster.indices.events) as pit:
            yield pit

    def _buckets(
        self, sources: list[dict[str, Any]], measures: dict[str, Any], pit: str
    ) -> Iterator[_Bucket]:
        after = self._after(sources)
        while True:
            composite: dict[str, Any] = {"sources": sources, "size": BUCKETS}
            if after is not None:
                composite["after"] = after
            body = {
                "size": 0,
                "track_total_hits": False,
                "query": self._clause,
                "pit": {"id": pit, "keep_alive": "5m"},
                "aggs": {"groups": {"composite": composite, "aggs": measures}},
            }
            groups = self._cluster.client.search(body=body)["aggregations"]["groups"]
            for group in groups["buckets"]:
                yield self._bucket(group)
            after = groups.get("after_key")
            if after is None or len(groups["buckets"]) < BUCKETS:
                return

    def _after(self, sources: list[dict[str, Any]]) -> dict[str, Any] | None:
        page = self._query.after
        if page is None:
            return None
        after: dict[str, Any] = {f"g{i}": text for i, text in enumerate(page.key)}
        if page.bucket is not None:
            after["bucket"] = page.bucket
        if len(sources) > len(after):
            # Pairs of the page before have a text behind them, and all of these are to be left out.
            after["text"] = _GREATEST
        return after

    def _bucket(self, group: dict[str, Any]) -> _Bucket:
        found = group["key"]
        key = tuple(found[f"g{i}"] for i in range(len(self._keys))) if self._keys else ()
        return _Bucket(key, self._start(found.get("bucket")), group["doc_count"], group)

    def _start(self, key: float | None) -> int | None:
        """The start of an interval, of which the answer has a binary64."""
        width = self._query.interval
        return None if width is None or key is None else round(key / width) * width

    def _search(self, aggs: dict[str, Any], *, hits: bool = True) -> dict[str, Any]:
        body: dict[str, Any] = {"size": 0, "track_total_hits": hits, "query": self._clause}
        if aggs:
            body["aggs"] = aggs
        return self._cluster.search(self._cluster.indices.events, body)

    def _measure(self, metric: Metric) -> dict[str, Any] | None:
        match metric.kind:
            case "count":
                return {"sum": {"field": f"{OWN}.weight"}}
            case "first":
                return {"min": {"field": f"{OWN}.t"}}
            case "last":
                return {"max": {"field": f"{OWN}.t"}}
            case "events" | "distinct":
                return None
        typed = self._typed(metric)
        if typed is None:
            return None
        return {"stats": {"field": self._registry.fields(typed).typed}}

    def _typed(self, metric: Metric) -> StoredColumn | None:
        """The column whose values are measured."""
        columns = self._part.by_path(metric.path or "")
        return next((column for column in columns if column.kind in ("number", "time")), None)

    def _distinct_columns(self) -> dict[int, StoredColumn]:
        """By the place of the metric, the columns whose distinct texts are counted."""
        found = {}
        for i, metric in enumerate(self._query.metrics):
            columns = self._part.by_path(metric.path or "") if metric.kind == "distinct" else []
            if columns:
                found[i] = columns[0]
        return found

    def _row(self, bucket: _Bucket, distinct: dict[int, int]) -> Row:
        metrics = tuple(
            self._value(i, metric, bucket, distinct) for i, metric in enumerate(self._query.metrics)
        )
        return Row(bucket.key, metrics, bucket.start)

    def _value(
        self, i: int, metric: Metric, bucket: _Bucket, distinct: dict[int, int]
    ) -> int | float | None:
        match metric.kind:
            case "events":
                return bucket.events
            case "distinct":
                return distinct.get(i, 0)
            case "count":
                return int(bucket.measures[f"m{i}"]["value"])
            case "first" | "last":
                value = bucket.measures[f"m{i}"]["value"]
                return None if value is None else int(value)
        if f"m{i}" not in bucket.measures:
            return _of_nothing(metric)
        found = bucket.measures[f"m{i}"]
        if metric.kind == "values":
            return int(found["count"])
        if not found["count"]:
            return None
        value = float(found[metric.kind])
        typed = self._typed(metric)
        is_whole = typed is not None and typed.kind == "time" and metric.kind != "avg"
        return int(value) if is_whole else value


_GREATEST: Final = "\U0010ffff" * 64
"""Greater than any text of a column but one that is made of these."""


def _is_complete(terms: dict[str, Any]) -> bool:
    """Whether the answer of a terms aggregation, of `BUCKETS` at most, is all there is."""
    return terms["sum_other_doc_count"] == 0 and len(terms["buckets"]) < BUCKETS


class _Counts:
    """Counts how many of the sorted pairs belong to each group, as the groups come."""

    def __init__(self, pairs: Iterator[_Bucket]) -> None:
        self._pairs = pairs
        self._next = next(pairs, None)

    def of(self, group: _Bucket) -> int:
        """The distinct texts of a group; groups come in the order of the pairs."""
        count = 0
        while self._next is not None and self._next[:2] == group[:2]:
            count += 1
            self._next = next(self._pairs, None)
        return count


def _by_measure(row: Row) -> tuple[Any, ...]:
    first = row.metrics[0]
    return (_NULL_LAST if first is None else (False, -first), *_by_key(row))


def _by_key(row: Row) -> tuple[Any, ...]:
    return (row.key, row.bucket or 0)
