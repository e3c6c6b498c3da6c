"""Bytes, times and scalars as text: one spelling each, on both sides of the boundary."""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.wire import decode_bytes, encode_bytes, format_time, parse_time, scalar_text


@given(st.binary(max_size=80))
def test_bytes_come_back(data: bytes) -> None:
    text = encode_bytes(data)
    assert text == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert decode_bytes(text) == data


@given(st.binary(min_size=1, max_size=40), st.data())
def test_no_two_texts_are_the_same_bytes(data: bytes, draw: st.DataObject) -> None:
    text = encode_bytes(data)
    place = draw.draw(st.integers(0, len(text) - 1))
    other = draw.draw(st.characters(codec="utf-8").filter(lambda char: char != text[place]))
    changed = text[:place] + other + text[place + 1 :]
    with contextlib.suppress(ValueError):
        assert decode_bytes(changed) != data


@pytest.mark.parametrize(
    "text",
    [
        "A",  # no number of whole bytes
        "AAAAA",
        "AA==",  # padded
        "AAA=",
        "AB",  # unused bits set
        "AAB",
        "AA AA",
        "AAAA\n",
        "\nAAAA",
        "AA+A",  # the other alphabet
        "AA/A",
        "AAÄA",
        "ＡＡＡＡ",
        "AAA\0",
    ],
)
def test_other_spellings_of_bytes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"spelling|base64url"):
        decode_bytes(text)


TIMES = {
    "1970-01-01T00:00:00Z": 0,
    "1970-01-01T00:00:00z": 0,
    "1970-01-01t00:00:00Z": 0,
    "1970-01-01 00:00:00Z": 0,
    "1970-01-01T00:00:00": 0,
    "1970-01-01T00:00Z": 0,
    "1970-01-01": 0,
    "1970-01-01T00:00:00+00:00": 0,
    "1970-01-01T00:00:00-00:00": 0,
    "1970-01-01T01:00:00+01:00": 0,
    "1970-01-01T01:00:00+0100": 0,
    "1969-12-31T22:30:00.5-0130": 500_000,
    "1969-12-31T18:30:00-05:30": 0,
    "1970-01-01T00:00:00.1Z": 100_000,
    "1970-01-01T00:00:00.000001Z": 1,
    "1970-01-01T00:00:00.0000019Z": 1,
    "1970-01-01T00:00:00.123456789Z": 123_456,
    "1970-01-01T00:00:00.123456789012345678901234567890+00:00": 123_456,
    "1969-12-31T23:59:59.999999Z": -1,
    "1969-12-31T23:59:59.9999999Z": -1,
    "1960-02-29T12:00:00.5Z": -310_478_399_500_000,
    "2026-11-24T00:13:14.677009Z": 1_795_479_194_677_009,
    "0001-01-01T00:00:00Z": -62_135_596_800_000_000,
    "9999-12-31T23:59:59.999999Z": 253_402_300_799_999_999,
}


@pytest.mark.parametrize(("text", "microseconds"), TIMES.items(), ids=TIMES)
def test_times(text: str, microseconds: int) -> None:
    assert parse_time(text) == microseconds
    assert parse_time(format_time(microseconds)) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "1795479194",
        "2026",
        "2026-11",
        "2026-W01-1",  # what Python takes for ISO 8601, and other releases do not
        "20261124T000000Z",
        "2026-11-24T00:00:00,5Z",
        "2026-11-24T00:00:00.Z",
        "2026-11-24T00:00:00.1.2Z",
        "2026-11-24T00:00.5Z",
        "2026-11-24T00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T00:60:00Z",
        "2026-11-24T00:00:60Z",
        "2026-11-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-24T00:00:00+24:00",
        "2026-11-24T00:00:00+00:00:00.5",
        "2026-11-24T00:00:00+000",
        "2026-11-24T00:00:00+05:75",
        "2026-11-24T00:00:00+00",
        "2026-11-24T00:00:00 Z",
        " 2026-11-24T00:00:00Z",
        "2026-11-24T00:00:00Z\n",
        "2026-11-24T00:00:00ZZ",
        "2026-11-24Z",
        "-2026-11-24T00:00:00Z",
        "+02026-11-24T00:00:00Z",
        "٢٠٢٦-11-24T00:00:00Z",
        "2026-11-24T00:00:00.٣Z",
        "2026-11-24\N{EN DASH}00:00:00Z",
        "0001-01-01T00:00:00+00:01",  # the year 0 in UTC
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_time(text)
    assert type(caught.value) is ValueError


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-1439, 1439))
def test_times_agree_with_the_library(moment: datetime, offset: int) -> None:
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert parse_time(moment.isoformat()) == exact
    assert format_time(exact)[:-1] == moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    local = f"{moment.replace(tzinfo=None).isoformat()}{sign}{hours:02}:{minutes:02}"
    shifted = exact - offset * 60_000_000
    if -62_135_596_800_000_000 <= shifted < 253_402_300_800_000_000:
        assert parse_time(local) == shifted


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_times_are_written_in_one_way(microseconds: int) -> None:
    text = format_time(microseconds)
    assert len(text) == len("2026-11-24T00:00:00.000000Z")
    assert parse_time(text) == microseconds


@pytest.mark.parametrize(
    "microseconds", [-62_135_596_800_000_001, 253_402_300_800_000_000, 2**63 - 1, -(2**63)]
)
def test_times_beyond_four_digits_are_refused(microseconds: int) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_time(microseconds)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser_of_times(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_time(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("1", "1"),
        ("ß", "ß"),
        (1, "1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e300, "1e300"),
        (5e-324, "5e-324"),
        (10**40, "1" + "0" * 40),
        (True, "true"),
        (False, "false"),
        (None, None),
        ({}, None),
        ([], None),
        ([1], None),
    ],
)
def test_texts_of_scalars(value: Any, text: str | None) -> None:
    assert scalar_text(value) == text
