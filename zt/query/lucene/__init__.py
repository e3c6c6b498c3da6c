"""Parsing questions in Lucene's syntax: `type:auth-failed AND NOT sip.from:*alice*`.

A value stands behind its field: a word (`from:sip:bob@example.org`, URIs, addresses and networks
unquoted), a phrase in quotes (always the exact whole value), wildcards anywhere in a word, a range
(`[1 TO 5]`, `{1 TO 5}`, `>=5`), or a list in parentheses (`field:(a OR "b c")`). NOT binds closer
than AND, AND closer than OR; between two terms without an operator stands AND, whatever
Lucene's own default is. `+` says AND, `-` AND NOT. A backslash makes the character behind it a
plain one.

What is not understood is refused under its place, never taken for something else.
"""

from __future__ import annotations

from zt.query.ast import EVERYTHING, Node
from zt.query.lucene.limits import MAX_DEPTH, MAX_QUERY, MAX_TERMS, check_size
from zt.times import Clock

FOREVER = Clock()
"""No now, and UTC: how questions are read that are kept, as those of jobs."""


def parse(question: str, clock: Clock = FOREVER) -> Node:
    """A question as a tree; an empty one or `*` asks for everything.

    Times in it become moments in UTC here, so that the question means the same for as long as
    it is asked.

    Raises:
        QueryError: too long or too large, or not understood, with a caret under the place.
    """
    check_size(question)
    if not question.strip():
        return EVERYTHING
    from zt.query.lucene.grammar import understand  # the parser is read when it is needed

    return understand(question, clock)


__all__ = ["MAX_DEPTH", "MAX_QUERY", "MAX_TERMS", "parse"]
