"""The plain reference: what a question's answer is, told over plaintext events by loops.

It shares nothing with the product's compiler, evaluator and merge but the classes of the tree:

- A question concerns canonical values of fields that the cloud sees (`plain_values`).
- Of an array one element is enough. NOT of a leaf says that no element fits, so it holds for an
  event without the field; what is shown but can't be asked for counts as absent.
- An alias stands for any of its fields.
- Equality is exact, and takes a word for whatever JSON scalar is spelled so, in the field's
  canonical form. In fields of addresses a network equals every address in it, and nothing else.
- Parts, `whole` and patterns compare folded text.
- Ranges take JSON numbers as binary64, and times in microseconds, of clear and coarsened fields
  of that kind: neither digits in a string nor what could not be coarsened. A date is its day.
- An event counts in a group only if it has a value for each grouped field, with an array in the
  group of each distinct element. Groups go by text: protected, 1 and "1" are two elements that
  add up in one group.
- `count` weighs events by what the probe suppressed, the other figures do not; `distinct` counts
  texts; an array's elements of one text are measured once; `first` and `last` are times of events.
- Histograms go by floor(time / interval); without a time an event is in no bucket and no range.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

from properties.plain_values import Sent, Value, address_of, masked, measure, value_of
from support.independent.conventions import Json, read_json
from support.independent.envelopes import scalar_text
from support.independent.grammars import DAY, parse_time
from support.independent.profiles import Profile
from support.independent.tokens import fold

from analytics.wire import Metric
from zt.query.ast import And, Exists, Leaf, Node, Not, Or, Pattern, Range, Term, Wildcard

Figure = int | float | None


class Network(NamedTuple):
    """The addresses that begin with the first bits of one."""

    first: bytes
    bits: int

    def has(self, address: bytes | None) -> bool:
        """Whether an address, of either family or none, is in it."""
        if address is None or len(address) != len(self.first):
            return False
        return masked(address, self.bits) == masked(self.first, self.bits)


def network(text: str) -> Network | None:
    """The network that a text names; one of IPv4-mapped addresses is one of IPv4."""
    spelled, slash, length = text.partition("/")
    mapped, first = ":" in spelled, address_of(spelled)
    if not slash or not re.fullmatch("[0-9]+", length) or first is None:
        return None
    bits = int(length)
    if mapped and len(first) == 4:
        bits -= 96
    return Network(first, bits) if 0 <= bits <= 8 * len(first) else None


def holds_addresses(rule: Json) -> bool:
    """Whether a network is a network in this field, and not a text like others."""
    return rule["scheme"] == "ip" or rule.get("kind") == "ip" or "net" in rule.get("search", ())


# --- which events ------------------------------------------------------------------------------


def holds(node: Node, sent: Sent) -> bool:
    """Whether an event is asked for."""
    match node:
        case And(parts):
            return all(holds(part, sent) for part in parts)
        case Or(parts):
            return any(holds(part, sent) for part in parts)
        case Not(part):
            return not holds(part, sent)
    return any(
        fits(node, sent.profile.rule_of(path) or {}, value, form)
        for path in targets(node.path, sent.profile)
        for value, form in sent.values(path).items()
    )


def targets(path: str, profile: Profile) -> list[str]:
    """The fields that a path names."""
    found: list[str] = profile.content.get("aliases", {}).get(path, [path])
    return found


def fits(leaf: Leaf, rule: Json, value: Value, form: Any) -> bool:
    """Whether a canonical value of a field is what a leaf asks for."""
    match leaf:
        case Exists():
            return True
        case Pattern(_, pieces):
            return _is_made_of(fold(value.text), pieces)
        case Range():
            measured = measure(rule, value, form)
            return measured is not None and _within(leaf, measured, rule["kind"])
        case Term(_, "equals", text):
            if holds_addresses(rule) and (asked := network(text)):
                return asked.has(address_of(form))
            return value in {value_of(rule, meant)[0] for meant in _meanings(text)}
    text, needle = fold(value.text), fold(leaf.text)
    return {
        "whole": text == needle,
        "contains": needle in text,
        "startswith": text.startswith(needle),
        "endswith": text.endswith(needle),
    }[leaf.operator]


def _meanings(text: str) -> list[Any]:
    """The JSON scalars that a word may be."""
    try:
        scalar = read_json(text.encode())
    except ValueError:
        return [text]
    is_one = isinstance(scalar, bool | int | float) and scalar_text(scalar) == text
    return [text, scalar] if is_one else [text]


def _is_made_of(text: str, pieces: Sequence[str | Wildcard]) -> bool:
    """Whether a text is these pieces in a row, told by all places where each may end."""
    ends = {0}
    for piece in pieces:
        if piece is Wildcard.ANY:
            ends = set(range(min(ends), len(text) + 1)) if ends else set()
        elif piece is Wildcard.ONE:
            ends = {end + 1 for end in ends if end < len(text)}
        else:
            part = fold(piece)
            ends = {end + len(part) for end in ends if text.startswith(part, end)}
    return len(text) in ends


def _within(leaf: Range, measured: float, kind: str) -> bool:
    edges = {"number": _number, "time": _moments}[kind]
    if leaf.low is not None:
        first, last = edges(leaf.low)
        if not (measured >= first if leaf.includes_low else measured > last):
            return False
    if leaf.high is not None:
        first, last = edges(leaf.high)
        return measured <= last if leaf.includes_high else measured < first
    return True


def _number(text: str) -> tuple[float, float]:
    return float(text), float(text)


def _moments(text: str) -> tuple[float, float]:
    moment = parse_time(text)
    assert moment is not None
    return moment, moment + DAY - 1 if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else moment


def chosen(
    events: Sequence[Sent], where: Node, since: int | None = None, until: int | None = None
) -> list[Sent]:
    """The events that a question asks for."""
    found = [sent for sent in events if holds(where, sent)]
    if since is not None:
        found = [sent for sent in found if sent.time is not None and sent.time >= since]
    if until is not None:
        found = [sent for sent in found if sent.time is not None and sent.time < until]
    return found


# --- what of them ------------------------------------------------------------------------------

Groups = dict[tuple[tuple[str, ...], int | None], tuple[Figure, ...]]
"""Figures by the texts of the grouped fields and the start of the bucket."""


def measured(
    events: Sequence[Sent], by: Sequence[str], figures: Sequence[Metric], every: int | None
) -> Groups:
    """The groups of events with their figures; ungrouped ones are one group, if there are none too.

    An event that falls into a group twice is measured there twice.
    """
    groups: dict[tuple[tuple[str, ...], int | None], list[Sent]] = {}
    if not by and every is None:
        groups[(), None] = []
    for sent in events:
        if every is not None and sent.time is None:
            continue
        bucket = None if every is None or sent.time is None else sent.time // every * every
        for values in product(*(sent.values(path) for path in by)):
            key = tuple(value.text for value in values)
            groups.setdefault((key, bucket), []).append(sent)
    return {
        place: tuple(figure(metric, own) for metric in figures) for place, own in groups.items()
    }


def figure(metric: Metric, events: Sequence[Sent]) -> Figure:
    """One figure of a group; None: nothing to measure."""
    path = metric.path or ""
    times = [sent.time for sent in events if sent.time is not None]
    numbers = [number for sent in events for number in sent.measures(path)] if path else []
    figures: dict[str, Callable[[], Figure]] = {
        "count": lambda: sum(sent.weight for sent in events),
        "events": lambda: len(events),
        "distinct": lambda: len({text for sent in events for text in sent.texts(path)}),
        "first": lambda: min(times, default=None),
        "last": lambda: max(times, default=None),
        "sum": lambda: sum(numbers) if numbers else None,
        "avg": lambda: sum(numbers) / len(numbers) if numbers else None,
        "min": lambda: min(numbers, default=None),
        "max": lambda: max(numbers, default=None),
    }
    return figures[metric.kind]()


def totals(events: Sequence[Sent], path: str) -> Counter[str]:
    """The weight of the events that have each value of a field."""
    found: Counter[str] = Counter()
    for sent in events:
        for value in sent.values(path):
            found[value.text] += sent.weight
    return found


def occurring(events: Sequence[Sent], path: str, leaf: Term | Pattern | None) -> set[str]:
    """The texts of a field's values, those that fit a leaf if there is one."""
    return {
        value.text
        for sent in events
        for value, form in sent.values(path).items()
        if leaf is None or fits(leaf, sent.profile.rule_of(path) or {}, value, form)
    }
