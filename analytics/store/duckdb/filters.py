"""The filter language as SQL.

Invariants:
- Everything of a filter reaches DuckDB as an integer that was made here, a bound parameter or a
  registered array of integers; paths choose columns by number, texts become ids first. A path
  without a column in the part has no value.
- Integers are written as constants: of these DuckDB leaves out what its statistics prove, which
  for the part is the whole test, and a third of the time of a group-by over all events.
- The SQL of a filter may be null where a column is null; above a `not` it is made two-valued
  (`IS NOT TRUE`), and elsewhere null counts as false.
- Array elements stand in `elements` and are asked only of columns that have any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import duckdb
import numpy as np
import numpy.typing as npt

from analytics.store.duckdb.reading import find_record_texts
from analytics.store.duckdb.registry import StoredRegistry
from analytics.store.duckdb.texts import find_texts
from analytics.store.intake.bounds import number_bound, time_bound
from analytics.store.intake.columns import as_address
from analytics.store.intake.registry import Part, StoredColumn
from analytics.wire import (
    AllOf,
    AnyOf,
    Eq,
    Exists,
    Filter,
    In,
    Not,
    PrefixRange,
    Range,
    StoreError,
    TokensAll,
    check_filter,
)

_FEW = 16
"""Ids given as constants instead of a registered array."""

_MAX_SUBQUERIES = 256
"""Each is a join; DuckDB's planner gives up at some thousand."""


