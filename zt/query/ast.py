"""What a question is once it is parsed.

A leaf asks whether a field has a value that fits. Of an array one element is enough, so `Not` of
a leaf says that no element fits. Of a field that is missing no leaf holds, and so `Not` of any
does. Questions concern canonical values (of a coarsened field the rounded ones), and a field's
path may be an alias of the profile: see `zt.query.aliases`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Operator = Literal["equals", "whole", "contains", "startswith", "endswith"]


@dataclass(frozen=True, slots=True)
class Term:
    """A field has a value that equals the text or has it as a part.

    Of a URI field `SIP:bob@Example.org:5060` equals `sip:bob@example.org`. Equality compares
    exactly, whatever the value's JSON type; a network as `192.0.2.0/24` equals every address in
    it, in fields of addresses. `whole` and parts compare folded text (`zt.crypto.fold`).
    """

    path: str
    operator: Operator
    text: str


class Wildcard(enum.Enum):
    """A piece of a pattern that stands for text."""

    ANY = "*"
    """Any run of characters, none too."""
    ONE = "?"
    """Exactly one code point of the folded text."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A field has a value whose whole text, folded, is made of these pieces, each text folded."""

    path: str
    pieces: tuple[str | Wildcard, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A field has a number or time between two bounds; None: without a bound there.

    Numbers are written as in JSON, times as in RFC 3339; which of the two is asked for says the
    field (`zt.query.ranges`). Only JSON numbers are numbers: no string of digits is in a range.
    """

    path: str
    low: str | None
    high: str | None
    includes_low: bool
    includes_high: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """A field has a value that can be asked for: a string, number or boolean."""

    path: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; no parts ask for everything."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; no parts ask for nothing."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


Leaf = Term | Pattern | Range | Exists
Node = And | Or | Not | Leaf

EVERYTHING = And(())
NOTHING = Or(())


def terms(node: Node) -> Iterator[Leaf]:
    """The leaves of a question, from left to right."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from terms(part)
        case Not(part):
            yield from terms(part)
        case _:
            yield node
