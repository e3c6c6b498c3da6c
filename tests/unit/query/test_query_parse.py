"""Questions as text: what is understood, and where the caret stands under what is not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.errors import QueryError
from zt.query import And, Node, Term, parse
from zt.query.ast import EVERYTHING
from zt.query.lucene import MAX_QUERY, MAX_TERMS

UNDERSTOOD: dict[str, Node] = {
    "": EVERYTHING,
    "  ": EVERYTHING,
    "*": EVERYTHING,
    " * ": EVERYTHING,
    "type:call-start": Term("type", "equals", "call-start"),
    "  type:call-start  ": Term("type", "equals", "call-start"),
    "sip.from:sip:alice@example.org": Term("sip.from", "equals", "sip:alice@example.org"),
    "sip.from:sip:[2001:db8::1]:5060": Term("sip.from", "equals", "sip:[2001:db8::1]:5060"),
    "@timestamp:2026-11-24T00:00:00Z": Term("@timestamp", "equals", "2026-11-24T00:00:00Z"),
    "a:b/c": Term("a", "equals", "b/c"),
    "a:b~c": Term("a", "equals", "b~c"),
    "a:-b": Term("a", "equals", "-b"),
    "a:AND": Term("a", "equals", "AND"),
    "a:b#c": Term("a", "equals", "b#c"),
    "é:ß": Term("é", "equals", "ß"),
    'a:"b c"': Term("a", "equals", "b c"),
    'a:"b AND c:d"': Term("a", "equals", "b AND c:d"),
    'a:""': Term("a", "equals", ""),
    'a:"*b*"': Term("a", "equals", "*b*"),
    'a:">5"': Term("a", "equals", ">5"),
    r'a:"b\"c\\d"': Term("a", "equals", 'b"c\\d'),
    r'a:"\b"': Term("a", "equals", "b"),
    "a:*b*": Term("a", "contains", "b"),
    "a:b*": Term("a", "startswith", "b"),
    "a:*b": Term("a", "endswith", "b"),
    "a:sip:*": Term("a", "startswith", "sip:"),
    "a:*:5060": Term("a", "endswith", ":5060"),
    "a:b AND c:d": And((Term("a", "equals", "b"), Term("c", "equals", "d"))),
    "a:b  &&\tc:d": And((Term("a", "equals", "b"), Term("c", "equals", "d"))),
    "a:b\nAND\nc:d": And((Term("a", "equals", "b"), Term("c", "equals", "d"))),
    'a:"x" AND a:*y* AND a:z*': And(
        (Term("a", "equals", "x"), Term("a", "contains", "y"), Term("a", "startswith", "z"))
    ),
}


@pytest.mark.parametrize("question", UNDERSTOOD)
def test_what_is_understood(question: str) -> None:
    assert parse(question) == UNDERSTOOD[question]


REFUSED = {
    # question: what stands under the caret
    "type": "type",
    "type:": "type:",
    "type: call": "type: call",
    ":x": ":x",
    "a:b c:d": "c:d",
    "a:b OR c:d": "OR c:d",
    "a:b || c:d": "|| c:d",
    "a:b and c:d": "and c:d",
    "a:b AND": "AND",
    "a:b AND AND c:d": "AND c:d",
    "AND a:b": "AND a:b",
    "NOT a:b": "NOT a:b",
    "a:b AND NOT c:d": "NOT c:d",
    "-a:b": "-a:b",
    "+a:b": "+a:b",
    "!a:b": "!a:b",
    "a:b AND -c:d": "-c:d",
    "(a:b)": "(a:b)",
    "a:(b c)": "a:(b c)",
    "a:b)": ")",
    'a:"b': 'a:"b',
    'a:b"': '"',
    'a:"b"c': "c",
    'a:"b"*': "*",
    "a:*": "*",
    "a:**": "**",
    "a:b*c": "b*c",
    "a:*b*c*": "*b*c*",
    "a:b**": "b**",
    "a:b?": "b?",
    "a:[1 TO 5]": "[1 TO 5]",
    "a:{1 TO 5}": "{1 TO 5}",
    "a:>5": ">5",
    "a:<=5": "<=5",
    "a:/b.*/": "/b.*/",
    "a:b~": "b~",
    "a:b~2": "b~2",
    "a:b^2.5": "b^2.5",
    r"a:b\:c": r"b\:c",
    r"a:b\*": r"b\*",
    "a*:b": "a*:b",
    "x" * 500: "x" * 40,
    "a:b AND " + "c:d AND " * 30 + "e": "e",
}


@pytest.mark.parametrize("question", REFUSED)
def test_what_is_refused_has_a_caret_under_it(question: str) -> None:
    with pytest.raises(QueryError, match="is not understood") as caught:
        parse(question)
    assert "field:" in caught.value.hint
    _, line, caret = str(caught.value).splitlines()
    assert caret.strip() == "^"
    assert line[caret.index("^") :] == REFUSED[question]


def test_long_questions_are_refused() -> None:
    with pytest.raises(QueryError, match="longer than"):
        parse("a:" + "b" * MAX_QUERY)
    most = " AND ".join(["a:b"] * MAX_TERMS)
    assert parse(most) == And((Term("a", "equals", "b"),) * MAX_TERMS)
    with pytest.raises(QueryError, match="more than"):
        parse(most + " AND a:b")


@pytest.mark.parametrize("question", ["a:\udcff", "\udc80:b", 'a:"\ud800"'])
def test_what_a_shell_passes_on_undecoded_is_refused(question: str) -> None:
    with pytest.raises(QueryError, match="no valid Unicode"):
        parse(question)


@given(st.text(max_size=40) | st.text(alphabet='a:"*\\ AND()&', max_size=20))
def test_no_text_breaks_the_parser(question: str) -> None:
    with contextlib.suppress(QueryError):
        assert isinstance(parse(question), And | Term)


@given(st.text(max_size=20))
def test_every_text_can_be_quoted(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'a:"{quoted}" AND b:c') == And(
        (Term("a", "equals", text), Term("b", "equals", "c"))
    )