class Where:
    """A WHERE clause over `events e`, with its parameters.

    It may refer to arrays registered on the cursor, so it lives as long as that.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        registry: StoredRegistry,
        part: Part,
        *,
        since: int | None = None,
        until: int | None = None,
    ) -> None:
        self._connection = connection
        self._registry = registry
        self._part = part
        self._sets = self._subqueries = 0
        self._ids: dict[str, int] = {}
        self.parameters: list[object] = []
        self._clauses = [f"e.part = {int(part.number)}"]
        if since is not None:
            self.also(f"e.t >= {int(since)}")
        if until is not None:
            self.also(f"e.t < {int(until)}")

    @property
    def sql(self) -> str:
        """The clause, without the word."""
        return " AND ".join(self._clauses)

    def also(self, clause: str) -> None:
        """Narrow it down by a clause that is made of names and integers only."""
        self._clauses.append(clause)

    def one_of(self, path: str, texts: Sequence[str]) -> None:
        """Narrow it down to events that have one of these texts at a path."""
        self._clauses.append(self._one_of(path, find_texts(self._connection, texts)))

    def add(self, root: Filter) -> None:
        """Narrow it down by a filter.

        Raises:
            StoreError: the filter is too large, or one of its addresses is none.
        """
        try:
            check_filter(root)
        except ValueError as error:
            raise StoreError(str(error), "ask a smaller question") from error
        self._resolve_texts(root)
        self._clauses.append(self._compile(root))

    def _resolve_texts(self, root: Filter) -> None:
        texts = [node.value for node in _nodes(root) if isinstance(node, Eq)]
        distinct = list(dict.fromkeys(texts))
        ids = find_texts(self._connection, distinct)
        self._ids.update(zip(distinct, ids.tolist(), strict=True))

    def _compile(self, node: Filter) -> str:
        match node:
            case AllOf():
                return self._joined(node.parts, " AND ", "true")
            case AnyOf():
                return self._joined(node.parts, " OR ", "false")
            case Not():
                return f"(({self._compile(node.part)}) IS NOT TRUE)"
            case Eq():
                return self._one_of(node.path, np.array([self._ids[node.value]], dtype=np.uint32))
            case In():
                return self._one_of(node.path, find_texts(self._connection, node.values))
            case TokensAll():
                return self._tokens(node)
            case Exists():
                return self._exists(node.path)
            case Range():
                return self._range(node)
            case PrefixRange():
                return self._addresses(node)

    def _joined(self, parts: tuple[Filter, ...], word: str, empty: str) -> str:
        return f"({word.join(map(self._compile, parts))})" if parts else empty

    def _one_of(self, path: str, ids: npt.NDArray[np.uint32]) -> str:
        """The path's column has one of these texts; id 0 is a text that nothing has."""
        ids = np.unique(ids[ids != 0])
        columns = self._part.by_path(path)
        if not columns or not len(ids):
            return "false"
        column = columns[0]
        if len(ids) <= _FEW:
            source = ", ".join(map(str, ids.tolist()))
        else:
            source = f"SELECT id FROM {self._register(ids)}"

        def test(name: str) -> str:
            return f"{name} IN ({source})"

        return self._or_element(column, test(f"e.c{column.number}"), lambda: test("m.c"))

    def _register(self, ids: npt.NDArray[np.uint32]) -> str:
        self._sets += 1
        name = f"set_{self._sets}"
        self._connection.register(name, {"id": ids})
        return name

    def _or_element(self, column: StoredColumn, scalar: str, element: Callable[[], str]) -> str:
        """The scalar test, or the same of any array element.

        `element` is called after the scalar test was made, so parameters stay in order.
        """
        if not column.multi:
            return f"({scalar})"
        self._subqueries += 1
        if self._subqueries > _MAX_SUBQUERIES:
            raise StoreError(
                f"the filter looks more than {_MAX_SUBQUERIES} times into columns with arrays",
                "ask for many texts of a column by one `in`",
            )
        n = int(column.number)
        return (
            f"({scalar} OR e.seq IN (SELECT m.seq FROM elements m WHERE m.n = {n} AND {element()}))"
        )

    def _tokens(self, node: TokensAll) -> str:
        numbers = [
            number
            for _, number in self._registry.find_lists(self._part.kid, node.keyspace, node.search)
        ]
        if not numbers or not self._part.by_path(node.path):
            return "false"
        texts = find_record_texts(self._connection, numbers, node.tokens)
        return self._one_of(node.path, texts.astype(np.uint32))

    def _exists(self, path: str) -> str:
        columns = self._part.by_path(path)
        if not columns:
            return "false"
        return self._or_element(columns[0], f"e.c{columns[0].number} IS NOT NULL", lambda: "true")

    def _range(self, node: Range) -> str:
        tests = []
        for column in self._part.by_path(node.path):
            if column.kind == "number":
                low, high = number_bound(node.gte), number_bound(node.lt)
            elif column.kind == "time":
                low, high = time_bound(node.gte), time_bound(node.lt)
            else:
                continue
            if any(isinstance(bound, float) and math.isnan(bound) for bound in (low, high)):
                continue
            tests.append(self._between(column, low, high))
        return f"({' OR '.join(tests)})" if tests else "false"

    def _between(
        self, column: StoredColumn, low: int | float | None, high: int | float | None
    ) -> str:
        def test(name: str) -> str:
            clauses = []
            for bound, operator in ((low, ">="), (high, "<")):
                if bound is not None:
                    clauses.append(f"{name} {operator} ?")
                    self.parameters.append(bound)
            return " AND ".join(clauses)

        return self._or_element(
            column, f"({test(f'e.x{column.number}')})", lambda: test(f"m.{column.kind}")
        )

    def _addresses(self, node: PrefixRange) -> str:
        low, high = as_address(node.low), as_address(node.high)
        if low is None or high is None or isinstance(low, int) != isinstance(high, int):
            raise StoreError(
                "the ends of an address range are not two addresses of one family",
                "give two IPv4 or two IPv6 addresses",
            )
        bounds = [_whole(low), _whole(high)]
        scalar, element = ("x", "v4") if isinstance(low, int) else ("y", "v6")

        def test(name: str) -> str:
            self.parameters.extend(bounds)
            return f"{name} BETWEEN ?::UHUGEINT AND ?::UHUGEINT"

        tests = [
            self._or_element(
                column, test(f"e.{scalar}{column.number}"), lambda: test(f"m.{element}")
            )
            for column in self._part.by_path(node.path)
            if column.kind == "ip"
        ]
        return f"({' OR '.join(tests)})" if tests else "false"


def _nodes(root: Filter) -> Iterator[Filter]:
    stack: list[Filter] = [root]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, AllOf | AnyOf):
            stack.extend(node.parts)
        elif isinstance(node, Not):
            stack.append(node.part)


def _whole(address: int | tuple[int, int]) -> int:
    return address if isinstance(address, int) else address[0] << 64 | address[1]
