"""Strict JSON: what could be read in two ways is not read at all."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.wire import decode_json
from analytics.wire.strict_json import MAX_DEPTH

DUPLICATES = [
    rb'{"a":1,"a":1}',
    rb'{"a":1,"b":{"c":1,"c":2}}',
    rb'[{"c":1,"c":2}]',
    rb'{"a":[1,[{"c":1,"d":2,"c":3}]]}',
    rb'{"":1,"":2}',
    rb'{"a":1,"\u0061":2}',  # the same key, spelled with an escape
    rb'{"a:":1,"a:":2}',
    rb'{"a\u003a":1,"a:":2}',  # an escaped colon could hide a dropped one from a count
    rb'{"a":"\u003a","b":1,"b":2}',
    rb'{"a":"\u003A\u003A\u003A","b":1,"b":2}',
    rb'{"x":["\u003a",{"b":1,"b":2}]}',
    rb'{"a":"::::","b":"x","b":"x:"}',
    rb'{"b":"x:y:z","b":"x"}',
    rb'{"b":{"a":1,"c":2},"b":1}',
    '{"ß":1,"ß":2}'.encode(),
    rb'{"\ud83d\ude00":1,"' + "😀".encode() + rb'":2}',
    rb'{"b" : 1 , "b" : 2}',
]


@pytest.mark.parametrize("raw", DUPLICATES)
def test_a_key_that_stands_twice(raw: bytes) -> None:
    json.loads(raw)  # which takes the last one and says nothing
    with pytest.raises(ValueError, match="a key stands twice"):
        decode_json(raw)


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"a":1,"b":{"a":1}}',
        rb'[{"a":1},{"a":1}]',
        rb'{"a":"\u003a"}',
        rb'{"a\u003a":1,"a":2,":a":3}',
        rb'{"a":"\\u003a","b":":"}',
        rb'{"a:b:c":":::"}',
        '{"\u00e9":1,"e\u0301":2}'.encode(),  # composed and decomposed are two keys
        rb'{"A":1,"a":2}',
        rb"{}",
        rb' {"a" : [ ] } ',
    ],
)
def test_keys_that_only_look_alike(raw: bytes) -> None:
    assert decode_json(raw) == json.loads(raw)


keys = st.text(alphabet="ab:\\u03é", max_size=3)
values: Any = st.recursive(
    st.none() | st.integers(0, 9) | st.text(alphabet='ab:"\\', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(keys, inner), max_size=3),
    max_leaves=8,
)


def spell(value: Any, escape: bool) -> tuple[str, bool]:
    """JSON where a list of pairs is an object that may have a key twice; whether one has."""
    if isinstance(value, list) and all(isinstance(item, tuple) for item in value) and value:
        inner = [(key, *spell(item, escape)) for key, item in value]
        parts = [f"{text(key, escape)}:{item}" for key, item, _ in inner]
        names = [key for key, _, _ in inner]
        twice = len(set(names)) < len(names) or any(bad for _, _, bad in inner)
        return "{" + ",".join(parts) + "}", twice
    if isinstance(value, list):
        items = [spell(item, escape) for item in value if not isinstance(item, tuple)]
        return "[" + ",".join(item for item, _ in items) + "]", any(bad for _, bad in items)
    return (text(value, escape) if isinstance(value, str) else json.dumps(value)), False


def text(value: str, escape: bool) -> str:
    spelled = json.dumps(value, ensure_ascii=False)
    return spelled.replace(":", "\\u003a") if escape else spelled


@settings(max_examples=300)
@given(values, st.booleans())
def test_duplicates_are_found_wherever_they_are(value: Any, escape: bool) -> None:
    raw, twice = spell(value, escape)
    if twice:
        with pytest.raises(ValueError, match="stands twice"):
            decode_json(raw.encode())
    else:
        decode_json(raw.encode())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":01}', "not valid JSON"),
        (b'{"a":+1}', "not valid JSON"),
        (b'{"a":.5}', "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":Infinity}', "not valid JSON"),
        (b'{"a":-Infinity}', "not valid JSON"),
        (b'{"a":undefined}', "not valid JSON"),
        (b'{"a":1} {"a":2}', "not valid JSON"),
        (b'{"a":1}x', "not valid JSON"),
        (b'\xef\xbb\xbf{"a":1}', "not valid JSON"),  # a byte order mark
        (b'{"a":"\t"}', "not valid JSON"),
        (b'{"a":"\0"}', "not valid JSON"),
        (b'{"a":"\\x41"}', "not valid JSON"),
        (rb'{"a":"x\ud800y"}', "not valid JSON"),  # lone surrogates
        (rb'{"a":"x\ud800"}', "not valid JSON"),
        (rb'{"a":"\udc00\ud800"}', "not valid JSON"),
        (rb'{"a":"\ud83d\u0041"}', "not valid JSON"),
        (rb'{"\ud800":1}', "not valid JSON"),
        (b'{"a":"\xed\xa0\x80"}', "not valid UTF-8"),  # and a raw one
        (b'{"a":"\xff"}', "not valid UTF-8"),
        (b'{"a":"\xc3"}', "not valid UTF-8"),
        (b'{"a":"\xc0\xaf"}', "not valid UTF-8"),
        (b'{"\xff":1}', "not valid UTF-8"),
        (b'{"a":1e400}', "a number is out of range"),
        (b'{"a":-1e400}', "a number is out of range"),
        (b'{"a":' + b"9" * 5000 + b"}", "a number is out of range"),
    ],
)
def test_what_is_no_json(raw: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^{reason}$"):
        decode_json(raw)


def nested(depth: int, opening: str, inner: str, closing: str) -> bytes:
    return (opening * depth + inner + closing * depth).encode()


SHAPES = [("[", "1", "]"), ('{"a":', "1", "}"), ('{"a.b":', "{}", "}"), ("[1,", "[]", "]")]
SHAPES += [('{"\\u003a":', "1", "}"), ('{"a":1,"b":[', "2", "]}")]


@pytest.mark.parametrize(("opening", "inner", "closing"), SHAPES)
def test_depth_is_limited(opening: str, inner: str, closing: str) -> None:
    levels = opening.count("{") + opening.count("[")
    own = inner in ("{}", "[]")
    most = (MAX_DEPTH - own) // levels
    decode_json(nested(most, opening, inner, closing))
    for depth in (most + 1, most + 2, 480, 900, 995, 1000, 5000, 100_000):
        with pytest.raises(ValueError, match=r"^nested too deeply$"):
            decode_json(nested(depth, opening, inner, closing))


def test_width_is_not_depth() -> None:
    wide = b"[" + b",".join([b'{"a":[[]]}'] * 5000) + b"]"
    assert len(decode_json(wide)) == 5000


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode_json(raw)
