"""Answering queries: groups by composite pages, or by one request where that is exact.

Invariants:
- Groups are complete: composite pages go on to the end, all of one point in time. The terms
  aggregation, which is faster, answers only where its own figures prove that nothing is missing.
- Distinct counts are counts of pages too, never estimates.
- Whole numbers that aggregations give as binary64 are within its exact range: weights and times
  are, see `fields`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final

from analytics.store.intake.registry import Part, StoredColumn
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.filters import where
from analytics.store.opensearch.measures import Group, Measures, of_nothing
from analytics.store.opensearch.registry import StoredRegistry
from analytics.wire import Query, Row, StoreError

MAX_INTERVAL: Final = 2**60

BUCKETS: Final = 30_000
"""Groups of one page: below `search.max_buckets`, which is 65,535."""


def run_query(cluster: Cluster, registry: StoredRegistry, query: Query) -> list[Row]:
    """Answer a query.

    Raises:
        StoreError: the filter or the interval can't be asked.
    """
    asked = _Asked.of(cluster, registry, query)
    if asked is None:
        return _without_events(query)
    if asked.is_total:
        return [asked.total()]
    if query.order == "key":
        return list(asked.by_key(limit=query.limit))
    rows = asked.at_once()
    if rows is None:
        # By key already, and sorts are stable.
        rows = _by_measure(asked.by_key(limit=None))
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
        yield from asked.by_key(limit=query.limit)


def _without_events(query: Query) -> list[Row]:
    """The answer where no event can match."""
    if query.group_by or query.interval is not None:
        return []
    return [Row(key=(), metrics=tuple(of_nothing(metric) for metric in query.metrics))]


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
        self._clause = where(
            cluster,
            registry,
            part,
            query.filter,
            since=query.since,
            until=query.until,
        )
        self._measures = Measures(registry, part, query.metrics)

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
        found = self._search(self._measures.asked)
        group = {**found.get("aggregations", {}), "doc_count": found["hits"]["total"]["value"]}
        distinct = {i: [self._distinct(column)] for i, column in self._measures.distinct.items()}
        (row,) = self._measures.rows([()], None, [group], distinct)
        return row

    def _distinct(self, column: StoredColumn) -> int:
        """How many texts a column has."""
        field = self._registry.fields(column).text
        found = self._search({"texts": {"terms": {"field": field, "size": BUCKETS}}}, hits=False)
        texts = found["aggregations"]["texts"]
        if _is_complete(texts):
            return len(texts["buckets"])
        with self._snapshot() as pit:
            return sum(map(len, self._pages([{"text": {"terms": {"field": field}}}], {}, pit)))

    def at_once(self) -> list[Row] | None:
        """The rows in their order, or all that may be among the first, where one request proves
        it; else None."""
        if self._measures.distinct or len(self._keys) > 1:
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
        answer = self._search({"groups": {**buckets, "aggs": self._measures.asked}}, hits=False)
        groups = answer["aggregations"]["groups"]["buckets"]
        starts = self._starts(group["key"] for group in groups)
        return _by_measure(self._measures.rows([()] * len(groups), starts, groups, {}))

    def _terms(self) -> list[Row] | None:
        """The rows of one field's groups."""
        query = self._query
        first = query.metrics[0].kind if query.metrics else None
        counts = first in ("events", "count")
        size = min(query.limit, BUCKETS) if query.limit is not None and counts else BUCKETS
        order = {"events": "_count", "count": "m0", None: "_key"}.get(first, "_key")
        by_key = {"_key": "asc"}
        terms = {
            "field": self._keys[0],
            "size": size,
            "shard_size": BUCKETS,
            "order": by_key if order == "_key" else [{order: "desc"}, by_key],
        }
        found = self._search({"groups": {"terms": terms, "aggs": self._measures.asked}}, hits=False)
        groups = found["aggregations"]["groups"]
        is_first = size == query.limit and (
            found["_shards"]["total"] == 1
            or (first == "events" and groups["doc_count_error_upper_bound"] == 0)
        )
        if not _is_complete(groups) and not is_first:
            return None
        buckets = groups["buckets"]
        rows = self._measures.rows([(bucket["key"],) for bucket in buckets], None, buckets, {})
        return rows if counts else _by_measure(rows)

    def by_key(self, *, limit: int | None) -> Iterator[Row]:
        """The rows in the order of keys, from the page that is asked for."""
        with self._snapshot() as pit:
            distinct = {
                i: _Counts(self._pairs(column, pit))
                for i, column in self._measures.distinct.items()
            }
            for groups in self._pages(self._sources(), self._measures.asked, pit):
                some = groups[:limit]
                counts = {i: list(map(count.of, some)) for i, count in distinct.items()}
                names = [f"g{i}" for i in range(len(self._keys))]
                keys = [tuple([group["key"][name] for name in names]) for group in some]
                starts = self._starts(group["key"].get("bucket") for group in some)
                yield from self._measures.rows(keys, starts, some, counts)
                if limit is not None:
                    limit -= len(some)
                    if not limit:
                        return

    def _sources(self) -> list[dict[str, Any]]:
        sources: list[dict[str, Any]] = [
            {f"g{i}": {"terms": {"field": field}}} for i, field in enumerate(self._keys)
        ]
        if self._query.interval is not None:
            width = {"field": f"{OWN}.t", "interval": self._query.interval}
            sources.append({"bucket": {"histogram": width}})
        return sources

    def _pairs(self, column: StoredColumn, pit: str) -> Iterator[Group]:
        """A bucket for each group and distinct text of a column, in the order of groups."""
        text = {"text": {"terms": {"field": self._registry.fields(column).text}}}
        return chain.from_iterable(self._pages([*self._sources(), text], {}, pit))

    @contextmanager
    def _snapshot(self) -> Iterator[str]:
        with self._cluster.snapshot(self._cluster.indices.events) as pit:
            yield pit

    def _pages(
        self, sources: list[dict[str, Any]], measures: dict[str, Any], pit: str
    ) -> Iterator[list[Group]]:
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
            groups = self._cluster.search(None, body)["aggregations"]["groups"]
            yield groups["buckets"]
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

    def _starts(self, keys: Iterable[float | None]) -> list[int] | None:
        """The starts of intervals, of which the answer has binary64s; None without intervals."""
        width = self._query.interval
        if width is None:
            return None
        return [round(key / width) * width for key in keys if key is not None]

    def _search(self, aggs: dict[str, Any], *, hits: bool = True) -> dict[str, Any]:
        body: dict[str, Any] = {"size": 0, "track_total_hits": hits, "query": self._clause}
        if aggs:
            body["aggs"] = aggs
        return self._cluster.search(self._cluster.indices.events, body)


