"""What lies in a range: numbers as stores hold them, times in microseconds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.wire import Kind, format_time, parse_time
from zt.errors import QueryError
from zt.query import Range
from zt.query.ranges import Bounds, as_comparable, range_bounds

BIGGEST = 1.7976931348623157e308


@pytest.mark.parametrize(
    ("low", "high", "value", "holds"),
    [
        ("1", "5", 1, True),
        ("1", "5", 5.0, True),
        ("1", "5", 5.000001, False),
        ("-1.5", "+2e3", -1.5, True),
        ("0", "0", -0.0, True),
        ("1", "5", "3", False),  # no string is a number, as in a store's column
        ("0", "1", True, False),
        ("0", "1", None, False),
        ("0", None, 10**400, False),  # nor is what no binary64 holds
        ("0", None, math.inf, False),
        ("9007199254740992", "9007199254740992", 2**53 + 1, True),  # one binary64
        (None, "5", -(10**300), True),
    ],
)
def test_numbers(low: str | None, high: str | None, value: Any, holds: bool) -> None:
    number = as_comparable(value, "number")
    bounds = range_bounds(Range("a", low, high, True, True), "number")
    assert (number is not None and bounds.holds(number)) is holds


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("2026-03-01T00:00:00Z", True),
        ("2026-03-01T01:00:00+01:00", True),
        ("2026-03-02T23:59:59.999999Z", True),
        ("2026-03-03", False),
        ("2026-02-28T23:59:59.999999Z", False),
        ("yesterday", False),
        (1772323200, False),
        (None, False),
    ],
)
def test_times(value: Any, holds: bool) -> None:
    time = as_comparable(value, "time")
    bounds = range_bounds(Range("t", "2026-03-01", "2026-03-02", True, True), "time")
    assert (time is not None and bounds.holds(time)) is holds


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63)


@given(numbers, numbers, st.booleans(), st.booleans(), numbers)
def test_half_open_bounds_are_the_same_as_the_range(
    low: float, high: float, includes_low: bool, includes_high: bool, value: float
) -> None:
    """The cloud is asked by `gte` and `lt` alone."""
    node = Range("a", str(low), str(high), includes_low, includes_high)
    a, b, x = float(low), float(high), float(value)
    expected = (a <= x if includes_low else a < x) and (x <= b if includes_high else x < b)
    try:
        bounds = range_bounds(node, "number")
    except QueryError:
        assert not includes_low
        assert a == BIGGEST
    else:
        assert bounds.holds(x) is expected
        assert all(end is None or math.isfinite(end) for end in bounds)


@given(st.integers(0, 2**50), st.integers(0, 2**50), st.booleans(), st.booleans())
def test_times_are_whole_microseconds(low: int, high: int, inc_low: bool, inc_high: bool) -> None:
    node = Range("t", format_time(low), format_time(high), inc_low, inc_high)
    assert range_bounds(node, "time") == Bounds(low + (not inc_low), high + inc_high)


def test_the_largest_number() -> None:
    largest = str(BIGGEST)
    assert range_bounds(Range("a", None, largest, False, True), "number") == Bounds(None, None)
    with pytest.raises(QueryError, match="that large"):
        range_bounds(Range("a", largest, None, False, False), "number")


@pytest.mark.parametrize("kind", ["keyword", "ip", "text"])
def test_other_fields_have_no_ranges(kind: Kind) -> None:
    with pytest.raises(QueryError, match="has no ranges"):
        range_bounds(Range("a", "1", "5", True, True), kind)


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        *(("number", end) for end in ("2026-03-01", "nan", "1_0", "1e999", "")),
        *(("time", end) for end in ("5", "now", "")),
    ],
)
def test_ends_of_another_kind(kind: Kind, end: str) -> None:
    with pytest.raises(QueryError, match=f"is a {kind}, and a range's end is none"):
        range_bounds(Range("a", None, end, False, True), kind)


def test_dates_are_whole_days_in_utc() -> None:
    """Of trees that no text was parsed to."""
    day = range_bounds(Range("t", "2026-03-01", "2026-03-01", True, True), "time")
    assert day == Bounds(parse_time("2026-03-01"), parse_time("2026-03-02"))
