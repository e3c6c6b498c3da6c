"""Questions as text: what is understood, and where the caret stands under what is not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.questions import printed, questions, quoted

from zt.errors import QueryError
from zt.query import And, Exists, Node, Not, Or, Pattern, Range, Term, Wildcard, parse
from zt.query.ast import EVERYTHING
from zt.query.lucene import MAX_DEPTH, MAX_QUERY, MAX_TERMS

ANY, ONE = Wildcard.ANY, Wildcard.ONE


def is_(text: str, path: str = "a") -> Term:
    return Term(path, "equals", text)


A, C, E = is_("b"), is_("d", "c"), is_("f", "e")

VALUES: dict[str, Node] = {
    "type:call-start": is_("call-start", "type"),
    "  type:call-start  ": is_("call-start", "type"),
    "from:sip:x@y": is_("sip:x@y", "from"),
    "a:sip:[2001:db8::1]:5060": is_("sip:[2001:db8::1]:5060"),
    "a:sip:+49@pbx.example.net:5060;transport=udp": is_(
        "sip:+49@pbx.example.net:5060;transport=udp"
    ),
    "a:2001:db8::/32": is_("2001:db8::/32"),
    "a:192.0.2.0/24": is_("192.0.2.0/24"),
    "a:::1": is_("::1"),
    "@timestamp:2026-11-24T00:00:00Z": is_("2026-11-24T00:00:00Z", "@timestamp"),
    "a:b/c": is_("b/c"),
    "a:b~c": is_("b~c"),
    "a:-b": is_("-b"),
    "a:+49301": is_("+49301"),
    "a:!b": is_("!b"),
    "a:AND": is_("AND"),
    "a:TO": is_("TO"),
    "a:b#c&d=e|f": is_("b#c&d=e|f"),
    "é:ß": is_("ß", "é"),
    'a:"b c"': is_("b c"),
    'a:"b AND c:d"': is_("b AND c:d"),
    'a:"b\n(c"': is_("b\n(c"),
    'a:""': is_(""),
    'a:"*b*?"': is_("*b*?"),
    'a:">5"': is_(">5"),
    'a:"/b/"': is_("/b/"),
    r'a:"b\"c\\d"': is_('b"c\\d'),
    r'a:"\b"': is_("b"),
    r"a:b\:c": is_("b:c"),
    r"a:\*b\?": is_("*b?"),
    r"a:b\~2": is_("b~2"),
    r"a:b\ \(c\)": is_("b (c)"),
    r"a:b\\": is_("b\\"),
    r"a\ b\::c": is_("c", "a b:"),
    r"\+a:c": is_("c", "+a"),
    "a:*b*": Term("a", "contains", "b"),
    "a:b*": Term("a", "startswith", "b"),
    "a:*b": Term("a", "endswith", "b"),
    "a:sip:*": Term("a", "startswith", "sip:"),
    "a:*:5060": Term("a", "endswith", ":5060"),
    "a:b**": Term("a", "startswith", "b"),
    r"a:*b\**": Term("a", "contains", "b*"),
    "a:b?c*d": Pattern("a", ("b", ONE, "c", ANY, "d")),
    "a:*b*c": Pattern("a", (ANY, "b", ANY, "c")),
    "a:b?": Pattern("a", ("b", ONE)),
    "a:?*": Pattern("a", (ONE, ANY)),
    "a:*": Exists("a"),
    "a:**": Exists("a"),
    "_exists_:a": Exists("a"),
    '_exists_:"a b"': Exists("a b"),
    r"_exists_:a\*": Exists("a*"),
    "_exists_:(a OR b)": Or((Exists("a"), Exists("b"))),
}

RANGES: dict[str, Node] = {
    "a:[1 TO 5]": Range("a", "1", "5", True, True),
    "a:{1 TO 5}": Range("a", "1", "5", False, False),
    "a:[ -1.5   TO\n+5e3 }": Range("a", "-1.5", "+5e3", True, False),
    'a:{"1" TO "5"]': Range("a", "1", "5", False, True),
    "a:[* TO 5]": Range("a", None, "5", False, True),
    "a:[1 TO *}": Range("a", "1", None, True, False),
    "a:[* TO *]": Exists("a"),
    "a:>5": Range("a", "5", None, False, False),
    "a:>=5": Range("a", "5", None, True, False),
    "a:<-5": Range("a", None, "-5", False, False),
    'a:<="5"': Range("a", None, "5", False, True),
    "a:(>=1 AND <5)": And(
        (Range("a", "1", None, True, False), Range("a", None, "5", False, False))
    ),
    "a:(7 OR [1 TO 5])": Or((is_("7"), Range("a", "1", "5", True, True))),
}

JOINED: dict[str, Node] = {
    "": EVERYTHING,
    " \t": EVERYTHING,
    "*": EVERYTHING,
    " * ": EVERYTHING,
    "*:*": EVERYTHING,
    "* AND NOT a:b": And((EVERYTHING, Not(A))),
    "a:b AND c:d": And((A, C)),
    "a:b  &&\tc:d": And((A, C)),
    "a:b\nAND\nc:d": And((A, C)),
    "a:b c:d": And((A, C)),
    "a:b || c:d OR e:f": Or((A, C, E)),
    "a:b AND c:d OR e:f": Or((And((A, C)), E)),
    "a:b OR c:d AND e:f": Or((A, And((C, E)))),
    "a:b OR c:d e:f": Or((A, And((C, E)))),
    "(a:b OR c:d) AND e:f": And((Or((A, C)), E)),
    "(a:b OR c:d)e:f": And((Or((A, C)), E)),
    "(a:b)AND(c:d)": And((A, C)),
    "((a:b))": A,
    "NOT a:b AND c:d": And((Not(A), C)),
    "NOT (a:b AND c:d)": Not(And((A, C))),
    "NOT(a:b)": Not(A),
    "!a:b OR ! c:d": Or((Not(A), Not(C))),
    "a:b NOT c:d": And((A, Not(C))),
    "NOT NOT a:b": Not(Not(A)),
    "+a:b -c:d": And((A, Not(C))),
    "-(a:b c:d)": Not(And((A, C))),
    "a:b OR (-c:d)": Or((A, Not(C))),
    'a:(b OR "c d" OR sip:*)': Or((A, is_("c d"), Term("a", "startswith", "sip:"))),
    "a:(b)": A,
    "a:(b -c)": And((A, Not(is_("c")))),
    "a:((b OR c) AND NOT d)": And((Or((A, is_("c"))), Not(is_("d")))),
    "NOT a:(b OR c) AND c:d": And((Not(Or((A, is_("c")))), C)),
}


@pytest.mark.parametrize("question", [*VALUES, *RANGES, *JOINED])
def test_what_is_understood(question: str) -> None:
    assert parse(question) == {**VALUES, **RANGES, **JOINED}[question]


REFUSED = {
    # question: what stands under the caret, a part of the reason
    "type": ("type", "without a field"),
    "type:": ("type:", "no value"),
    "type: call": ("type: call", "no value"),
    ":x": (":x", "field's name is missing"),
    '"x"': ('"x"', "without a field"),
    "[1 TO 5]": ("[1 TO 5]", "without a field"),
    "a:b and c:d": ("and c:d", "without a field"),
    "a:b AND": ("AND", "should follow"),
    "a:b AND NOT": ("NOT", "should follow"),
    "a:b AND AND c:d": ("AND c:d", "AND stands where"),
    "a:b AND || c:d": ("|| c:d", "stands where"),
    "OR a:b": ("OR a:b", "OR stands where"),
    "a:b&&c:d": ("&&c:d", "&& stands in a value"),
    "a:b OR -c:d": ("-c:d", "lack"),
    "+a:b OR c:d": ("+a:b OR c:d", "lack"),
    "a:b - c:d": ("- c:d", "stands alone"),
    "a:b)": (")", "closes none"),
    "(a:b": ("(a:b", "isn't closed"),
    "a:b AND (c:d OR (e:f)": ("(c:d OR (e:f)", "isn't closed"),
    "()": (")", "nothing stands"),
    "a:()": (")", "nothing stands"),
    "a:(b c)": ("c)", "without an operator"),
    "a:(+49 OR +1)": ("+49 OR +1)", "part of the value"),
    "a:b(c)": ("(c)", "should end"),
    'a:"b': ('"b', "isn't closed"),
    'a:b"': ('"', "should end"),
    'a:"b"c': ("c", "should end"),
    'a:"b"*': ("*", "should end"),
    "a:/b.*/": ("/b.*/", "regular"),
    "/b/": ("/b/", "regular"),
    "a:b~": ("~", "fuzzy"),
    "a:b~2": ("~2", "fuzzy"),
    'a:"b c"~2': ("~2", "fuzzy"),
    "a:b^2.5": ("^2.5", "boost"),
    "(a:b)^2": ("^2", "boost"),
    "a:b\\": ("\\", "backslash"),
    "a*:b": ("a*:b", "field's name"),
    "_exists_:a*": ("a*", "no field's name"),
    "_exists_:>5": (">5", "no field's name"),
    "a:[1 TO 5": ("", "range"),
    "a:[1 5]": ("5]", "range"),
    "a:[1 TO ]": ("]", "range"),
    "a:>": ("", "range"),
    "a:[b TO 5]": ("b TO 5]", "number or a time"),
    "a:<nan": ("nan", "number or a time"),
    "a:>1e999": ("1e999", "number or a time"),
    "a:[1 TO 2026-01-01]": ("2026-01-01]", "the other a time"),
    "a:>=now-2h": ("now-2h", "no now"),
    "x" * 500: ("x" * 40, "without a field"),
    "a:b AND " + "c:d AND " * 30 + "e": ("e", "without a field"),
}


@pytest.mark.parametrize("question", REFUSED)
def test_what_is_refused_has_a_caret_under_it(question: str) -> None:
    under, reason = REFUSED[question]
    with pytest.raises(QueryError, match="is not understood") as caught:
        parse(question)
    said, line, caret = str(caught.value).split("\n")
    assert reason in said
    assert caught.value.hint
    assert caret.strip() == "^"
    assert line[caret.index("^") :] == under


@pytest.mark.parametrize(
    ("question", "line", "column"),
    [
        ("a:b\nAND\nc:d e", "c:d e", 4),  # of several lines, the one
        ("a:b\r\ne\nc:d", "e", 0),
        ("\ta:b\te", " a:b e", 5),  # a tab is one column
        ("名:値 e", "名:値 e", 6),  # wide characters take two
        ("a:e\u0301 e", "a:e\u0301 e", 4),  # what stands over another takes none
        ("a:\u202e\x1b e", "a:   e", 5),  # what steers a terminal is not passed on
    ],
)
def test_where_the_caret_stands_on_a_terminal(question: str, line: str, column: int) -> None:
    with pytest.raises(QueryError) as caught:
        parse(question)
    _, shown, caret = str(caught.value).split("\n")
    assert (shown, caret) == (f"  {line}", f"  {' ' * column}^")


def test_long_questions_are_refused() -> None:
    assert parse("a:" + "b" * (MAX_QUERY - 2))
    for question in ("a:" + "b" * (MAX_QUERY - 1), "a:" + "é" * (MAX_QUERY // 2)):
        with pytest.raises(QueryError, match="longer than"):
            parse(question)


@pytest.mark.parametrize("joint", [" AND ", " OR ", " "])
def test_questions_of_many_terms_are_refused(joint: str) -> None:
    node = parse(joint.join(["a:b"] * MAX_TERMS))
    assert isinstance(node, And | Or)
    assert node.parts == (A,) * MAX_TERMS
    with pytest.raises(QueryError, match="more than 1000 terms"):
        parse(joint.join(["a:b"] * (MAX_TERMS + 1)))


@pytest.mark.parametrize(
    ("opening", "closing", "depth"),
    [("(", ")", 1), ("NOT ", "", 1), ("-", "", 1), ("!(", ")", 2)],
)
def test_deep_questions_are_refused(opening: str, closing: str, depth: int) -> None:
    number = MAX_DEPTH // depth
    most = opening * number + "a:b" + closing * number
    assert parse(f"{most} AND {most}")  # beside one another they may stand
    with pytest.raises(QueryError, match="around one another"):
        parse(opening + most + closing)
    with pytest.raises(QueryError, match="around one another"):
        parse("a:" + "(" * (MAX_DEPTH + 1))


BOMBS = {
    "(" * MAX_QUERY: "around one another",
    "NOT " * (MAX_QUERY // 4): "around one another",
    "a:b " + "-" * 60_000: "around one another",
    "(a:b) " * 10_000: "more than",
    "((((a:b)))) " * 900: "more than",
    "a:[1 TO 2] " * 5000: "more than",
    "a:b~2 " * 10_000: "fuzzy",
    "a:b^2 " * 10_000: "boost",
    "a:" + "~1" * 32_000: "fuzzy",
    "a:" + "*?" * 32_000: "wildcards is longer",
    'a:"' + "\\" * 65_000: "isn't closed",
    "a:[1" + " " * 65_000: "range",
    "a:>" + "9" * 65_000: "number or a time",
    "\\" * 65_000: "without a field",
}


@pytest.mark.parametrize("question", BOMBS, ids=lambda question: question[:12])
def test_bombs_are_refused_before_they_reach_the_grammar(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from luqum.parser import parser

    def explode(*args: object, **kwargs: object) -> None:
        raise AssertionError("the grammar's parser was asked")

    if "9999" not in question:  # what a bound says is looked at behind the grammar
        monkeypatch.setattr(parser, "parse", explode)
    with pytest.raises(QueryError, match=BOMBS[question]):
        parse(question)


@pytest.mark.parametrize("question", ["a:\udcff", "\udc80:b", 'a:"\ud800"'])
def test_what_a_shell_passes_on_undecoded_is_refused(question: str) -> None:
    with pytest.raises(QueryError, match="no valid Unicode"):
        parse(question)


@given(
    st.text(max_size=40)
    | st.text(alphabet='a:"*?\\ AND()&|!+-[]{}TO<>=~^/1\t', max_size=30)
    | st.lists(st.sampled_from(["a:b", "(", ")", "AND", "OR", "NOT", "a:(", "c", ">5"])).map(
        " ".join
    )
)
def test_no_text_breaks_the_parser(question: str) -> None:
    with contextlib.suppress(QueryError):
        assert isinstance(parse(question), And | Or | Not | Term | Pattern | Range | Exists)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_every_text_can_be_quoted(text: str) -> None:
    assert parse(f"a:{quoted(text)} AND c:d") == And((is_(text), C))


@given(questions)
def test_questions_can_be_written_as_text(question: Node) -> None:
    assert parse(printed(question)) == question
