"""What the product writes, opened by a decoder that was written from docs/formats.md alone."""

from __future__ import annotations

import ast
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties.event_strategies import events as any_events
from support import independent

from keys import Ring
from zt.encoder import Encoder
from zt.encoder.input import read_event
from zt.errors import EventError
from zt.profile import FieldRule, Profile

Exact = Callable[[Any], Any]
Event = dict[str, Any]

ODD = Profile(
    name="odd",
    time="@timestamp",
    fields={
        "@timestamp": FieldRule(scheme="clear", kind="time"),
        "n": FieldRule(scheme="clear", kind="number"),
        "a": FieldRule(scheme="clear"),
        "a.b": FieldRule(scheme="clear"),
        ".": FieldRule(scheme="clear"),
        "sip": FieldRule(scheme="det"),
        "sip.from": FieldRule(scheme="det", keyspace="identity", search=("gram",)),
        "sip.to": FieldRule(scheme="det", keyspace="identity", search=("gram",)),
        "sip.request.uri": FieldRule(scheme="det", search=("gram",)),
        "hidden": FieldRule(scheme="opaque"),
        "gone": FieldRule(scheme="drop"),
        "sip.gone": FieldRule(scheme="drop"),
    },
)

LONG = "x" * 8192
ODD_EVENTS: list[Event] = [
    {},
    {"sip": {"from": "alice", "to": "bob", "gone": 1}},
    {"sip.from": "alice", "sip": {"to": "bob", "x.y": {"z": 1}}},
    {"sip.gone": {"deep": 1}, "gone": [1], "gone.x": 2, "sip": {"gone": {"x": 1}}},
    {"a": 1, "a.b": 2, "a.c": 3},
    {"a": {"b": [1, 1.0, True, None, "1", ""]}},
    {"a": {"b": [], "c": {}}},
    {"a": {"b": {}}},
    {"a": {"b": [[1], {"c": None}]}},
    {"a": {"b": {"c": 1}}},
    {"a": {}, "sip": {}, "n": []},
    {"n": 10**400, "sip": -(10**300), "x": [10**30, -(10**30)]},
    {"n": -0.0, "sip": -0.0, "x": -0.0},
    {"n": 0.0, "sip": 0.0, "x": 0},
    {"n": 1.0, "sip": 1.0, "x": 1.0},
    {"n": 1, "sip": 1, "x": True},
    {"n": [1e16, 1e15, 5e-324, 1.7976931348623157e308, 1e-5, 1e-6]},
    {"sip": {"from": [1e16, 1e15, 5e-324, 123.456, 1e-5, 1e-6, 10**30, True, False]}},
    {"sip": {"from": None, "to": [None], "request": {"uri": [None, "x", None]}}},
    {"sip": {"from": [], "to": {}, "request": {"uri": [[]]}}},
    {"sip": {"from": LONG, "to": LONG + "x", "request": {"uri": ["short", LONG + "x"]}}},
    {"sip": {"from": "é" * 4096, "to": "é" * 4097}},
    {"sip.from": "Straße ﬁn Ⅷ é e\u0301 \u0378\u0301x \U0001e4d0ab", "sip.to": "😀😀😀\0"},
    {"sip": {"from": "aaaaaaaa", "to": "ab", "request.uri": "abc"}},
    {"x": {'\u2028\x7f/\\"\b\f\n\r\t\x1f': '\u2028\x7f/\\"\b\f\n\r\t\x1f'}},
    {'\u2028\x7f/\\"\b\f\n\r\t\x1f': {"": {"": None}}, ".": 1, "": "empty"},
    {"@timestamp": "2026-01-02T03:04:05Z", "hidden": {"a": [{}, [], {"b.c": 1, "b": 2}]}},
    {"type": "zt", "x": {"zt": {"id": 1}}},
]


def line(event: Event) -> bytes:
    return msgspec.json.encode(event) + b"\n"


def keys_of(ring: Ring) -> independent.Keys:
    return independent.Keys(ring.path.read_bytes(), (ring.path.parent / "ring.key").read_bytes())


def remaining(event: Event, profile: Event, above: str = "") -> Event:
    """The event without what the profile drops, as section 8 of the page says."""
    kept: Event = {}
    for key, value in event.items():
        path = above + key
        if independent.is_dropped(profile, path):
            continue
        if isinstance(value, dict) and value:
            below = remaining(value, profile, path + ".")
            if below:
                kept[key] = below
        else:
            kept[key] = value
    return kept


