"""Questions as text again, and random ones."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from analytics.wire import format_time
from zt.query import And, Exists, Node, Not, Or, Pattern, Range, Term, Wildcard

_MARKS = {
    "equals": ("", ""),
    "contains": ("*", "*"),
    "startswith": ("", "*"),
    "endswith": ("*", ""),
}


def printed(node: Node) -> str:
    """A question in Lucene's syntax; every group in parentheses."""
    match node:
        case And(()):
            return "*:*"
        case And(parts):
            return f"({' AND '.join(map(printed, parts))})"
        case Or(parts):
            return f"({' OR '.join(map(printed, parts))})"
        case Not(part):
            return f"NOT {printed(part)}"
        case Exists(path):
            return f"_exists_:{_escaped(path)}"
        case Term(path, "equals", text):
            return f"{_escaped(path)}:{quoted(text)}"
        case Term(path, operator, text):
            before, after = _MARKS[operator]
            return f"{_escaped(path)}:{before}{_escaped(text)}{after}"
        case Pattern(path, pieces):
            word = "".join(p.value if isinstance(p, Wildcard) else _escaped(p) for p in pieces)
            return f"{_escaped(path)}:{word}"
        case Range(path, low, high, includes_low, includes_high):
            opening, closing = "{["[includes_low], "}]"[includes_high]
            ends = f"{low or '*'} TO {high or '*'}"
            return f"{_escaped(path)}:{opening}{ends}{closing}"


def quoted(text: str) -> str:
    """A text as a phrase."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    """A text as a word: all but plain letters and digits escaped."""
    return re.sub(r"([^\w])", r"\\\1", text)


_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_paths = st.sampled_from(["type", "sip.from", "a b", "+x", "NOT", 'q"(', "x:y", "*"]) | _texts
_terms = st.builds(
    Term, _paths, st.sampled_from(["equals", "contains", "startswith", "endswith"]), _texts
)


@st.composite
def _patterns(draw: st.DrawFn) -> Pattern:
    """Texts and wildcards in turn, and not what is a term or asks whether there is a value."""
    first, last = draw(_texts), draw(_texts)
    joints = st.lists(st.sampled_from(Wildcard), min_size=1, max_size=2, unique=True)
    return Pattern(draw(_paths), (first, *draw(joints), last))


@st.composite
def _ranges(draw: st.DrawFn) -> Range:
    if draw(st.booleans()):
        numbers = st.integers().map(str) | st.floats(allow_nan=False, allow_infinity=False).map(str)
        low, high = draw(st.none() | numbers), draw(st.none() | numbers)
        includes = draw(st.booleans()), draw(st.booleans())
    else:  # times are moments once they are parsed, from the first one up to but without the last
        moments = st.integers(0, 2**50).map(format_time)
        low, high = draw(st.none() | moments), draw(st.none() | moments)
        includes = True, False
    if low is None and high is None:
        low = "1"
    return Range(
        draw(_paths), low, high, includes[0] and low is not None, includes[1] and high is not None
    )


leaves = st.one_of(_terms, _patterns(), _ranges(), st.builds(Exists, _paths))
questions: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda nodes: st.one_of(
        st.lists(nodes, min_size=2, max_size=4).map(lambda parts: And(tuple(parts))),
        st.lists(nodes, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts))),
        nodes.map(Not),
    ),
    max_leaves=8,
)
"""Trees that a question can have: no group of one, no wildcards that are a term."""
