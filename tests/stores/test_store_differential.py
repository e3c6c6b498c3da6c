"""Random events, filters and queries: every store answers as the plain reference does.

Each example has an epoch of its own in stores that many examples share: making a store takes longer
than asking it, and what other epochs have must not show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import store_strategies as made
from stores.lines import event, header
from stores.reference import Event, Reference, record_key
from support.small_pieces import small_pieces
from support.stores import MakeStore
from support.thorough import examples

from analytics.store import CloudStore
from analytics.wire import After, Query, Row, write_line

SHARED = 50
"""Examples that share their stores."""

CASES = {("duckdb", "large"): 15, ("duckdb", "small"): 15}
CASES |= {("opensearch", "large"): 300, ("opensearch", "small"): 200}
"""Examples by store and size of pieces; of OpenSearch `make test-opensearch` tries 500 at once."""


class Stores:
    """The stores that are compared, and a new epoch in them for each example."""

    def __init__(self, make_store: MakeStore, kinds: list[str]) -> None:
        self._make, self._kinds = make_store, kinds
        self._open = ExitStack()
        self._numbers = count(1)
        self._stores: dict[str, CloudStore] = {}

    def take(self) -> tuple[str, dict[str, CloudStore]]:
        """A kid that none of the stores knows, and the stores."""
        number = next(self._numbers)
        if number % SHARED == 1:
            self._open.close()
            self._stores = {
                kind: self._open.enter_context(self._make(kind)) for kind in self._kinds
            }
        return f"{number:08x}", self._stores

    def close(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def stores(make_store: MakeStore, store_kind: str) -> Iterator[Stores]:
    """The embedded store, and beside it the one that the test runs on if that is another."""
    found = Stores(make_store, list(dict.fromkeys(["duckdb", store_kind])))
    yield found
    found.close()


def same(query: Query, ours: list[Row], theirs: list[Row]) -> bool:
    """Equal rows, floating sums within 1e-9."""
    inexact = [metric.kind in ("sum", "avg") for metric in query.metrics]
    return [(a.key, a.bucket) for a in ours] == [(b.key, b.bucket) for b in theirs] and all(
        x == y or (is_inexact and x is not None and y is not None and close(x, y))
        for a, b in zip(ours, theirs, strict=True)
        for is_inexact, x, y in zip(inexact, a.metrics, b.metrics, strict=True)
    )


def close(x: float, y: float) -> bool:
    return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9)


def fill(stores: dict[str, CloudStore], kid: str, case: made.Case) -> Reference:
    """Store a case everywhere; what it comes to."""
    lines = [event(body, (kid, i), kid=kid) for i, body in enumerate(case.bodies)]
    events = []
    for step, (columns, records) in enumerate(zip(case.columns, case.records, strict=True)):
        known = case.split if step else 0
        some = lines if step else lines[: case.split]
        stream = [
            header(columns, kid=kid, time=case.time),
            *(() if step else map(write_line, records)),
            *some,
            *(map(write_line, records) if step else ()),
        ]
        for name, store in stores.items():
            report = store.ingest(stream)
            assert (report.rejected, report.known_events) == (0, known), (name, report.rejects)
        visible = [(column.path, str(column.kind)) for column in columns]
        events += [Event(visible, msgspec.json.decode(line), case.time) for line in some[known:]]
    every = [(column.path, str(column.kind)) for column in case.columns[1]]
    return Reference(every, events, [record for some in case.records for record in some])


def ask(data: st.DataObject, stores: dict[str, CloudStore], kid: str, reference: Reference) -> None:
    """Compare some answers of each store with those of the reference."""
    query = data.draw(made.queries(kid))
    answer = reference.query(query)
    by_key = query.model_copy(update={"order": "key"})
    whole = by_key.model_copy(update={"limit": None})
    rows = reference.query(whole)
    page = None
    if rows and (query.group_by or query.interval):
        cut = data.draw(st.sampled_from(rows))
        key = data.draw(st.sampled_from([cut.key, tuple(reversed(cut.key))]))
        page = by_key.model_copy(update={"after": After(key=key, bucket=cut.bucket)})
    for name, store in stores.items():
        ours = store.query(query)
        assert same(query, ours, answer), (name, query, ours, answer)
        ours = store.query(by_key)
        assert same(query, ours, rows[: query.limit]), (name, by_key, ours, rows)
        ours = list(store.groups(whole))
        assert same(query, ours, rows), (name, whole, ours, rows)
        if page is not None:
            ours, theirs = store.query(page), reference.query(page)
            assert same(query, ours, theirs), (name, page, ours, theirs)


@pytest.mark.parametrize("pieces", ["large", "small"])
def test_answers_as_the_reference_does(
    stores: Stores, store_kind: str, pieces: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pieces == "small":
        small_pieces(monkeypatch)

    @settings(
        max_examples=examples(CASES[store_kind, pieces]),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        kid, opened = stores.take()
        case = data.draw(made.cases(kid))
        reference = fill(opened, kid, case)
        for _ in range(3):
            ask(data, opened, kid, reference)
        selection = data.draw(made.selections(kid))
        chosen = [event.body for event in reference.scan(selection)]
        for name, store in opened.items():
            found = list(map(msgspec.json.decode, store.scan(selection)))
            assert found == chosen, (name, selection, found, chosen)
        lookup = data.draw(made.lookups(kid))
        expected = reference.values(lookup)
        for name, store in opened.items():
            records = sorted(store.values(lookup), key=record_key)
            assert records == expected, (name, lookup)
            assert store.value_count(lookup) == len(expected), (name, lookup)

    check()
