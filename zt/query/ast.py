"""What a question is once it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Operator = Literal["equals", "whole", "contains", "startswith", "endswith"]


@dataclass(frozen=True, slots=True)
class Term:
    """A field has a value that equals the text or has it as a part.

    Questions concern canonical values: of a URI field `SIP:bob@Example.org:5060` equals
    `sip:bob@example.org`. Equality compares exactly, whatever the value's JSON type; a network
    as `192.0.2.0/24` equals every address in it, in fields of addresses. `whole` and parts
    compare folded text (`zt.crypto.fold`). Of an array one element is enough.
    """

    path: str
    operator: Operator
    text: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; no parts ask for everything."""

    parts: tuple[Node, ...]


Node = And | Term


def terms(node: Node) -> Iterator[Term]:
    """The terms of a question, from left to right."""
    if isinstance(node, Term):
        yield node
    else:
        for part in node.parts:
            yield from terms(part)


EVERYTHING = And(())
