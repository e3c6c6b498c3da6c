"""Cutting a question into the tokens of Lucene's grammar, within limits.

The grammar is luqum's. Its own scanner would take the colons of `from:sip:x@y` for fields and the
slash of `192.0.2.0/24` for a regular expression, so the words are cut here, where it is known
whether a field's name or a value may stand. What is never understood (fuzzy words, boosts, regular
expressions, words without a field) is refused here too, under its place.

One pass, each character looked at a few times at most; it ends at the first limit it meets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from zt.errors import QueryError
from zt.query.lucene.cursor import Cursor, Token
from zt.query.lucene.limits import MAX_DEPTH, MAX_TERMS
from zt.query.lucene.values import cut_value

_ALL = re.compile(r"\*(?::\*)?(?=[\s()]|\Z)")
_OPERATOR = re.compile(r"(?:AND|OR|&&|\|\|)(?=[\s()]|\Z)")
_NOT = re.compile(r"NOT(?=[\s()]|\Z)|!")
_PATH = re.compile(r"((?:[^\s:\"()*?\\]|\\.)++):", re.DOTALL)
_NO_PATH = re.compile(r"[\[{<>~^/]")
_STARRED_PATH = re.compile(r"[^\s:\"()]++:")

_TYPES = {"AND": "AND_OP", "&&": "AND_OP", "OR": "OR_OP", "||": "OR_OP"}
_WRITE_TERM = "write a term there, as field:value, or leave it out"


@dataclass(slots=True)
class _Open:
    """A parenthesis that is not closed yet; `is_list`: of a field, so values stand in it."""

    place: int
    is_list: bool
    prefixes: int


@dataclass(slots=True)
class Scan:
    """One pass over a question."""

    _cursor: Cursor
    _wants_term: bool = True
    _terms: int = 0
    _depth: int = 0
    _prefixes: int = 0
    """NOTs and signs before the term that follows."""
    _open: list[_Open] = field(default_factory=list)

    def tokens(self) -> list[Token]:
        """What the question is made of.

        Raises:
            QueryError: over a limit, or not understood, with a caret under the place.
        """
        cursor = self._cursor
        cursor.skip_blank()
        while not cursor.is_at_end:
            if cursor.at(")"):
                self._close()
            elif operator := cursor.match(_OPERATOR):
                self._operator(operator[0])
            else:
                self._term()
            cursor.skip_blank()
        if self._open and not self._wants_term:
            place = self._open[-1].place
            cursor.refuse("the parenthesis isn't closed", "close it: (field:value)", place)
        if self._wants_term and cursor.tokens:
            reason = "the question ends where a term should follow"
            cursor.refuse(reason, _WRITE_TERM, cursor.tokens[-1].lexpos)
        return cursor.tokens

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._cursor.refuse(
                f"more than {MAX_DEPTH} parentheses and NOTs stand around one another",
                "ask for less at once: field:(a OR b) is a list without further parentheses",
            )

    def _operator(self, text: str) -> None:
        if self._wants_term:
            self._cursor.refuse(
                f"{text} stands where a term should",
                "write a term before and behind an operator: field:value AND field:value",
            )
        self._cursor.emit(_TYPES[text], text)
        self._wants_term = True

    def _close(self) -> None:
        cursor = self._cursor
        if not self._open:
            cursor.refuse("this parenthesis closes none", "open one: (field:value)")
        if self._wants_term:
            cursor.refuse("nothing stands before this parenthesis", _WRITE_TERM)
        cursor.emit("RPAREN", ")")
        self._depth -= 1
        self._prefixes = self._open.pop().prefixes
        self._term_ends()
        cursor.check_suffix()

    def _term(self) -> None:
        """What may stand where a term does, or one of the signs and parentheses before it."""
        cursor = self._cursor
        in_list = bool(self._open) and self._open[-1].is_list
        negation = cursor.match(_NOT)
        if not self._wants_term:
            self._join(in_list and not negation and not cursor.at("+-("))
        if cursor.at("("):
            self._open_group(is_list=in_list)
        elif negation:
            self._prefix("NOT", negation[0])
        elif cursor.at("+-"):
            self._sign(cursor.next, in_list)
        elif in_list:
            cut_value(cursor, cursor.place)
            self._count()
        elif everything := cursor.match(_ALL):
            cursor.emit("TERM", everything[0])
            self._count()
        else:
            self._field()

    def _join(self, is_unclear: bool) -> None:
        """Put an AND between two terms that have no operator between them."""
        if is_unclear:
            self._cursor.refuse(
                "values in a list stand without an operator between them",
                "write OR or AND between them: field:(a OR b)",
            )
        self._cursor.insert("AND_OP", "AND")
        self._wants_term = True

    def _open_group(self, *, is_list: bool) -> None:
        self._deeper()
        self._open.append(_Open(self._cursor.place, is_list, self._prefixes))
        self._prefixes = 0
        self._cursor.emit("LPAREN", "(")
        self._wants_term = True

    def _prefix(self, kind: str, text: str) -> None:
        self._deeper()
        self._prefixes += 1
        self._cursor.emit(kind, text)

    def _sign(self, sign: str, in_list: bool) -> None:
        cursor = self._cursor
        behind = cursor.question[cursor.place + 1 : cursor.place + 2]
        if in_list and behind.isdigit():
            cursor.refuse(
                f"{sign} before digits may be part of the value or say what must be there",
                f'write field:("{sign}123") for the first, AND or NOT for the second',
            )
        if not behind or behind.isspace():
            cursor.refuse(
                f"{sign} stands alone", f"write it right before a term: {sign}field:value"
            )
        self._prefix("PLUS" if sign == "+" else "MINUS", sign)

    def _field(self) -> None:
        cursor = self._cursor
        match = None if cursor.match(_NO_PATH) else cursor.match(_PATH)
        if match is None:
            self._refuse_word()
        place = cursor.place
        cursor.emit("TERM", match[1])
        cursor.emit("COLUMN", ":")
        if cursor.at("("):
            self._open_group(is_list=True)
        else:
            cut_value(cursor, place)
            self._count()

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise QueryError(f"the question has more than {MAX_TERMS} terms", "ask a shorter one")
        self._term_ends()

    def _term_ends(self) -> None:
        self._depth -= self._prefixes
        self._prefixes = 0
        self._wants_term = False

    def _refuse_word(self) -> NoReturn:
        cursor = self._cursor
        cursor.check_suffix()
        if cursor.at("/"):
            cursor.refuse_regex()
        if cursor.at('"'):
            hint = 'say which field has it: field:"a phrase"'
            cursor.refuse("a phrase without a field", hint)
        if cursor.at("[{<>"):
            cursor.refuse("a range without a field", "say whose: field:[1 TO 5] or field:>5")
        if cursor.at(":"):
            cursor.refuse("the field's name is missing", "write it before the colon: field:value")
        if cursor.match(_STARRED_PATH):
            cursor.refuse(
                "wildcards in a field's name are not understood",
                "name the field: field:value; a profile can define one name for several",
            )
        cursor.refuse(
            "a word without a field",
            "say which field has it: field:word or field:*word*; operators are AND, OR and NOT",
        )
