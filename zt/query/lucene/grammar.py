"""A question's tokens put through luqum's grammar."""

from __future__ import annotations

from luqum.exceptions import ParseError
from luqum.parser import lexer, parser

from zt.query.ast import Node
from zt.query.lucene.cursor import Cursor
from zt.query.lucene.limits import refused
from zt.query.lucene.scan import Scan
from zt.query.lucene.tree import Builder
from zt.times import Clock


def understand(question: str, clock: Clock) -> Node:
    """The tree of a question that is not too long and not blank.

    Raises:
        QueryError: see `zt.query.lucene.parse`.
    """
    tokens = Scan(Cursor(question)).tokens()
    place = 0

    def following() -> object:
        nonlocal place
        place += 1
        return tokens[place - 1] if place <= len(tokens) else None

    try:
        item = parser.parse(lexer=lexer, tokenfunc=following)
    except ParseError:  # the scan lets nothing such through, but the grammar is another's
        last = tokens[min(place, len(tokens)) - 1]
        raise refused(question, last.lexpos, "this does not go together") from None
    return Builder(question, clock).build(item)
