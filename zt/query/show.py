"""Leaves as people would write them."""

from __future__ import annotations

from zt.query.ast import Exists, Leaf, Pattern, Range, Term, Wildcard


def shown(leaf: Leaf) -> str:
    """A leaf in Lucene's syntax, for people to read."""
    match leaf:
        case Exists(path):
            return f"_exists_:{path}"
        case Range(path, low, high, includes_low, includes_high):
            first, last = "[" if includes_low else "{", "]" if includes_high else "}"
            return f"{path}:{first}{low or '*'} TO {high or '*'}{last}"
        case Pattern(path, pieces):
            return f"{path}:{''.join(p.value if isinstance(p, Wildcard) else p for p in pieces)}"
        case Term(path, operator, text):
            before = "*" if operator in ("contains", "endswith") else ""
            behind = "*" if operator in ("contains", "startswith") else ""
            return f"{path}:{before}{text}{behind}"
