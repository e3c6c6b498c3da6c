"""Filters, queries, jobs and findings as models: bounded, and closed to nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from analytics.wire import (
    AllOf,
    AnyOf,
    Eq,
    Exists,
    Filter,
    In,
    JobPart,
    JobSpec,
    Lookup,
    Metric,
    Not,
    Query,
    Range,
    Selection,
    TokensAll,
    check_filter,
    finding_id,
)
from analytics.wire.query import MAX_FILTER_DEPTH, MAX_FILTER_NODES, MAX_FILTER_TEXTS

B16 = "A" * 22
LEAF = Eq(path="type", value="x")
FILTERS: TypeAdapter[Filter] = TypeAdapter(Filter)


def chain(depth: int) -> Filter:
    node: Filter = LEAF
    for level in range(depth - 1):
        node = Not(part=node) if level % 2 else AllOf(parts=(node,))
    return node


def test_filters_are_limited_in_depth() -> None:
    check_filter(chain(MAX_FILTER_DEPTH))
    with pytest.raises(ValueError, match="too deep or too large"):
        check_filter(chain(MAX_FILTER_DEPTH + 1))


def test_filters_are_limited_in_size() -> None:
    check_filter(AnyOf(parts=(LEAF,) * (MAX_FILTER_NODES - 1)))
    with pytest.raises(ValueError, match="too deep or too large"):
        check_filter(AnyOf(parts=(LEAF,) * MAX_FILTER_NODES))
    nested = AllOf(parts=(AnyOf(parts=(LEAF,) * 63),) * 64)  # 4,097 nodes
    with pytest.raises(ValueError, match="too deep or too large"):
        check_filter(nested)
    texts = In(path="a", values=("x",) * (MAX_FILTER_TEXTS // 2))
    check_filter(AnyOf(parts=(texts, texts)))
    with pytest.raises(ValueError, match="too deep or too large"):
        check_filter(AnyOf(parts=(texts, Not(part=texts), In(path="a", values=("x",)))))


@pytest.mark.parametrize(
    "node",
    [
        AllOf(parts=()),
        AnyOf(parts=(LEAF, Not(part=Exists(path="a")))),
        In(path="a", values=()),
        Range(path="a", gte=1, lt=2.5),
        TokensAll(path="a", keyspace="k", search=B16, tokens=(1, 2)),
    ],
)
def test_filters_come_back_from_json(node: Filter) -> None:
    text = FILTERS.dump_json(node)
    assert FILTERS.validate_json(text) == node


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"op": "or", "parts": []},
        {"op": "eq", "path": "a"},
        {"op": "eq", "path": "a", "value": 1},
        {"op": "eq", "path": "a", "value": "x", "more": 1},
        {"op": "in", "path": "a", "values": [1]},
        {"op": "in", "path": "a", "values": "abc"},
        {"op": "not"},
        {"op": "not", "part": {"op": "none"}},
        {"op": "range", "path": "a"},
        {"op": "range", "path": "a", "gte": "1"},
        {"op": "tokens_all", "path": "a", "keyspace": "k", "search": B16, "tokens": []},
        {"op": "tokens_all", "path": "a", "keyspace": "k", "search": B16, "tokens": [-1]},
        {"op": "exists", "path": "a" * 1025},
    ],
)
def test_what_is_no_filter(content: Any) -> None:
    with pytest.raises(ValidationError):
        FILTERS.validate_python(content)


@pytest.mark.parametrize("kind", ["count", "events", "first", "last"])
def test_metrics_without_a_path(kind: Any) -> None:
    assert Metric(kind=kind).path is None
    with pytest.raises(ValidationError, match="takes no path"):
        Metric(kind=kind, path="a")


@pytest.mark.parametrize("kind", ["distinct", "sum", "avg", "min", "max"])
def test_metrics_with_a_path(kind: Any) -> None:
    assert Metric(kind=kind, path="a").path == "a"
    with pytest.raises(ValidationError, match="needs a path"):
        Metric(kind=kind)


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": True},
        {"interval": 0},
        {"since": 2**63},
        {"until": -(2**63) - 1},
        {"since": 0.5},
        {"kid": "x"},
        {"profile": "x"},
        {"group_by": "type"},
        {"more": 1},
    ],
)
def test_queries_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Query(**{"kid": "01020304", "profile": B16, **options})
    if not {"interval", "group_by"} & set(options):
        with pytest.raises(ValidationError):
            Selection(**{"kid": "01020304", "profile": B16, **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tokens": (1,)},
        {"tokens": (1,), "search": B16, "cts": ("x",)},
        {"search": B16},
        {"tokens": (2**32,), "search": B16},
        {"any_of": ((1,),)},
        {"any_of": ((1,), ()), "search": B16},
        {"any_of": ((1,),), "tokens": (1,), "search": B16},
        {"any_of": ((1,),) * 1025, "search": B16},
        {"any_of": (tuple(range(40_000)),) * 2, "search": B16},
        {"every": True, "cts": ("x",)},
        {"cts": ("x",) * 100_001},
    ],
)
def test_look_ups_go_one_way(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lookup(kid="01020304", keyspace="k", **options)


def job(**options: Any) -> JobSpec:
    part = JobPart(kid="01020304", profile=B16, filter=LEAF)
    settings: dict[str, Any] = {
        "id": "scan",
        "version": B16,
        "kind": "event_count",
        "parts": (part,),
        "group_by": ("client.ip",),
        "window": 1,
        "threshold": 1,
    }
    return JobSpec(**{**settings, **options})


def test_jobs_are_strict() -> None:
    assert job(kind="value_count", value="sip.to").value == "sip.to"
    for options in (
        {"kind": "value_count"},
        {"value": "sip.to"},
        {"group_by": ()},
        {"window": 0},
        {"threshold": 0},
        {"id": "Scan"},
        {"id": ""},
        {"severity": "bad"},
        {"kind": "magic"},
        {"more": 1},
    ):
        with pytest.raises(ValidationError):
            job(**options)


def test_ids_of_findings_are_injective() -> None:
    base = ("job", B16, "01020304", B16, ("a", "b"), 5)
    others = [
        ("jo", "b" + B16, "01020304", B16, ("a", "b"), 5),
        ("job", B16, "01020304", B16, ("ab",), 5),
        ("job", B16, "01020304", B16, ("a", "b", "5"), 5),
        ("job", B16, "01020304", B16, ("b", "a"), 5),
        ("job", B16, "01020304", B16, ("a", "b"), 6),
        ("job", B16, "01020305", B16, ("a", "b"), 5),
    ]
    assert finding_id(*base) == finding_id(*base)
    assert len({finding_id(*base), *(finding_id(*other) for other in others)}) == 7
