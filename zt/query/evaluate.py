"""Evaluating questions on opened events: what the edge checks because it believes nothing.

Events come as `OpenedEvent.view` has them: values in canonical form, derived fields in place.
What the cloud can't see of a visible field (arrays with objects in them, values above 8 KiB in
encrypted fields) is absent here too, or a question with NOT would have two answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from analytics.wire import RATE_PATH, as_weight, decode_json, scalar_text
from zt.crypto.fold import fold
from zt.encoder.fields import FieldPlan, same_scalar
from zt.encoder.plan import Plan
from zt.encoder.shapes import HIDDEN, entry_of
from zt.query.aliases import targets
from zt.query.ast import And, Exists, Leaf, Node, Not, Or, Pattern, Range, Term
from zt.query.patterns import matcher
from zt.query.ranges import as_comparable, range_bounds
from zt.schemes.base import UnfitError
from zt.values.address import Network, parse_address, parse_network
from zt.values.paths import values_at


def texts_at(view: dict[str, Any], path: str) -> list[str]:
    """The texts of an event's values at a dotted path: none, one, or one for each element."""
    items = _scalars(values_at(view, path))
    return [text for item in items if (text := scalar_text(item)) is not None]


def weight(event: dict[str, Any]) -> int:
    """How many events this one stands for: itself and those that the probe suppressed."""
    suppressed = list(values_at(event, RATE_PATH))
    return as_weight(suppressed[0]) if len(suppressed) == 1 else 1


def matches(node: Node, view: dict[str, Any], plan: Plan) -> bool:
    """Whether an event, encrypted under a plan and opened, is what the question asks for.

    Raises:
        QueryError: a range is asked of a field that has none.
        GrantError: a reader ring does not open a field that is asked for.
    """
    match node:
        case And(parts):
            return all(matches(part, view, plan) for part in parts)
        case Or(parts):
            return any(matches(part, view, plan) for part in parts)
        case Not(part):
            return not matches(part, view, plan)
    return any(
        value_matches(node, value, field)
        for path in targets(node.path, plan.profile)
        for field in [plan.field(path)]
        for value in askable(view, path, field)
    )


def value_matches(leaf: Leaf, value: Any, field: FieldPlan | None) -> bool:
    """Whether a scalar, a canonical value of a field, is what a leaf asks for.

    Raises:
        QueryError: a range is asked of a field that has none.
    """
    if isinstance(leaf, Range):
        bounds = range_bounds(leaf, field.rule.column_kind if field else "keyword")
        number = None if field is None else comparable(value, field)
        return number is not None and bounds.holds(number)
    text = scalar_text(value)
    if text is None or not text_matches(leaf, text, field):
        return False
    if isinstance(leaf, Term) and leaf.operator == "equals" and field and field.fallback:
        # a string stays as it is where a number of that text is rounded
        return asked_network(leaf, field) is not None or any(
            same_scalar(value, field.canonical(meant)) for meant in spelled(leaf.text)
        )
    return True


def text_matches(leaf: Term | Pattern | Exists, text: str, field: FieldPlan | None) -> bool:
    """Whether the text of a canonical value of a field is what the leaf asks for."""
    if isinstance(leaf, Exists):
        return True
    if isinstance(leaf, Pattern):
        return matcher(leaf.pieces).fits(fold(text))
    if leaf.operator == "equals":
        if field is None:
            return text == leaf.text
        if network := asked_network(leaf, field):
            address = parse_address(text)
            return address is not None and address in network
        return text in {scalar_text(field.canonical(value)) for value in spelled(leaf.text)}
    value, needle = fold(text), fold(leaf.text)
    match leaf.operator:
        case "whole":
            return value == needle
        case "contains":
            return needle in value
        case "startswith":
            return value.startswith(needle)
        case "endswith":
            return value.endswith(needle)


@lru_cache(maxsize=1024)
def spelled(text: str) -> tuple[Any, ...]:
    """The JSON scalars that have this text: a string, perhaps a number or a boolean besides.

    A field's canonical form may depend on which of them it is: only numbers are rounded.
    """
    with suppress(ValueError):
        value = decode_json(text.encode())
        if not isinstance(value, str) and scalar_text(value) == text:
            return text, value
    return (text,)


def comparable(value: Any, field: FieldPlan) -> int | float | None:
    """The number, or the time in microseconds, by which the cloud compares a canonical value.

    None for what is no number or time, and for ciphertexts of what the field's scheme can't take:
    of whole numbers from 2^63 on there is no coarse one.
    """
    try:
        field.scheme.canonical(value)
    except UnfitError:
        return None
    return as_comparable(value, field.rule.column_kind)


def askable(view: dict[str, Any], path: str, field: FieldPlan | None) -> Iterator[Any]:
    """The scalars at a path that the cloud can be asked for."""
    values = values_at(view, path)
    if field is None:
        return _scalars(values)
    return _scalars(value for value in values if entry_of(field, value) != HIDDEN)


def _scalars(values: Iterator[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def asked_network(term: Term, field: FieldPlan) -> Network | None:
    """The network that a term of equality asks for, None if it asks for a value as such."""
    holds_addresses = field.rule.column_kind == "ip" or "net" in field.rule.search
    return parse_network(term.text) if holds_addresses else None
