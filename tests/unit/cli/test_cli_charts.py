"""Figures as pictures: nothing that is there may vanish, and nothing may look larger than it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zt.cli.charts import (
    BAR_WIDTH,
    MAX_COLUMNS,
    bar,
    buckets,
    column_width,
    columns,
    sparkline,
    step_for,
)

MICROSECONDS = st.integers(-(10**17), 10**17)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=80))
def test_a_sparkline_shows_all_that_is_there_in_order_of_height(values: list[int]) -> None:
    line = sparkline(values)
    assert len(line) == len(values)
    assert all((mark == " ") == (value == 0) for mark, value in zip(line, values, strict=True))
    heights = sorted(zip(values, line, strict=True))
    assert [mark for _, mark in heights] == sorted(line)  # block characters stand by height
    if max(values):
        assert line[values.index(max(values))] == "█"


def test_nothing_has_no_sparkline() -> None:
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "  "


@given(st.integers(1, 10**15), st.integers(1, 10**15))
def test_a_bar_is_there_and_never_too_long(value: int, more: int) -> None:
    most = value + more
    assert 1 <= len(bar(value, most)) <= len(bar(most, most)) == BAR_WIDTH


def test_what_is_no_share_has_no_bar() -> None:
    assert [bar(value, 7) for value in (None, 0, -3)] == ["", "", ""]
    assert bar(0, 0) == ""


@given(st.integers(0, 10**17), st.integers(1, 100))
def test_a_step_cuts_any_span_into_columns_that_fit(span: int, number: int) -> None:
    assert len(buckets(0, max(0, span - 1), step_for(span, number))) <= number


@given(MICROSECONDS, st.integers(0, 10**12), st.integers(1, 10**10))
def test_buckets_hold_both_ends(first: int, length: int, step: int) -> None:
    starts = buckets(first, first + length, step)
    assert starts[0] <= first < starts[0] + step
    assert starts[-1] <= first + length < starts[-1] + step
    assert starts[0] % step == 0


@given(st.dictionaries(st.integers(0, 999), st.integers(1, 100), min_size=1), st.integers(1, 10**6))
def test_columns_lose_nothing_however_few_they_are(counts: dict[int, int], step: int) -> None:
    starts = buckets(min(counts) * step, max(counts) * step, step)
    made = columns({start * step: float(value) for start, value in counts.items()}, starts)
    assert sum(made) == sum(counts.values())
    assert len(made) <= MAX_COLUMNS
    assert (column_width(starts) > 1) == (len(starts) > MAX_COLUMNS)


def test_what_lies_outside_is_in_no_column() -> None:
    assert columns({0: 1.0, 10: 2.0, 25: 4.0}, range(10, 30, 10)) == [2.0, 0.0]
