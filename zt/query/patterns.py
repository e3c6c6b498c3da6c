"""Matching patterns: texts with wildcards anywhere in them.

A pattern is a row of runs between its `*`. The first run is fixed to the text's start, the last
to its end, and each of the others is taken where it comes first, which leaves the most for those
behind it: nothing is ever tried again, and time grows with the text's length.
"""

from __future__ import annotations

import re
from functools import lru_cache

from zt.crypto.fold import fold
from zt.query.ast import Pattern, Term, Wildcard
from zt.schemes.search import Part, SearchTokens


class Matcher:
    """Says which texts a pattern asks for."""

    def __init__(self, pieces: tuple[str | Wildcard, ...]) -> None:
        runs, self._length = [""], 0
        for piece in pieces:
            if piece is Wildcard.ANY:
                runs.append("")
                self._length = 0
            else:
                text = None if isinstance(piece, Wildcard) else fold(piece)
                runs[-1] += "." if text is None else re.escape(text)
                self._length += 1 if text is None else len(text)
        *front, end = runs
        self._is_open = bool(front)
        # an atomic group gives nothing back
        rows = [front[0], *(f"(?>.*?{run})" for run in front[1:] if run)] if front else []
        self._front = re.compile("".join(rows), re.DOTALL)
        self._end = re.compile(end, re.DOTALL)

    def fits(self, text: str) -> bool:
        """Whether the whole of a folded text is as the pattern says."""
        cut = len(text) - self._length
        if cut < 0 or (cut > 0 and not self._is_open):
            return False
        found = self._end.fullmatch(text, cut) and self._front.match(text, 0, cut)
        return found is not None


@lru_cache(maxsize=256)
def matcher(pieces: tuple[str | Wildcard, ...]) -> Matcher:
    """The matcher of a pattern, made once."""
    return Matcher(pieces)


def needle(search: SearchTokens, leaf: Term | Pattern) -> tuple[int, ...]:
    """The tokens that every value has which a leaf asks for, sorted.

    Raises:
        ValueError: no token could narrow the search down.
    """
    if isinstance(leaf, Term):
        if leaf.operator == "equals":
            raise AssertionError("whole values have ciphertexts, and need no tokens")
        return search.needle(leaf.operator, leaf.text)
    found: set[int] = set()
    reason = ""
    for number, piece in enumerate(leaf.pieces):
        if isinstance(piece, Wildcard):
            continue
        try:
            found.update(search.needle(_part(number, len(leaf.pieces)), piece))
        except ValueError as error:
            reason = str(error)
    if not found:
        raise ValueError(reason or "the pattern has wildcards only")
    return tuple(sorted(found))


def _part(number: int, count: int) -> Part:
    if count == 1:
        return "whole"
    return "startswith" if number == 0 else "endswith" if number == count - 1 else "contains"
