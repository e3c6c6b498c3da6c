"""Answers as CSV (RFC 4180), for spreadsheets and scripts.

Values come from outside: whoever calls may name himself `=HYPERLINK(...)`, and a spreadsheet
would take that for a formula. So a text that one could take so, and one that begins with an
apostrophe, gets an apostrophe in front: spreadsheets show what follows it as text, and a program
that takes the first apostrophe of a cell away has the value as it was. Plain numbers stay as they
are, `+4930123456` too: they calculate nothing. JSON has every value as it is.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from zt.cli.runtime import printable, write_lines

Cell = str | int | float | None

_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠']|[\t\r\n]")
"""How texts begin that spreadsheets calculate, also after blanks and in full width (OWASP)."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table with its header on stdout, each row as it comes; nothing for None.

    On a terminal control characters are escaped: only a file gets them as they are.
    """
    shown = printable if sys.stdout.isatty() else str
    write_lines(_line([shown(guarded(cell)) for cell in row]) for row in (columns, *rows))


def guarded(cell: Cell) -> str:
    """The text of a cell that no spreadsheet takes for a formula."""
    if cell is None:
        return ""
    text = str(cell)
    if not isinstance(cell, str) or _NUMBER.fullmatch(text) or not _FORMULA.match(text):
        return text
    return "'" + text


def _line(texts: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(texts)
    return out.getvalue().encode()
