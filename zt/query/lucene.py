"""Parsing questions in Lucene's syntax: `type:auth-failed AND sip.from:*alice*`.

Understood so far: `field:value`, `field:"a phrase"`, wildcards at the ends of a value
(`abc*`, `*xyz`, `*part*`) and AND. Anything else is refused, never taken for something else:
what Lucene gives a meaning to (`-a:b`, `a:>5`, `a:b~2`, `a:/b/`, `a\\:b`) stands in quotes if it
is meant as it is.
"""

from __future__ import annotations

import re

from zt.errors import QueryError
from zt.query.ast import EVERYTHING, And, Node, Operator, Term

MAX_QUERY = 64 * 1024  # characters
MAX_TERMS = 1000

_TERM = re.compile(
    r'\s*(?P<path>[^\s:"()*]+):(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"()]+))'
)
_LUCENE_PATH = re.compile(r"[-+!]")
_LUCENE_WORD = re.compile(r"[\[{/<>]|.*\\|.*[~^][0-9.]*$")
_AND = re.compile(r"\s+(?:AND|&&)(?=\s)")
_OPERATORS: dict[tuple[bool, bool], Operator] = {
    (False, False): "equals",
    (True, True): "contains",
    (False, True): "startswith",
    (True, False): "endswith",
}


def parse(question: str) -> Node:
    """A question as a tree; an empty one or `*` asks for everything.

    Raises:
        QueryError: with a caret under the place that was not understood.
    """
    if len(question) > MAX_QUERY:
        raise QueryError(f"the question is longer than {MAX_QUERY} characters", "ask a shorter one")
    try:
        question.encode()
    except UnicodeEncodeError:
        raise QueryError("the question is no valid Unicode", "check your terminal") from None
    if question.strip() in ("", "*"):
        return EVERYTHING
    terms: list[Node] = []
    place = 0
    while match := _TERM.match(question, place):
        terms.append(_term(match, question))
        place = match.end()
        if len(terms) > MAX_TERMS:
            raise QueryError(f"the question has more than {MAX_TERMS} terms", "ask a shorter one")
        if not question[place:].strip():
            return And(tuple(terms)) if len(terms) > 1 else terms[0]
        if not (joint := _AND.match(question, place)):
            break
        place = joint.end()
    raise _not_understood(question, place, "expected field:value, joined by AND")


def _term(match: re.Match[str], question: str) -> Term:
    path, phrase, word = match["path"], match["phrase"], match["word"]
    if _LUCENE_PATH.match(path):
        reason = f"{path[0]} before a field is not understood so far"
        raise _not_understood(question, match.start("path"), reason)
    if phrase is not None:
        return Term(path, "equals", re.sub(r"\\(.)", r"\1", phrase))
    opening, closing = word.startswith("*"), word.endswith("*") and len(word) > 1
    text = word[opening : len(word) - closing]
    if _LUCENE_WORD.match(word):
        reason = "ranges, patterns and escapes are not understood so far; quote what is none"
        raise _not_understood(question, match.start("word"), reason)
    if not text or "*" in text or "?" in text:
        raise _not_understood(
            question, match.start("word"), "wildcards stand at the ends of a value so far"
        )
    return Term(path, _OPERATORS[opening, closing], text)


def _not_understood(question: str, place: int, reason: str) -> QueryError:
    start = max(0, place - 40)
    line = " ".join(question[start : place + 40].splitlines())
    place += len(question[place:]) - len(question[place:].lstrip())
    return QueryError(
        f"the question is not understood: {reason}\n  {line}\n  {' ' * (place - start)}^",
        'write it as field:value AND field:*part* or field:"a phrase"',
    )
