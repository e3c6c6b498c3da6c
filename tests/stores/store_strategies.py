"""Random batches and questions for a store, with what stores get wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st
from stores.lines import PROFILE, SEARCH, name16, record

from analytics.wire import (
    AllOf,
    AnyOf,
    Column,
    Eq,
    Exists,
    Filter,
    In,
    Lookup,
    Metric,
    Not,
    PrefixRange,
    Query,
    Range,
    Selection,
    TokensAll,
    ValueRecord,
)

USUAL: list[tuple[str, str]] = [
    ("time", "time"),
    ("a", "keyword"),
    ("b.c", "keyword"),
    ("b.d.e", "text"),
    ("n", "number"),
    ("ip", "ip"),
    ("rate.ex_diff", "number"),
]
ODD: list[tuple[str, str]] = [
    # below and above others
    *(("b", "keyword"), ("b.d", "number"), ("a.b", "ip"), ("time.zone", "keyword")),
    # of several kinds
    *(("n", "keyword"), ("n", "time"), ("a", "number"), ("a", "ip"), ("ip", "keyword")),
    *(("time", "number"), ("time", "keyword"), ("ip", "number"), ("b.c", "time")),
    # names that mean something to an engine
    *(("_id", "keyword"), ("_source", "number"), ("_index", "ip"), ("_id.x", "keyword")),
    *(("_routing.a.b", "time"), ("c1", "keyword"), ("seq", "number"), ("zt0", "keyword")),
    *(("_doc_count", "number"), ("_ignored", "keyword"), ("properties", "keyword")),
    # spellings
    *(("", "keyword"), (".", "number"), ("b..c", "keyword"), (".a", "ip"), ("a.", "time")),
    *((" x ", "keyword"), ("é.ü", "number"), ("\U0001f98a", "keyword"), ("*", "keyword")),
    *(("A", "keyword"), ("a-b", "number"), ("@timestamp", "time"), ("x" * 300, "keyword")),
    *((".".join("abcdefghijklmnop"), "keyword"), ("b.*", "keyword"), ("0", "number")),
]
PATHS = list(dict.fromkeys(path for path, _ in [*USUAL, *ODD]))

TEXTS = ["x", "y", "", " ", "1", "1.5", "é'\"", "e\u0301'\"", "X", "true", "a\x00b", "\uffff"]
TEXTS += ["\U0010ffff", "\U0010ffff" * 70, "long" * 3000]
TIMES = [
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:58.5Z",
    "1970-01-01T00:00:03.000001+00:00",
    "1970-01-01 00:00:07",
    "2001-01-01T00:00:00+02:00",
    "2025-02-28T23:59:59.999999Z",
    "1700-01-01T00:00:00.000007Z",
    "2250-12-31T00:00:00Z",
    "not a time",
    "2025-02-30T00:00:00Z",
]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "255.255.255.255", "0.0.0.0", "::1", "::", "ff00::"]
ADDRESSES += ["::ffff:10.0.0.1", "0:0::FFFF:a00:1", "::10.0.0.1", "2001:DB8::1", "2001:db8:0::1"]
ADDRESSES += ["1.2.3", "010.0.0.1", "10.0.0.1 ", "fe80::1%eth0", "::fffe:ffff:ffff", "::1:0:0:0"]
NUMBERS = [0, 1, -1, 7, 2**53, 2**53 + 1, 2**63, 10**30, 10**400, 1.5, -0.25, 1e300, -0.0, 5e-324]
RATES = [0, 3, -1, 2.0, "3", 2**31, 2**40, 2**53]

KEYSPACES = ["user", "other"]
SEARCHES = [SEARCH, name16("another list")]
WIDE = range(300)
"""More tokens than a search engine takes clauses."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(TIMES),
    st.sampled_from(ADDRESSES),
    st.builds(dict),
)
_OF_KIND: dict[str, list[Any]] = {"time": TIMES, "number": NUMBERS, "ip": ADDRESSES}
texts = st.sampled_from([*TEXTS, *TIMES, *ADDRESSES, *map(str, NUMBERS), "nowhere"])


