"""What docs/leakage.md states is measured by code that runs, and no search misses a value."""

from __future__ import annotations

import pytest
from bench.leakage import PAGE, false_positives_table, measure
from bench.page import fill


@pytest.mark.slow
def test_the_pages_tables_can_be_measured_again() -> None:
    tables = measure(20_000)
    page = fill(PAGE.read_text(), tables)
    assert len(tables) == 7
    assert all(table in page for table in tables.values())
    for name in tables:
        assert f"<!-- table: {name} -->\n|" in PAGE.read_text(), "the table is filled"


@pytest.mark.slow
def test_no_search_by_tokens_misses_a_value() -> None:
    _, *rows = false_positives_table(200_000)
    assert len(rows) == 2
    for _, _, needles, missed, _, wrong in rows:
        assert needles == 200
        assert missed == 0
        # 32 bits for each of some 20 tokens of a value, 200 needles: 0.2 expected at most
        assert isinstance(wrong, int)
        assert wrong < 10