def check(lines: list[bytes], ring: Ring, profile: Profile, exact: Exact) -> independent.Decoder:
    """Encrypt lines, open them independently, compare all that the page defines."""
    data = b"".join(lines)
    encoder = Encoder(ring, profile, stream="lab")
    wire = list(encoder.encrypt(lines))
    assert encoder.report.rejected == 0
    decoder = independent.Decoder(keys_of(ring))
    opened = list(decoder.decrypt(wire))

    text = independent.compact(profile.model_dump(exclude_defaults=True), ordered=True)
    named = independent.profile_id(decoder.keys, text)
    assert {header["profile"] for header in decoder.headers} <= {named}
    plain = json.loads(text)
    expected = [
        remaining(independent.read_event(raw), plain) for _, raw in independent.positioned(data)
    ]
    assert [exact(event) for event in opened] == [exact(event) for event in expected]
    assert decoder.ids == [
        independent.event_id(decoder.keys, b"lab", position, raw)
        for position, raw in independent.positioned(data)
    ]
    assert_records_are_complete(decoder, wire)
    assert_columns_are_complete(decoder, wire)
    return decoder


def bodies(wire: list[bytes]) -> list[tuple[str, Any]]:
    parsed = (independent.parse(raw.rstrip(b"\n")) for raw in wire)
    return [
        field for kind, _, body in parsed if kind == "event" for field in independent.fields(body)
    ]


def assert_records_are_complete(decoder: independent.Decoder, wire: list[bytes]) -> None:
    """One record for each distinct searchable ciphertext, and no other."""
    searched = {
        column["path"]: column["keyspace"]
        for header in decoder.headers
        for column in header["columns"]
        if "search" in column
    }
    present = {
        (searched[path], ct)
        for path, value in bodies(wire)
        if path in searched
        for ct in (value if isinstance(value, list) else [value])
        if ct is not None
    }
    assert {(record["keyspace"], record["ct"]) for record in decoder.records} == present


def assert_columns_are_complete(decoder: independent.Decoder, wire: list[bytes]) -> None:
    paths = {column["path"] for header in decoder.headers for column in header["columns"]}
    assert paths == {path for path, _ in bodies(wire)}
    for header in decoder.headers:
        listed = [column["path"] for column in header["columns"]]
        assert listed == sorted(set(listed))


def test_the_decoder_imports_nothing_of_the_product() -> None:
    tree = ast.parse(Path(independent.__file__).read_text())
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    packages = {module.partition(".")[0] for module in modules}
    assert "cryptography" in packages
    assert not packages & {"zt", "keys", "analytics", "support", "msgspec", "pydantic", "numpy"}


def test_demo_events(
    demo_lines: list[bytes], shared_ring: Ring, profile: Profile, exact: Exact
) -> None:
    decoder = check(demo_lines, shared_ring, profile, exact)
    assert len(decoder.ids) == len(set(decoder.ids)) > 100
    assert len(decoder.records) > 10


def test_odd_events(shared_ring: Ring, exact: Exact) -> None:
    lines = [line(event) for event in ODD_EVENTS]
    lines[3:3] = [b"\r\n", b"\n", b'  {"n" : -0 , "sip":1E2, "x":1e-400 } \r\r\n']
    lines[-1] = lines[-1].rstrip()
    check(lines, shared_ring, ODD, exact)


@settings(max_examples=60)
@given(st.lists(any_events, max_size=3))
def test_any_events(shared_ring: Ring, exact: Exact, found: list[Event]) -> None:
    check([line(event) for event in found], shared_ring, ODD, exact)


@pytest.mark.parametrize("kind", ["batch", "value", "event"])
def test_the_decoder_believes_nothing_altered(shared_ring: Ring, kind: str) -> None:
    event = {"n": 1, "sip": {"from": "sip:alice@example.org"}, "x": "opaque"}
    wire = list(Encoder(shared_ring, ODD, stream="lab").encrypt([line(event)]))
    assert len(wire) == 3
    place = {"batch": 0, "value": 1, "event": 2}[kind]
    kept = {"kind", "kid", "version", "search"}  # another of these is no line, or of no epoch
    altered = 0
    for path, value in independent.fields(json.loads(wire[place])):
        if path.removeprefix("zt.") in kept:
            continue
        for changed in changes(value):
            content = json.loads(wire[place])
            set_at(content, path, changed)
            forged = [*wire[:place], line(content), *wire[place + 1 :]]
            with pytest.raises((ValueError, KeyError)):
                list(independent.Decoder(keys_of(shared_ring)).decrypt(forged))
            altered += 1
    assert altered > 3