class Case(NamedTuple):
    """What comes into a store, in two steps.

    Attributes:
        time: the path that says when an event happened.
        columns: of the header of each step; the second has those of the first, too.
        bodies: of all events.
        split: how many of them come in the first step.
        records: of the values, by step; the second ones come after the events.
    """

    time: str | None
    columns: tuple[list[Column], list[Column]]
    bodies: list[dict[str, Any]]
    split: int
    records: tuple[list[ValueRecord], list[ValueRecord]]


@st.composite
def cases(draw: st.DrawFn, kid: str) -> Case:
    """Up to a dozen events of an epoch, with the columns and records that came with them."""
    odd = draw(st.lists(st.sampled_from(ODD), unique=True, max_size=6))
    known = draw(st.permutations([*USUAL, *odd])) if odd else USUAL
    first = [draw(_columns(*each)) for each in known]
    later = draw(st.lists(st.sampled_from([*ODD, *USUAL]), unique=True, max_size=2))
    second = [*first, *[draw(_columns(*each)) for each in later]]
    kinds = {column.path: column.kind for column in second}
    return Case(
        draw(st.sampled_from(["time", "time", "time", "@timestamp", None])),
        (first, _distinct(second)),
        bodies := draw(st.lists(_bodies(kinds), max_size=12)),
        draw(st.integers(0, len(bodies))),
        (draw(_records(kid)), draw(_records(kid))),
    )


@st.composite
def _columns(draw: st.DrawFn, path: str, kind: str) -> Column:
    searched = kind in ("keyword", "text") and draw(st.integers(0, 3)) > 0
    return Column(
        path=path,
        kind=kind,  # type: ignore[arg-type]
        keyspace=draw(st.sampled_from(["user", "user", "other"])) if searched else None,
        search=draw(st.sampled_from([SEARCH, *SEARCHES])) if searched else None,
    )


def _distinct(columns: list[Column]) -> list[Column]:
    """A header names a path and kind once; the later one counts."""
    return list({(column.path, column.kind): column for column in columns}.values())


@st.composite
def _records(draw: st.DrawFn, kid: str) -> list[ValueRecord]:
    few = st.sets(st.integers(0, 3), min_size=1)
    made = st.builds(
        record,
        st.sampled_from([*TEXTS, "1", "10.0.0.1"]),
        st.one_of(few, few, few, st.just(WIDE), st.just([*WIDE, 1000])),
        kid=st.just(kid),
        keyspace=st.sampled_from(["user", "user", *KEYSPACES]),
        search=st.sampled_from([SEARCH, *SEARCHES]),
    )
    return draw(st.lists(made, max_size=4))


@st.composite
def _bodies(draw: st.DrawFn, kinds: Mapping[str, str]) -> dict[str, Any]:
    """An event with some of the paths, nested or dotted."""
    body: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from([*kinds, "hidden"]), unique=True)):
        liked = RATES if path == "rate.ex_diff" else _OF_KIND.get(kinds.get(path, ""), TEXTS)
        favourite = st.sampled_from(liked)
        value = draw(st.one_of(favourite, favourite, scalars))
        if draw(st.integers(0, 3)) == 0:
            more = draw(st.lists(st.one_of(favourite, scalars), max_size=4))
            value = [item for item in [value, *more] if item != {}]
        _place(body, path, value, is_nested=draw(st.booleans()))
    return body


def _place(body: dict[str, Any], path: str, value: Any, *, is_nested: bool) -> None:
    """Put a value at a path, as objects where nothing else is in the way."""
    place: Any = body
    keys = path.split(".") if is_nested else [path]
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            break
    if isinstance(place, dict) and keys[-1] not in place:
        place[keys[-1]] = value


# --- questions -----------------------------------------------------------------------------------

