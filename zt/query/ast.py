"""What a question is once it is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["equals", "contains", "startswith", "endswith"]


@dataclass(frozen=True, slots=True)
class Term:
    """A field has a value that equals the text or has it as a part.

    Equality compares exactly, whatever the value's JSON type; parts compare folded text
    (`zt.crypto.fold`). Of an array one element is enough.
    """

    path: str
    operator: Operator
    text: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; no parts ask for everything."""

    parts: tuple[Node, ...]


Node = And | Term
EVERYTHING = And(())
