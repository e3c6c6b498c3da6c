"""When a question may be refused: told from a profile, apart from the compiler."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Sequence

from properties.plain_answers import Network, holds_addresses, network, targets
from support.independent.conventions import Json
from support.independent.grammars import parse_time
from support.independent.profiles import Profile
from support.independent.schemes import SHOWN_AS_IS
from support.independent.tokens import fold

from zt.query.ast import And, Exists, Leaf, Node, Not, Or, Pattern, Range, Term

GRAM = 3


class Verdict(enum.IntEnum):
    """Whether a question has an answer; the larger one of two decides for both."""

    ANSWERED = 0
    EITHER = 1
    """A cleverer compiler could answer it; then the answer must be right."""
    REFUSED = 2


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves of a question."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield node


def verdict(
    node: Node, paths: Iterable[str], stored: Sequence[Profile], met: Sequence[Profile]
) -> Verdict:
    """Whether a question may be refused.

    Args:
        node: its condition.
        paths: fields that it groups by or measures.
        stored: the profiles of all events in the store.
        met: those of the events in its range of time: a compiler may leave out the others, and
            stop before it comes to all of these. What none of them can answer it must refuse.
    """
    asked = [[_leaf(leaf, profile) for profile in stored] for leaf in leaves(node)]
    asked += [[_shown(path, profile) for profile in stored] for path in paths]
    if any(min(each) is Verdict.REFUSED for each in asked) and met:
        return Verdict.REFUSED
    return Verdict.EITHER if any(map(any, asked)) else Verdict.ANSWERED


def _shown(path: str, profile: Profile) -> Verdict:
    return Verdict.ANSWERED if profile.is_shown(path) else Verdict.REFUSED


def _leaf(leaf: Leaf, profile: Profile) -> Verdict:
    """The worst that one of its fields says."""
    return max(_field(leaf, path, profile) for path in targets(leaf.path, profile))


def _field(leaf: Leaf, path: str, profile: Profile) -> Verdict:
    rule = profile.rule_of(path)
    if rule is None or not profile.is_shown(path):
        return Verdict.REFUSED
    match leaf:
        case Exists():
            return Verdict.ANSWERED
        case Range(_, low, high):
            ends = [end for end in (low, high) if end is not None]
            return _when(all(_is_end(end, rule.get("kind")) for end in ends))
        case Term(_, "equals", text):
            asked = network(text) if holds_addresses(rule) else None
            return Verdict.ANSWERED if asked is None else _network(asked, rule)
    if rule["scheme"] in SHOWN_AS_IS:
        return Verdict.ANSWERED
    if rule["scheme"] == "coarsen":
        return Verdict.EITHER
    return _text(leaf, rule.get("search", ()))


def _text(leaf: Term | Pattern, kinds: Sequence[str]) -> Verdict:
    """Whether a field's tokens narrow down what has a part or a pattern."""
    if not kinds:
        return Verdict.REFUSED
    if isinstance(leaf, Pattern):
        runs = [fold(piece) for piece in leaf.pieces if isinstance(piece, str)]
        helped = "gram" in kinds and any(len(run) >= GRAM for run in runs)
        return Verdict.ANSWERED if helped else Verdict.EITHER
    has_gram = "gram" in kinds and len(fold(leaf.text)) >= GRAM
    has_whole = leaf.operator == "whole" and "whole" in kinds
    begins = leaf.operator == "startswith" and "prefix" in kinds and _begins_a_number(leaf.text)
    return _when(has_gram or has_whole or begins)


def _network(asked: Network, rule: Json) -> Verdict:
    """Whether a field's addresses can be told by networks of that length."""
    if rule["scheme"] in SHOWN_AS_IS or rule.get("mode") == "pfx":
        return Verdict.ANSWERED
    if not rule.get("search"):
        return Verdict.REFUSED
    shortest = 8 if len(asked.first) == 4 else 32
    helped = "net" in rule["search"] and asked.bits >= shortest
    return Verdict.ANSWERED if helped else Verdict.EITHER


def _begins_a_number(text: str) -> bool:
    return re.match(r"\+?[0-9]", fold(text)) is not None


def _is_end(text: str, kind: str | None) -> bool:
    if kind == "time":
        return parse_time(text) is not None
    return kind == "number" and re.fullmatch(r"[+-]?[0-9.]+(?:e[+-]?[0-9]+)?", text) is not None


def _when(answered: bool) -> Verdict:
    return Verdict.ANSWERED if answered else Verdict.REFUSED