_paths = st.one_of(
    st.sampled_from([path for path, _ in USUAL]), st.sampled_from([*PATHS, "hidden"])
)
_bounds = st.one_of(
    st.none(),
    st.sampled_from(NUMBERS),
    st.sampled_from([1_000_000, -1_500_000, math.inf, -math.inf, 2.5, 2**63, -(2**63), -(2**70)]),
)
_ENDS = [("10.0.0.0", "10.0.0.1"), ("0.0.0.0", "255.255.255.255"), ("::", "fe00::")]
_ENDS += [("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("::ffff:0:0", "::ffff:ffff:ffff")]
_ENDS += [("::ffff:a00:0", "::ffff:a00:1"), ("::fffe:0:0", "::1:0:0:0"), ("::1", "::1")]
_tokens = st.one_of(
    st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple),
    st.sampled_from([tuple(WIDE), (*WIDE, 1000), (*WIDE, 2000), tuple(range(257))]),
)


def filters() -> st.SearchStrategy[Filter]:
    """Filters of every kind."""
    simple: st.SearchStrategy[Filter] = st.one_of(
        st.builds(Eq, path=_paths, value=texts),
        st.builds(In, path=_paths, values=st.lists(texts, max_size=20).map(tuple)),
        st.builds(Exists, path=_paths),
        st.tuples(_paths, _bounds, _bounds)
        .filter(lambda parts: parts[1:] != (None, None))
        .map(lambda parts: Range(path=parts[0], gte=parts[1], lt=parts[2])),
        st.tuples(_paths, st.sampled_from(_ENDS)).map(
            lambda parts: PrefixRange(path=parts[0], low=parts[1][0], high=parts[1][1])
        ),
        st.builds(
            TokensAll,
            path=_paths,
            keyspace=st.sampled_from(["user", *KEYSPACES]),
            search=st.sampled_from([SEARCH, *SEARCHES]),
            tokens=_tokens,
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
def _metrics(draw: st.DrawFn) -> Metric:
    """A metric of any kind."""
    if draw(st.booleans()):
        return Metric(kind=draw(st.sampled_from(["count", "events", "first", "last"])))
    measures: list[Any] = ["distinct", "values", "sum", "avg", "min", "max"]
    return Metric(kind=draw(st.sampled_from(measures)), path=draw(_paths))


_since = st.sampled_from([None, None, None, 0, -2_000_000, 3_000_001, -(2**63)])
_until = st.sampled_from([None, None, None, 3_000_001, 10**15, 2**63 - 1])


def queries(kid: str) -> st.SearchStrategy[Query]:
    """Questions for groups by the first metric."""
    return st.builds(
        Query,
        kid=st.just(kid),
        profile=st.just(PROFILE),
        since=_since,
        until=_until,
        filter=st.one_of(st.just(AllOf(parts=())), filters()),
        group_by=st.lists(_paths, unique=True, max_size=2).map(tuple),
        metrics=st.lists(_metrics(), max_size=3).map(tuple),
        interval=st.sampled_from([None, None, None, 2_000_000, 3, 1, 86_400_000_007, 2**60]),
        limit=st.sampled_from([None, 1, 2, 5]),
    )


def selections(kid: str) -> st.SearchStrategy[Selection]:
    """Questions for whole events."""
    return st.builds(
        Selection,
        kid=st.just(kid),
        profile=st.just(PROFILE),
        since=_since,
        until=_until,
        filter=st.one_of(st.just(AllOf(parts=())), filters()),
        newest_first=st.booleans(),
        limit=st.sampled_from([None, None, 1, 3]),
    )


def lookups(kid: str) -> st.SearchStrategy[Lookup]:
    """Questions to the value dictionary."""
    within = {"kid": st.just(kid), "keyspace": st.sampled_from(["user", *KEYSPACES])}
    search = st.sampled_from([SEARCH, *SEARCHES])
    groups = st.lists(_tokens, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Lookup, **within, search=search, tokens=_tokens),
        st.builds(Lookup, **within, search=search, any_of=groups),
        st.builds(Lookup, **within, cts=st.lists(texts, min_size=1).map(tuple)),
        st.builds(Lookup, **within, search=search, every=st.just(True)),
        st.builds(Lookup, **within, every=st.just(True)),
    )
