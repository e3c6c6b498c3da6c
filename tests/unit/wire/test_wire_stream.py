"""Reading streams: good lines become models, bad ones are named and quote nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pydantic import ValidationError

from analytics.wire import (
    BadLine,
    EventLine,
    HeaderLine,
    ValueLine,
    VersionError,
    input_lines,
    parse_line,
    read_stream,
    write_line,
)
from analytics.wire import stream as stream_module

B16 = "A" * 22
B32 = "A" * 43
ENVELOPE = "AQEAAAAA" + "A" * 30
HEADER: dict[str, Any] = {
    "kind": "batch",
    "version": 1,
    "tenant": "acme",
    "kid": "01020304",
    "kcv": B32,
    "generation": 1,
    "profile": B16,
    "edge": ENVELOPE,
    "time": "@timestamp",
    "columns": [
        {"path": "type", "kind": "keyword"},
        {"path": "sip.from", "kind": "keyword", "keyspace": "sip.identity", "search": B16},
    ],
    "tag": B16,
}
VALUE: dict[str, Any] = {
    "kind": "value",
    "keyspace": "sip.identity",
    "kid": "01020304",
    "scheme": "det",
    "search": B16,
    "ct": ENVELOPE,
    "tokens": [0, 1, 2**32 - 1],
    "tag": B16,
}
META: dict[str, Any] = {
    "id": B16,
    "kid": "01020304",
    "profile": B16,
    "opaque": ENVELOPE,
    "seal": B16,
}


def line(zt: Any, **body: Any) -> bytes:
    return json.dumps({**body, "zt": zt}).encode()


def bad(raw: bytes) -> BadLine:
    parsed = parse_line(raw, 7)
    assert isinstance(parsed, BadLine), parsed
    assert parsed.number == 7
    assert parsed.raw == raw
    return parsed


def test_the_three_kinds_of_line() -> None:
    lines = [line(HEADER), b"", line(VALUE) + b"\r\n", b"\n", line(META, type="x") + b"\n"]
    header, value, event = read_stream(lines)
    assert isinstance(header, HeaderLine)
    assert isinstance(value, ValueLine)
    assert isinstance(event, EventLine)
    assert [header.number, value.number, event.number] == [1, 3, 5]
    assert header.header.columns[1].keyspace == "sip.identity"
    assert value.record.tokens == (0, 1, 2**32 - 1)
    assert event.body == {"type": "x"}
    assert event.meta.id == B16
    assert event.raw == lines[4].rstrip()
    assert value.raw == lines[2].rstrip()


def test_models_come_back_from_their_lines() -> None:
    header = parse_line(line(HEADER))
    value = parse_line(line(VALUE))
    assert isinstance(header, HeaderLine)
    assert isinstance(value, ValueLine)
    again = parse_line(write_line(header.header).rstrip())
    assert isinstance(again, HeaderLine)
    assert again.header == header.header
    record = parse_line(write_line(value.record).rstrip())
    assert isinstance(record, ValueLine)
    assert record.record == value.record


def test_a_trusted_model_is_as_the_validated_one() -> None:
    value = parse_line(line(VALUE))
    assert isinstance(value, ValueLine)
    trusted = type(value.record).trusted(dict(value.record))
    assert trusted == value.record
    assert hash(trusted) == hash(value.record)
    assert write_line(trusted) == write_line(value.record)
    with pytest.raises(ValidationError):
        trusted.ct = ""


def test_optional_parts_may_be_missing() -> None:
    without = {key: item for key, item in HEADER.items() if key != "time"}
    parsed = parse_line(line({**without, "columns": []}))
    assert isinstance(parsed, HeaderLine)
    assert parsed.header.time is None
    without = {key: item for key, item in VALUE.items() if key not in ("tokens", "search")}
    value = parse_line(line(without))
    assert isinstance(value, ValueLine)
    assert value.record.tokens == ()


MISSING = object()
WRONG: list[tuple[str, Any]] = [
    ("tenant", "Acme"),
    ("tenant", ""),
    ("tenant", "a" * 64),
    ("tenant", "acme\n"),
    ("kid", "0102030"),
    ("kid", "0102030G"),
    ("kid", "0102030A"),  # upper case
    ("kid", "01020304\n"),
    ("kid", 1020304),
    ("kcv", B32[:-1]),
    ("kcv", B32[:-1] + "B"),  # unused bits set
    ("kcv", B32 + "="),
    ("generation", 0),
    ("generation", "1"),
    ("generation", 1.0),
    ("generation", True),
    ("generation", 2**53),
    ("profile", B16[:-1] + "B"),
    ("edge", "A" * 29),
    ("edge", ENVELOPE + "="),
    ("edge", ENVELOPE + " "),
    ("time", 5),
    ("time", "x" * 1025),
    ("columns", None),
    ("columns", {}),
    ("columns", "type"),
    ("columns", [{"path": "type"}]),
    ("columns", [{"path": "type", "kind": "blob"}]),
    ("columns", [{"path": "type", "kind": "keyword", "keyspace": ""}]),
    ("columns", [{"path": "type", "kind": "keyword", "more": 1}]),
    ("columns", ["type"]),
    ("tag", "A" * 21),
    ("tag", None),
    ("more", 1),
    *((key, MISSING) for key in HEADER if key not in ("kind", "time", "version")),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_headers_are_strict(key: str, value: Any) -> None:
    zt = {**HEADER, key: value}
    if value is MISSING:
        del zt[key]
    assert bad(line(zt)).reason


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keyspace", ""),
        ("keyspace", "k" * 257),
        ("keyspace", 1),
        ("scheme", 1),
        ("ct", None),
        ("search", "x"),
        ("tokens", [2, 1]),
        ("tokens", [1, 1]),
        ("tokens", [-1]),
        ("tokens", [2**32]),
        ("tokens", [1.0]),
        ("tokens", ["1"]),
        ("tokens", [True]),
        ("tokens", [None]),
        ("tokens", list(range(65_537))),
        ("tokens", None),
        ("more", 1),
        ("tag", MISSING),
        ("ct", MISSING),
        ("kid", MISSING),
        ("scheme", MISSING),
        ("keyspace", MISSING),
    ],
)
def test_value_records_are_strict(key: str, value: Any) -> None:
    zt = {**VALUE, key: value}
    if value is MISSING:
        del zt[key]
    assert bad(line(zt)).reason


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, MISSING) for key in META),
        *((key, None) for key in META),
        *((key, "") for key in META),
        ("more", 1),
        ("id", B16[:-1] + "x"),
        ("seal", B16 + "A"),
        ("opaque", "A" * 29),
    ],
)
def test_events_are_strict(key: str, value: Any) -> None:
    zt = {**META, key: value}
    if value is MISSING:
        del zt[key]
    assert bad(line(zt, type="x")).reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"secret", "not valid JSON"),
        (b"[]", "no JSON object with a key `zt`"),
        (b'"zt"', "no JSON object with a key `zt`"),
        (b"null", "no JSON object with a key `zt`"),
        (b'{"type":"secret"}', "no JSON object with a key `zt`"),
        (b'{"zt":"secret"}', "no JSON object with a key `zt`"),
        (b'{"zt":null}', "no JSON object with a key `zt`"),
        (b'{"zt":[]}', "no JSON object with a key `zt`"),
        (b'{"zt":{"kind":"secret"}}', "neither batch nor value"),
        (b'{"zt":{"kind":1}}', "neither batch nor value"),
        (b'{"zt":{"kind":["batch"]}}', "neither batch nor value"),
        (line(HEADER, secret=1), "keys beside `zt`"),
        (line(VALUE, secret=1), "keys beside `zt`"),
        (b'{"a":1,"a":1,"zt":{}}', "stands twice"),
        (b'{"zt":{"id":"a","id":"b"}}', "stands twice"),
        (b'{"a":"\xff","zt":{}}', "UTF-8"),
        (b'{"a":NaN,"zt":{}}', "JSON"),
        (b'{"a":1e999,"zt":{}}', "out of range"),
        (b'{"a":' + b"[" * 500 + b"]" * 500 + b',"zt":{}}', "nested too deeply"),
    ],
)
def test_other_lines_are_bad(raw: bytes, reason: str) -> None:
    assert reason in bad(raw).reason


def test_no_reason_quotes_the_line() -> None:
    secret = "S3CRET"
    for zt in (HEADER, VALUE, META):
        for key in (*zt, "more"):
            if key in ("kind", "version"):
                continue
            assert secret not in bad(line({**zt, key: [secret, {"x": secret}]})).reason
    assert secret not in bad(secret.encode()).reason
    assert secret not in bad(line({**HEADER, "kind": secret})).reason


@pytest.mark.parametrize("version", [2, 0, "1", None, 1.5, [1], True, 1.0])
def test_another_version_stops_the_stream(version: Any) -> None:
    with pytest.raises(VersionError, match="line 2: the stream has another version") as caught:
        list(read_stream([line(HEADER), line({**HEADER, "version": version, "new": 1})]))
    assert "newer" in caught.value.hint


def test_a_header_without_a_version_stops_the_stream() -> None:
    without = {key: item for key, item in HEADER.items() if key != "version"}
    with pytest.raises(VersionError):
        parse_line(line(without))


def test_long_lines_are_refused_before_they_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "MAX_LINE", 1000)
    raw = line(META, text="")
    filled = line(META, text="x" * (1000 - len(raw)))
    assert len(filled) == 1000
    assert isinstance(parse_line(filled), EventLine)
    assert "longer than 1000 bytes" in bad(b"[" * 1001).reason


def test_input_lines_hold_no_more_than_they_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "MAX_LINE", 8)
    text = b"one\n" + b"x" * 100 + b"\n" + b"12345678\n" + b"\n" + b"y" * 9 + b"\nend"
    lines = list(input_lines(io.BytesIO(text)))
    assert lines == [b"one\n", b"x" * 9, b"12345678\n", b"\n", b"y" * 9, b"end"]
    numbers = [parsed.number for parsed in read_stream(lines)]
    assert numbers == [1, 2, 3, 5, 6]
    reasons = [parsed.reason for parsed in read_stream(lines) if isinstance(parsed, BadLine)]
    assert [reason.startswith("line longer") for reason in reasons] == [0, 1, 0, 1, 0]


def test_input_lines_of_nothing() -> None:
    assert list(input_lines(io.BytesIO(b""))) == []
    assert list(input_lines(io.BytesIO(b"\n"))) == [b"\n"]
