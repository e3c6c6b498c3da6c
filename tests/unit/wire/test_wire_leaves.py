"""Events as leaves, and paths that stand twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.wire import fields, has_doubled_path, is_scalar_array, leaf_values, leaves


def test_leaves_of_an_event() -> None:
    event = {
        "a": 1,
        "sip": {"from": "x", "to": ["y", None, 2.5]},
        "b.c": {"d.e": True, "f": {}},
        "": {"": ""},
        "g": [],
    }
    assert [(leaf.keys, leaf.path, leaf.position, leaf.value) for leaf in leaves(event)] == [
        (("a",), "a", None, 1),
        (("sip", "from"), "sip.from", None, "x"),
        (("sip", "to"), "sip.to", 0, "y"),
        (("sip", "to"), "sip.to", 1, None),
        (("sip", "to"), "sip.to", 2, 2.5),
        (("b.c", "d.e"), "b.c.d.e", None, True),
        (("b.c", "f"), "b.c.f", None, {}),
        (("", ""), ".", None, ""),
        (("g",), "g", None, []),
    ]
    assert list(fields({})) == []


@pytest.mark.parametrize("array", [[{}], [[]], [1, [2]], [{"a": 1}], [None, {}]])
def test_arrays_of_containers_have_no_leaves(array: list[Any]) -> None:
    assert not is_scalar_array(array)
    with pytest.raises(ValueError, match="array holds containers"):
        list(leaves({"a": array}))


@pytest.mark.parametrize("value", [[], {}, None, "a", {"a": 1}])
def test_what_is_no_scalar_array(value: Any) -> None:
    assert not is_scalar_array(value)
    assert is_scalar_array([1, "a", None, True, 2.5])


@pytest.mark.parametrize(
    "event",
    [
        {"a": {"b": 1}, "a.b": 2},
        {"a.b": 2, "a": {"b": 1}},
        {"a": {"b.c": 1, "b": {"c": 2}}},
        {"a.b": {"c": 1}, "a": {"b.c": 2}},
        {"a": {"b": {}}, "a.b": 1},
        {"a": {"b": [1]}, "a.b": []},
        {"": {"": 1}, ".": 2},
        {"x": [{"a": {"b": 1}, "a.b": 2}]},
        {"x": [1, [[{"a": {"b": 1}, "a.b": 2}]]]},
        {"x": {"y": [{"z": [{"a": {"b": 1}, "a.b": 2}]}]}},
    ],
)
def test_a_path_that_stands_twice(event: dict[str, Any]) -> None:
    assert has_doubled_path(event)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"a": {"b": 1}, "a.c": 2},
        {"a": 1, "a.b": 2},  # two paths, if odd ones
        {"a": {}, "a.b": 2},
        {"x": [{"a.b": 1}, {"a": {"b": 1}}]},
        {"a": {"a": {"a": 1}}, "a.a": 2},
        {"a": [{"b": 1}], "a.b": 2},
    ],
)
def test_paths_that_differ(event: dict[str, Any]) -> None:
    assert not has_doubled_path(event)


segments = st.sampled_from(["a", "b", "a.b", "", "b.a.b", "a."])
trees: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(segments, st.integers(0, 1), max_size=3),
    lambda inner: st.dictionaries(segments, inner | st.integers(0, 1), max_size=3),
    max_leaves=6,
)


def all_paths(event: dict[str, Any], above: str | None = None) -> list[str]:
    """Every path with a value that is no filled object, by the definition."""
    found = []
    for key, value in event.items():
        path = key if above is None else f"{above}.{key}"
        found += all_paths(value, path) if isinstance(value, dict) and value else [path]
    return found


@given(trees)
def test_doubled_paths_agree_with_their_definition(event: dict[str, Any]) -> None:
    paths = all_paths(event)
    assert has_doubled_path(event) == (len(set(paths)) < len(paths))
    assert [leaf.path for leaf in leaves(event)] == paths


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))
KEYS = st.text("ab.", max_size=3)
EVENTS = st.dictionaries(
    KEYS,
    st.recursive(
        st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
        lambda below: st.one_of(
            st.dictionaries(KEYS, below, max_size=3), st.lists(below, max_size=2)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(EVENTS)
def test_leaf_values_are_those_of_the_leaves(event: dict[str, Any]) -> None:
    try:
        expected = [
            (leaf.path, -1 if leaf.position is None else leaf.position, id(leaf.value))
            for leaf in leaves(event)
        ]
    except ValueError:
        with pytest.raises(ValueError, match="array holds containers"):
            leaf_values(event)
    else:
        found = leaf_values(event)
        assert [(path, position, id(value)) for path, position, value in found] == expected
