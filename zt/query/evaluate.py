"""Evaluating questions on opened events: what the edge checks because it believes nothing."""

from __future__ import annotations

from typing import Any

from analytics.wire import scalar_text
from zt.crypto.fold import fold
from zt.query.ast import And, Node, Term


def texts_at(event: dict[str, Any], path: str) -> list[str]:
    """The texts of an event's values at a dotted path: none, one, or one for each element."""
    items = [
        item
        for value in _values_at(event, path)
        for item in (value if isinstance(value, list) else [value])
    ]
    return [text for item in items if (text := scalar_text(item)) is not None]


def matches(node: Node, event: dict[str, Any]) -> bool:
    """Whether a plaintext event is what the question asks for."""
    if isinstance(node, And):
        return all(matches(part, event) for part in node.parts)
    return any(text_matches(node, text) for text in texts_at(event, node.path))


def text_matches(term: Term, text: str) -> bool:
    """Whether one text is what the term asks for."""
    if term.operator == "equals":
        return text == term.text
    value, needle = fold(text), fold(term.text)
    match term.operator:
        case "contains":
            return needle in value
        case "startswith":
            return value.startswith(needle)
        case "endswith":
            return value.endswith(needle)


def _values_at(branch: dict[str, Any], path: str) -> list[Any]:
    """The values at a path, whichever mixture of nested and dotted keys leads there."""
    found = []
    for key, value in branch.items():
        if key == path:
            found.append(value)
        elif isinstance(value, dict) and path.startswith(key + "."):
            found += _values_at(value, path[len(key) + 1 :])
    return found
