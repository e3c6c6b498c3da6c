"""What a question may cost, and how one that is refused says so.

Limits are checked by the scan (`zt.query.lucene.scan`), whose time is linear in the question's
length, before the grammar sees a token: its parser's time and the depth of what it builds grow
with what these limits bound.
"""

from __future__ import annotations

import unicodedata

from zt.errors import QueryError

MAX_QUERY = 64 * 1024  # bytes of UTF-8
MAX_TERMS = 1000
MAX_TOKENS = 5 * MAX_TERMS  # fields, values, operators and parentheses
MAX_DEPTH = 24  # parentheses, NOT, + and - around one another
MAX_PATTERN = 1024  # characters of a value with wildcards in its middle

_SHOWN = 40  # characters of a question before and after the caret

WRITE = 'write it as field:value AND field:*part* or field:"a phrase"'


def check_size(question: str) -> None:
    """Refuse what is too long to be looked at.

    Raises:
        QueryError: it is; or it is no valid Unicode.
    """
    try:
        too_long = len(question) > MAX_QUERY or len(question.encode()) > MAX_QUERY
    except UnicodeEncodeError:
        raise QueryError("the question is no valid Unicode", "check your terminal") from None
    if too_long:
        raise QueryError(f"the question is longer than {MAX_QUERY} bytes", "ask a shorter one")


def refused(question: str, place: int, reason: str, hint: str = WRITE) -> QueryError:
    """The error about a place in a question: the line it is in, with a caret under it.

    Tabs and what else has no width of its own are shown as one blank; characters that take two
    columns on a terminal count as two.
    """
    start = max(0, place - _SHOWN, _line_start(question, place))
    before = _shown(question[start:place])
    after = _shown(question[place : place + _SHOWN].partition("\n")[0])
    blanks = " " * sum(map(_width, before))
    return QueryError(
        f"the question is not understood: {reason}\n  {before}{after}\n  {blanks}^", hint
    )


def _line_start(question: str, place: int) -> int:
    return question.rfind("\n", 0, place) + 1


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