def changes(value: Any) -> list[Any]:
    match value:
        case int():
            return [value + 1, float(value)]
        case str():
            return [value[:-1] + ("A" if value[-1] != "A" else "Q"), value[1:], value + "A"]
        case _:
            return [value[1:], [*value, value[-1]]]


def set_at(content: Event, path: str, value: Any) -> None:
    keys = path.split(".")
    for key in keys[:-1]:
        content = content[key]
    content[keys[-1]] = value


@pytest.mark.parametrize(
    ("raw", "accepted"),
    [
        (b"{}", True),
        (b' {"a" : [ ] } ', True),
        (b"\xef\xbb\xbf{}", False),
        (b"[]", False),
        (b"1", False),
        (b"{}{}", False),
        (b'{"a":1,}', False),
        (b"{a:1}", False),
        (b'{"a":01}', False),
        (b'{"a":+1}', False),
        (b'{"a":.5}', False),
        (b'{"a":1.}', False),
        (b'{"a":-0}', True),
        (b'{"a":1E+5}', True),
        (b'{"a":1e400}', False),
        (b'{"a":-1e400}', False),
        (b'{"a":1e-400}', True),
        (b'{"a":NaN}', False),
        (b'{"a":Infinity}', False),
        (b'{"a":' + b"9" * 4300 + b"}", True),
        (b'{"a":-' + b"9" * 4300 + b"}", False),
        (b'{"a":' + b"9" * 4301 + b"}", False),
        (b'{"a":"\x01"}', False),
        (b'{"a":"\x7f"}', True),
        (b'{"a":"\xff"}', False),
        (b'{"a":"\xed\xa0\x80"}', False),
        (rb'{"a":"\ud800"}', False),
        (rb'{"a":"\udc00x"}', False),
        (rb'{"\ud800":1}', False),
        (rb'{"a":"\ud83d\ude00"}', True),
        (rb'{"a":"\u0000"}', True),
        (rb'{"a":"\x41"}', False),
        (rb'{"a":1,"\u0061":2}', False),
        (rb'{"x":[{"a":1,"a":1}]}', False),
        (b'{"a":{"b":1},"a.b":2}', False),
        (b'{"a.b":{"c":1},"a":{"b.c":2}}', False),
        (b'{"x":[[{"a":{"b":1},"a.b":2}]]}', False),
        (b'{"a":{"b":1},"a.c":2}', True),
        (b'{"a":1,"a.b":2}', True),
        (b'{"a":{},"a.b":2}', True),
        (b'{"x":[{"a":1},{"a":1}]}', True),
        (b'{"zt":1}', False),
        (b'{"a":{"zt":1},"zt.id":1}', True),
        (b'{"a":' + b"[" * 127 + b"]" * 127 + b"}", True),
        (b'{"a":' + b"[" * 128 + b"]" * 128 + b"}", False),
        (b'{"a":' * 128 + b"1" + b"}" * 128, True),
        (b'{"a":' * 129 + b"1" + b"}" * 129, False),
        (b'{"a":"' + b"x" * (8 * 1024 * 1024 - 8) + b'"}', True),
        (b'{"a":"' + b"x" * (8 * 1024 * 1024 - 7) + b'"}', False),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_both_take_and_refuse_the_same_plaintext(raw: bytes, accepted: bool, exact: Exact) -> None:
    if accepted:
        assert exact(read_event(raw)) == exact(independent.read_event(raw))
        return
    with pytest.raises(EventError):
        read_event(raw)
    with pytest.raises(ValueError):  # noqa: PT011  # its reasons are nobody's business
        independent.read_event(raw)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=500)
@given(json_values)
def test_compact_json(value: Any) -> None:
    assert independent.compact(value).encode() == msgspec.json.encode(value)
    sorted_text = independent.compact(value, ordered=True).encode()
    assert sorted_text == msgspec.json.encode(value, order="sorted")


@settings(max_examples=500)
@given(st.integers(-330, 308), st.integers(1, 10**17))
def test_floats_of_every_size(exponent: int, digits: int) -> None:
    value = float(f"0.{digits}e{exponent}")
    assert independent.float_text(value).encode() == msgspec.json.encode(value)


def test_the_table_of_newer_code_points_is_unicode_14() -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("this interpreter does not know which code points Unicode 14 lacks")
    table = Path(__file__).parents[3] / "zt" / "crypto" / "unicode14_unassigned.txt"
    listed: set[int] = set()
    for span in table.read_text("ascii").split():
        low, high = span.split("-")
        listed |= set(range(int(low, 16), int(high, 16) + 1))
    assert listed == {c for c in range(0x110000) if unicodedata.category(chr(c)) == "Cn"}
