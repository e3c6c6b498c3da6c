"""What a word or phrase says: escapes taken away, wildcards told from what is meant as it is."""

from __future__ import annotations

import re

from zt.query.ast import Exists, Leaf, Operator, Pattern, Term, Wildcard

_PIECE = re.compile(r"\\(.)|([*?])|([^\\*?]+)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_OPERATORS: dict[tuple[bool, bool], Operator] = {
    (False, False): "equals",
    (True, True): "contains",
    (False, True): "startswith",
    (True, False): "endswith",
}


def unescape(text: str) -> str:
    """The text with each backslash gone that made the character behind it a plain one."""
    return _ESCAPE.sub(r"\1", text)


def unquote(phrase: str) -> str:
    """The text of a phrase, which may hold anything."""
    return unescape(phrase[1:-1])


def leaf_of(path: str, word: str) -> Leaf:
    """What a word, wildcards and escapes in it, asks of a field."""
    pieces = _pieces(word)
    if pieces == [Wildcard.ANY]:
        return Exists(path)
    opening = pieces[0] is Wildcard.ANY
    closing = pieces[-1] is Wildcard.ANY
    inner = pieces[opening : len(pieces) - closing]
    if len(inner) == 1 and isinstance(inner[0], str):
        return Term(path, _OPERATORS[opening, closing], inner[0])
    return Pattern(path, tuple(pieces))


def has_wildcard(word: str) -> bool:
    """Whether a word has a wildcard that is not escaped."""
    return any(match[2] for match in _PIECE.finditer(word))


def _pieces(word: str) -> list[str | Wildcard]:
    """Its runs of plain text and its wildcards; several `*` in a row are one."""
    pieces: list[str | Wildcard] = []
    text = ""
    for match in _PIECE.finditer(word):
        if match[2] is None:
            text += match[1] or match[3]
            continue
        if text:
            pieces.append(text)
            text = ""
        wildcard = Wildcard(match[2])
        if wildcard is Wildcard.ONE or pieces[-1:] != [wildcard]:
            pieces.append(wildcard)
    return [*pieces, text] if text else pieces
