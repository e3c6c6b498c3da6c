"""A place in a question that moves on with each token, and how what stands there is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from luqum.head_tail import TokenValue
from luqum.tree import Phrase, Word

from zt.errors import QueryError
from zt.query.lucene.limits import MAX_TOKENS, refused

QUOTE = 'if it is meant as text, put the value in quotes: field:"..."'

_BLANK = re.compile(r"\s*")


@dataclass(slots=True)
class Token:
    """A token as luqum's parser takes it; `lineno` and `lexer` are for its own use."""

    type: str
    value: Word | Phrase | TokenValue
    lexpos: int
    lineno: int = 1
    lexer: object = None


@dataclass(slots=True)
class Cursor:
    """Walks over a question.

    Attributes:
        question: the text.
        place: how many of its characters lie behind.
        tokens: what they were cut into.
    """

    question: str
    place: int = 0
    tokens: list[Token] = field(default_factory=list)

    @property
    def is_at_end(self) -> bool:
        """Whether nothing follows."""
        return self.place >= len(self.question)

    @property
    def next(self) -> str:
        """The next character; empty at the end."""
        return self.question[self.place : self.place + 1]

    def at(self, characters: str) -> bool:
        """Whether one of these characters follows."""
        return not self.is_at_end and self.question[self.place] in characters

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What a pattern finds here."""
        return pattern.match(self.question, self.place)

    def skip_blank(self) -> None:
        """Go on to what is no blank."""
        if blank := self.match(_BLANK):
            self.place = blank.end()

    def emit(self, kind: str, text: str) -> None:
        """Take the text that follows as a token, and go on behind it."""
        self.insert(kind, text)
        self.place += len(text)

    def insert(self, kind: str, text: str) -> None:
        """Add a token that the question means here.

        Raises:
            QueryError: there are too many.
        """
        if len(self.tokens) >= MAX_TOKENS:
            raise QueryError(f"the question has more than {MAX_TOKENS} parts", "ask a shorter one")
        value = {"TERM": Word, "PHRASE": Phrase}.get(kind, TokenValue)(text)
        value.pos, value.size = self.place, len(text)
        self.tokens.append(Token(kind, value, self.place))

    def refuse(self, reason: str, hint: str, place: int | None = None) -> NoReturn:
        """Refuse the question for what stands here, or at another place."""
        raise refused(self.question, self.place if place is None else place, reason, hint)

    def refuse_backslash(self) -> NoReturn:
        """A backslash is the last character."""
        self.refuse("nothing follows the backslash", r"write \\ for a backslash itself")

    def refuse_regex(self) -> NoReturn:
        """A word begins with a slash."""
        self.refuse("regular expressions (/) are not understood", f"use wildcards; {QUOTE}")

    def check_suffix(self) -> None:
        """Refuse what Lucene lets follow a value or parenthesis, and has no meaning here."""
        if self.at("~^"):
            self.refuse_suffix(self.place)

    def refuse_suffix(self, place: int) -> NoReturn:
        """A `~` or `^` ends a word."""
        if self.question[place] == "~":
            reason, instead = "fuzzy words (~) are not understood", "use wildcards: field:*part*"
        else:
            reason, instead = "boosts (^) are not understood", "leave it out: nothing is ranked"
        self.refuse(reason, f"{instead}; {QUOTE}", place)
