"""The filter language as OpenSearch's.

Invariants:
- Paths choose fields by the part's columns; a path without a column in the part has no value.
- Everything runs in filter context: nothing is scored.
- An answer is exact. Tokens on events decide where they say all; of the events that are unsure the
  values are looked up in the dictionary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from analytics.store.intake.bounds import number_bound, time_bound
from analytics.store.intake.columns import as_address
from analytics.store.intake.registry import Part, StoredColumn
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.dictionary import (
    MAX_CLAUSES,
    MAX_TERMS,
    find_ciphertexts,
    terms,
)
from analytics.store.opensearch.documents import search_lists
from analytics.store.opensearch.fields import (
    MAX_TEXT,
    OWN,
    around_mapped,
    hexadecimal,
)
from analytics.store.opensearch.registry import StoredRegistry
from analytics.wire import (
    AllOf,
    AnyOf,
    Eq,
    Exists,
    Filter,
    In,
    Lookup,
    Not,
    PrefixRange,
    Range,
    StoreError,
    TokensAll,
    check_filter,
)

Clause = dict[str, Any]

_INT64: Final = 2**63

NOTHING: Final[Clause] = {"match_none": {}}

_MAX_CLAUSES: Final = 1_000
"""OpenSearch's `indices.query.bool.max_clause_count` is 1,024."""


def where(
    cluster: Cluster,
    registry: StoredRegistry,
    part: Part,
    root: Filter,
    *,
    since: int | None = None,
    until: int | None = None,
    also: Sequence[Clause] = (),
) -> Clause:
    """The query that selects a part's events.

    Raises:
        StoreError: the filter is too large, or one of its addresses is none.
    """
    try:
        check_filter(root)
    except ValueError as error:
        raise StoreError(str(error), "ask a smaller question") from error
    clauses: list[Clause] = [
        {"term": {f"{OWN}.kid": part.kid}},
        {"term": {f"{OWN}.profile": part.profile}},
        *also,
    ]
    if since is not None or until is not None:
        clauses.append(_between(f"{OWN}.t", since, until))
    compiler = _Compiler(cluster, registry, part)
    clauses.append(compiler.clause(root))
    if compiler.leaves > _MAX_CLAUSES:
        raise StoreError(
            f"the filter has more than the {_MAX_CLAUSES} parts that OpenSearch takes",
            "ask for many texts of a field by one list, or ask several smaller questions",
        )
    return {"bool": {"filter": clauses}}


def one_of(field: str, texts: Sequence[str]) -> Clause:
    """The field has one of these texts."""
    wanted = [text for text in dict.fromkeys(texts) if len(text.encode()) <= MAX_TEXT]
    pieces = [wanted[i : i + MAX_TERMS] for i in range(0, len(wanted), MAX_TERMS)]
    return _any([{"terms": {field: piece}} for piece in pieces])


