"""Evaluating questions on opened events: what the edge checks because it believes nothing.

Events come as `OpenedEvent.view` has them: values in canonical form, derived fields in place.
"""

from __future__ import annotations

from typing import Any

from analytics.wire import scalar_text
from zt.crypto.fold import fold
from zt.encoder.fields import FieldPlan
from zt.encoder.plan import Plan
from zt.query.ast import And, Node, Term
from zt.values.address import Network, parse_address, parse_network
from zt.values.paths import values_at


def texts_at(view: dict[str, Any], path: str) -> list[str]:
    """The texts of an event's values at a dotted path: none, one, or one for each element."""
    items = [
        item
        for value in values_at(view, path)
        for item in (value if isinstance(value, list) else [value])
    ]
    return [text for item in items if (text := scalar_text(item)) is not None]


def matches(node: Node, view: dict[str, Any], plan: Plan) -> bool:
    """Whether an event, encrypted under a plan and opened, is what the question asks for."""
    if isinstance(node, And):
        return all(matches(part, view, plan) for part in node.parts)
    field = plan.field(node.path)
    return any(text_matches(node, text, field) for text in texts_at(view, node.path))


def text_matches(term: Term, text: str, field: FieldPlan | None) -> bool:
    """Whether the text of a canonical value of a field is what the term asks for."""
    if term.operator == "equals":
        if field is None:
            return text == term.text
        if network := asked_network(term, field):
            address = parse_address(text)
            return address is not None and address in network
        return text == scalar_text(field.canonical(term.text))
    value, needle = fold(text), fold(term.text)
    match term.operator:
        case "whole":
            return value == needle
        case "contains":
            return needle in value
        case "startswith":
            return value.startswith(needle)
        case "endswith":
            return value.endswith(needle)


def asked_network(term: Term, field: FieldPlan) -> Network | None:
    """The network that a term of equality asks for, None if it asks for a value as such."""
    holds_addresses = field.rule.column_kind == "ip" or "net" in field.rule.search
    return parse_network(term.text) if holds_addresses else None
