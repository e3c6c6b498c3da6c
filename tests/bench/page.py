"""Pages with tables that programs fill: each table stands between two marks of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "docs" / "benchmarks.md"

Row = tuple[object, ...]


def markdown(rows: Iterable[Row]) -> str:
    """A table; its first row is the head."""
    head, *body = list(rows)
    ruled = [" --- " if i == 0 else " ---: " for i in range(len(head))]
    lines = [head, None, *body]
    return "\n".join(
        "|" + "|".join(ruled if line is None else [f" {cell} " for cell in line]) + "|"
        for line in lines
    )


def fill(page: str, tables: dict[str, str]) -> str:
    """The page with each table between its marks.

    Raises:
        ValueError: the page lacks the marks of a table.
    """
    for name, table in tables.items():
        start, end = f"<!-- table: {name} -->", "<!-- end -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            raise ValueError(f"the page has no marks for the table {name}")
        page = pattern.sub(lambda _, text=f"{start}\n{table}\n{end}": text, page)  # type: ignore[misc]
    return page