class _Compiler:
    def __init__(self, cluster: Cluster, registry: StoredRegistry, part: Part) -> None:
        self._cluster = cluster
        self._registry = registry
        self._part = part
        self.leaves = 0

    def clause(self, node: Filter) -> Clause:
        self.leaves += 1
        match node:
            case AllOf():
                return {"bool": {"filter": [self.clause(part) for part in node.parts]}}
            case AnyOf():
                return _any([self.clause(part) for part in node.parts])
            case Not():
                return {"bool": {"must_not": [self.clause(node.part)]}}
            case Eq():
                return self._one_of(node.path, [node.value])
            case In():
                return self._one_of(node.path, node.values)
            case TokensAll():
                return self._tokens(node)
            case Exists():
                column = self._text_column(node.path)
                return NOTHING if column is None else _exists(self._registry.fields(column).text)
            case Range():
                return self._range(node)
            case PrefixRange():
                return self._addresses(node)

    def _text_column(self, path: str) -> StoredColumn | None:
        """The column with all texts of a path."""
        return next(iter(self._part.by_path(path)), None)

    def _one_of(self, path: str, texts: Sequence[str]) -> Clause:
        column = self._text_column(path)
        return NOTHING if column is None else one_of(self._registry.fields(column).text, texts)

    def _tokens(self, node: TokensAll) -> Clause:
        column = self._text_column(node.path)
        if column is None:
            return NOTHING
        named = search_lists(self._part.headers, column)
        if named != {(node.keyspace, node.search)} or len(set(node.tokens)) > MAX_CLAUSES:
            return self._by_dictionary(node)
        field = self._registry.fields(column).tokens
        wanted = [{"term": {field: term}} for term in terms(set(node.tokens))]
        self.leaves += len(wanted)
        sure: Clause = {"bool": {"filter": wanted}}
        unsure: Clause = {"term": {f"{OWN}.unsure": str(column.number)}}
        if not self._is_there(unsure):
            return sure
        return _any([sure, {"bool": {"filter": [unsure, self._by_dictionary(node)]}}])

    def _by_dictionary(self, node: TokensAll) -> Clause:
        lookup = Lookup(
            kid=self._part.kid, keyspace=node.keyspace, search=node.search, tokens=node.tokens
        )
        return self._one_of(node.path, sorted(find_ciphertexts(self._cluster, lookup)))

    def _is_there(self, clause: Clause) -> bool:
        of_part = [
            {"term": {f"{OWN}.kid": self._part.kid}},
            {"term": {f"{OWN}.profile": self._part.profile}},
        ]
        found = self._cluster.search(
            self._cluster.indices.events,
            {
                "query": {"bool": {"filter": [*of_part, clause]}},
                "size": 0,
                "terminate_after": 1,
                "track_total_hits": 1,
            },
        )
        return bool(found["hits"]["total"]["value"])

    def _range(self, node: Range) -> Clause:
        tests = []
        for column in self._part.by_path(node.path):
            fields = self._registry.fields(column)
            if column.kind == "number":
                low, high = number_bound(node.gte), number_bound(node.lt)
            elif column.kind == "time":
                low, high = _time_bound(node.gte), _time_bound(node.lt)
            else:
                continue
            if fields.typed is None or any(x is not None and math.isnan(x) for x in (low, high)):
                continue
            if low == math.inf or high == -math.inf:
                continue
            tests.append(
                _between(
                    fields.typed,
                    None if low == -math.inf else low,
                    None if high == math.inf else high,
                )
            )
        return _any(tests)

    def _addresses(self, node: PrefixRange) -> Clause:
        low, high = as_address(node.low), as_address(node.high)
        if low is None or high is None or isinstance(low, int) != isinstance(high, int):
            raise StoreError(
                "the ends of an address range are not two addresses of one family",
                "give two IPv4 or two IPv6 addresses",
            )
        tests: list[Clause] = []
        for column in self._part.by_path(node.path):
            fields = self._registry.fields(column)
            if column.kind != "ip" or fields.typed is None or fields.mapped is None:
                continue
            if isinstance(low, int) or isinstance(high, int):
                tests.append({"range": {fields.typed: {"gte": node.low, "lte": node.high}}})
                continue
            for start, end in around_mapped(low, high):
                tests.append({"range": {fields.typed: {"gte": start, "lte": end}}})
            ends = {"gte": hexadecimal(low), "lte": hexadecimal(high)}
            tests.append({"range": {fields.mapped: ends}})
        return _any(tests)


def _any(tests: list[Clause]) -> Clause:
    if not tests:
        return NOTHING
    return tests[0] if len(tests) == 1 else {"bool": {"should": tests, "minimum_should_match": 1}}


def _time_bound(bound: int | float | None) -> int | float | None:
    """The bound as an int64, infinite beyond: OpenSearch refuses what is no such number."""
    found = time_bound(bound)
    if found is None or math.isnan(found) or abs(found) < _INT64:
        return found
    return math.copysign(math.inf, found)


def _exists(field: str) -> Clause:
    return {"exists": {"field": field}}


def _between(field: str, low: float | None, high: float | None) -> Clause:
    bounds = {name: x for name, x in (("gte", low), ("lt", high)) if x is not None}
    return {"range": {field: bounds}} if bounds else _exists(field)
