"""Cutting values: words, phrases and ranges, and what is no value is refused."""

from __future__ import annotations

import re
from typing import NoReturn

from zt.query.lucene.cursor import QUOTE, Cursor
from zt.query.lucene.limits import MAX_PATTERN

_PHRASE = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_WORD = re.compile(r'(?:[^\s()"\\]|\\.)++', re.DOTALL)
_BOUND = re.compile(r'(?:[^\s()"\\\[\]{}]|\\.)++', re.DOTALL)
_COMPARISON = re.compile(r"[<>]=?")
_TO = re.compile(r"\s+(?=TO\s)")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_SUFFIX = re.compile(r"[~^][0-9.]*\Z")


def cut_value(cursor: Cursor, field: int) -> None:
    """Cut the value that follows, up to its end; `field` is where its field stands.

    Raises:
        QueryError: with a caret under what is no value.
    """
    if cursor.at('"'):
        _phrase(cursor)
    elif cursor.at("[{"):
        _range(cursor)
    elif match := cursor.match(_COMPARISON):
        cursor.emit("GREATERTHAN" if match[0][0] == ">" else "LESSTHAN", match[0])
        _bound(cursor)
    elif cursor.at("/"):
        cursor.refuse_regex()
    elif match := cursor.match(_WORD):
        _check_word(cursor, match[0])
        cursor.emit("TERM", match[0])
    elif cursor.at("\\"):
        cursor.refuse_backslash()
    else:
        hint = "write it right behind the colon: field:value, or field:* for any"
        cursor.refuse("the field has no value", hint, field)
    _check_end(cursor)


def _phrase(cursor: Cursor) -> None:
    if not (match := cursor.match(_PHRASE)):
        cursor.refuse("the quote isn't closed", r'close it with "; write \" for a quote in it')
    cursor.emit("PHRASE", match[0])


def _range(cursor: Cursor) -> None:
    cursor.emit("LBRACKET", cursor.next)
    cursor.skip_blank()
    _bound(cursor)
    if not (match := cursor.match(_TO)):
        cursor.skip_blank()
        _refuse_range(cursor)
    cursor.place = match.end()
    cursor.emit("TO", "TO")
    cursor.skip_blank()
    _bound(cursor)
    cursor.skip_blank()
    if not cursor.at("]}"):
        _refuse_range(cursor)
    cursor.emit("RBRACKET", cursor.next)


def _bound(cursor: Cursor) -> None:
    if cursor.at('"'):
        _phrase(cursor)
    elif match := cursor.match(_BOUND):
        cursor.emit("TERM", match[0])
    else:
        _refuse_range(cursor)


def _refuse_range(cursor: Cursor) -> NoReturn:
    cursor.refuse(
        "a range is not written so",
        "write field:[1 TO 5], field:{1 TO 5} without its ends, field:[1 TO *] or field:>=1",
    )


def _check_word(cursor: Cursor, word: str) -> None:
    """Refuse what Lucene gives another meaning in a word, or none."""
    plain = _ESCAPED.sub("\0\0", word)
    if match := _SUFFIX.search(plain):
        cursor.refuse_suffix(cursor.place + match.start())
    for operator in ("&&", "||"):
        if (at := plain.find(operator)) >= 0:
            hint = f"put blanks around it; {QUOTE}"
            cursor.refuse(f"{operator} stands in a value", hint, cursor.place + at)
    if len(word) > MAX_PATTERN and ("*" in plain or "?" in plain):
        cursor.refuse(
            f"a value with wildcards is longer than {MAX_PATTERN} characters",
            "ask for a shorter part: field:*part*",
        )


def _check_end(cursor: Cursor) -> None:
    """Refuse what sticks to the end of a value."""
    cursor.check_suffix()
    if cursor.is_at_end or cursor.at(")") or cursor.next.isspace():
        return
    if cursor.at("\\"):
        cursor.refuse_backslash()
    hint = rf"put a blank between terms; {QUOTE}; \" is a quote in it"
    cursor.refuse("the value should end here", hint)
