"""Random events, filters and queries: a store answers as the plain reference does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores.lines import KID, PROFILE, SEARCH, event, header, value
from stores.reference import Reference
from support.thorough import examples

from analytics.store import JobState
from analytics.wire import (
    After,
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
    Selection,
    TokensAll,
)

KINDS = {
    "time": "time",
    "a": "keyword",
    "b.c": "keyword",
    "b.d.e": "text",
    "n": "number",
    "ip": "ip",
    "rate.ex_diff": "number",
}
PATHS = [*KINDS, "hidden"]
TEXTS = ["x", "y", "", "1", "1.5", "é'\"", "true"]
TIMES = [
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:58.5Z",
    "1970-01-01T00:00:03.000001+00:00",
    "1970-01-01 00:00:07",
    "2001-01-01T00:00:00+02:00",
    "not a time",
]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "255.255.255.255", "::1", "::ffff:10.0.0.1", "ff00::", "1.2.3"]
NUMBERS = [0, 1, -1, 7, 2**53, 2**53 + 1, 10**30, 10**400, 1.5, -0.25, 1e300]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(TIMES),
    st.sampled_from(ADDRESSES),
    st.just({}),
)
favourite: dict[str, st.SearchStrategy[Any]] = {
    "time": st.sampled_from(TIMES),
    "n": st.sampled_from(NUMBERS),
    "ip": st.sampled_from(ADDRESSES),
    "rate.ex_diff": st.sampled_from([0, 3, -1, 2.0, "3"]),
}
texts = st.sampled_from([*TEXTS, *TIMES, *ADDRESSES, *map(str, NUMBERS), "nowhere"])


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """An event with some of the paths, nested or dotted."""
    body: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(PATHS), unique=True)):
        scalar = draw(st.one_of(favourite.get(path, st.sampled_from(TEXTS)), scalars))
        if path != "time" and draw(st.integers(0, 3)) == 0:
            more = st.lists(st.one_of(favourite.get(path, st.sampled_from(TEXTS)), scalars))
            scalar = [item for item in [scalar, *draw(more)] if item != {}]
        place = body
        keys = path.split(".") if draw(st.booleans()) else [path]
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = scalar
    return body


def filters() -> st.SearchStrategy[Filter]:
    """Filters of every kind."""
    paths = st.sampled_from(PATHS)
    bounds = st.one_of(
        st.none(), st.sampled_from(NUMBERS), st.sampled_from([1_000_000, -1_500_000, math.inf])
    )
    ends = [("10.0.0.0", "10.0.0.1"), ("0.0.0.0", "255.255.255.255"), ("::", "fe00::")]
    simple: st.SearchStrategy[Filter] = st.one_of(
        st.builds(Eq, path=paths, value=texts),
        st.builds(In, path=paths, values=st.lists(texts, max_size=20).map(tuple)),
        st.builds(Exists, path=paths),
        st.tuples(paths, bounds, bounds)
        .filter(lambda parts: parts[1:] != (None, None))
        .map(lambda parts: Range(path=parts[0], gte=parts[1], lt=parts[2])),
        st.tuples(paths, st.sampled_from(ends)).map(
            lambda parts: PrefixRange(path=parts[0], low=parts[1][0], high=parts[1][1])
        ),
        st.builds(
            TokensAll,
            path=paths,
            keyspace=st.sampled_from(["user", "other"]),
            search=st.just(SEARCH),
            tokens=st.lists(st.integers(0, 3), min_size=1).map(tuple),
        ),
    )
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.builds(Not, part=inner),
            st.builds(AllOf, parts=st.lists(inner, max_size=3).map(tuple)),
            st.builds(AnyOf, parts=st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    """A metric of any kind."""
    if draw(st.booleans()):
        return Metric(kind=draw(st.sampled_from(["count", "events", "first", "last"])))
    measures: list[Any] = ["distinct", "values", "sum", "avg", "min", "max"]
    return Metric(kind=draw(st.sampled_from(measures)), path=draw(st.sampled_from(PATHS)))


queries = st.builds(
    Query,
    kid=st.just(KID),
    profile=st.just(PROFILE),
    since=st.sampled_from([None, None, 0, -2_000_000, 3_000_001]),
    until=st.sampled_from([None, None, 3_000_001, 10**15]),
    filter=st.one_of(st.just(AllOf(parts=())), filters()),
    group_by=st.lists(st.sampled_from(PATHS), unique=True, max_size=2).map(tuple),
    metrics=st.lists(metrics(), max_size=3).map(tuple),
    interval=st.sampled_from([None, None, 2_000_000, 3]),
    limit=st.sampled_from([None, 1, 2, 5]),
)


def same(ours: list[Row], theirs: list[Row]) -> bool:
    """Equal rows, floating sums within 1e-9."""
    return len(ours) == len(theirs) and all(
        a.key == b.key
        and a.bucket == b.bucket
        and len(a.metrics) == len(b.metrics)
        and all(
            x == y if x is None or y is None else math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9)
            for x, y in zip(a.metrics, b.metrics, strict=True)
        )
        for a, b in zip(ours, theirs, strict=True)
    )


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_answers_as_the_reference_does(
    new_store: Callable[[], JobState], data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(bodies(), max_size=12))
    tokens = data.draw(
        st.dictionaries(st.sampled_from(TEXTS), st.sets(st.integers(0, 3)), max_size=4)
    )
    split = data.draw(st.integers(0, len(drawn)))
    lines = [header(KINDS.items())]
    lines += [value(ct, found) for ct, found in tokens.items()]
    lines += [event(body, i) for i, body in enumerate(drawn)]
    decoded = [msgspec.json.decode(line) for line in lines[1 + len(tokens) :]]
    for body in decoded:
        del body["zt"]
    reference = Reference(KINDS, decoded, {("user", SEARCH): tokens})
    with new_store() as store:
        store.ingest(lines[: 1 + len(tokens) + split])
        report = store.ingest(lines)
        assert (report.rejected, report.known_events) == (0, split)
        for _ in range(6):
            query = data.draw(queries)
            ours, theirs = store.query(query), reference.query(query)
            assert same(ours, theirs), (query, ours, theirs)
            by_key = query.model_copy(update={"order": "key"})
            expected = reference.query(by_key.model_copy(update={"limit": None}))
            whole = list(store.groups(query.model_copy(update={"limit": None})))
            assert same(whole, expected), (query, whole, expected)
            if expected and (query.group_by or query.interval):
                cut = data.draw(st.sampled_from(expected))
                after = After(key=cut.key, bucket=cut.bucket)
                page = by_key.model_copy(update={"after": after})
                assert same(store.query(page), reference.query(page)), page
        selection = Selection(kid=KID, profile=PROFILE, filter=data.draw(filters()))
        found = [msgspec.json.decode(line) for line in store.scan(selection)]
        for body in found:
            del body["zt"]
        chosen = [
            body
            for body, seen in zip(decoded, reference.events, strict=True)
            if reference.matches(seen, selection.filter)
        ]
        assert sorted(map(repr, found)) == sorted(map(repr, chosen))
