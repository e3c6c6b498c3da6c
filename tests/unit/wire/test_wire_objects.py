"""Many lines of JSON read together: never otherwise than one by one."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.wire import decode_json, decode_objects
from analytics.wire.strict_json import MAX_DEPTH

LINES = [b'{"a":1}', b'{"b":"x:y","c":{"d":[1,2.5,null]}}', b'{ "e" : "\xc3\xa9" }', b"{}"]


def one_by_one(lines: list[bytes]) -> list[Any] | None:
    with contextlib.suppress(ValueError):
        return [decode_json(line) for line in lines]
    return None


def test_objects_are_read() -> None:
    assert decode_objects(LINES) == one_by_one(LINES)


@pytest.mark.parametrize(
    "lines",
    [
        [b"{} {}", b'{"a":', b'{"b":1}}'],  # as many values as lines, but not one in each
        [b'{"a":1}{"b":2}'],
        [b'{"a":1},{"b":2}'],
        [b'{"a":{}', b'{"b":2}}'],
        [b'{"a":1}\n{"b":2}'],
        [b'{"a":1}\n', b'{"b":2}'],
        [b'{"a":1,"a":2}', b'{"b":1}'],
        [b'{"a":{"b":1,"b":2}}'],
        [b"[1]"],
        [b"1"],
        [b" {}"],
        [b""],
        [b"{}", b"", b"{}"],
        [b'{"a":"\xff"}'],
        [b'{"a":1e999}'],
        [b'{"a":"\\u0041"}'],  # an escape, which may hide a colon
        [b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1)],
    ],
)
def test_what_is_wrong_or_unusual_is_left_to_a_look_at_each(lines: list[bytes]) -> None:
    assert decode_objects(lines) is None
    assert decode_objects([*LINES, *lines, *LINES]) is None


def test_depth_counts_in_each_line_alone() -> None:
    deep = b'{"a":' * (MAX_DEPTH // 2) + b"1" + b"}" * (MAX_DEPTH // 2)
    assert decode_objects([deep] * 5) is not None


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text('a:{}\n"\\,é', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:", max_size=2), inner),
    max_leaves=8,
)
texts = st.builds(
    lambda value, spaced: msgspec.json.format(
        msgspec.json.encode(value), indent=0 if spaced else -1
    ),
    st.dictionaries(st.text("ab:.", max_size=2), values, max_size=4),
    st.booleans(),
)
noise = st.text('{}[]":,a1 \n\\', max_size=12).map(str.encode)


@given(st.lists(texts | noise, max_size=6))
@example([b'{"a":1,"a":2}'])
@example([b"{} {}", b"{", b"}"])
def test_lines_read_together_are_those_read_alone(lines: list[bytes]) -> None:
    together = decode_objects(lines)
    if together is not None:
        assert together == one_by_one(lines)
        assert list(map(type, together)) == [dict] * len(lines)