_GREATEST: Final = "\U0010ffff" * 64
"""Greater than any text of a column but one that is made of these."""


def _is_complete(terms: dict[str, Any]) -> bool:
    """Whether the answer of a terms aggregation, of `BUCKETS` at most, is all there is."""
    return terms["sum_other_doc_count"] == 0 and len(terms["buckets"]) < BUCKETS


class _Counts:
    """Counts how many of the sorted pairs belong to each group, as the groups come."""

    def __init__(self, pairs: Iterator[Group]) -> None:
        self._pairs = pairs
        self._next = next(pairs, None)

    def of(self, group: Group) -> int:
        """The distinct texts of a group; groups come in the order of the pairs."""
        own = tuple(group["key"].values())
        count = 0
        while self._next is not None and (pair := tuple(self._next["key"].values())[:-1]) <= own:
            count += pair == own  # one of a group before is left over from the page before
            self._next = next(self._pairs, None)
        return count


def _by_measure(rows: Iterable[Row]) -> list[Row]:
    """Rows, which are in the order of keys, by their first metric, if there is one."""
    found = list(rows)
    if found and found[0].metrics:
        found.sort(key=_largest_first)
    return found


def _largest_first(row: Row) -> tuple[bool, float]:
    first = row.metrics[0]
    return (True, 0) if first is None else (False, -first)
