"""Random stores and what is asked of them: all drawn from the profiles, so most can be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from hypothesis import strategies as st
from properties import profile_strategies as made
from properties.event_strategies import Event
from properties.plain_answers import targets
from properties.plain_refusals import Verdict, verdict
from properties.plain_values import Sent
from support.independent.conventions import Json
from support.independent.envelopes import scalar_text
from support.independent.profiles import Profile

from analytics.wire import Metric, parse_time
from zt.query.ast import (
    EVERYTHING,
    NOTHING,
    And,
    Exists,
    Leaf,
    Node,
    Not,
    Operator,
    Or,
    Pattern,
    Range,
    Term,
    Wildcard,
)

NETWORKS = [
    "192.0.2.0/24", "192.0.2.0/25", "192.0.2.77/23", "192.0.0.0/16", "128.0.0.0/1", "0.0.0.0/0",
    "192.0.2.1/32", "::ffff:192.0.2.0/120", "2001:db8::/32", "2001:db8::/48", "2001:db8::/47",
    "2001:db8::1/128", "2000::/3", "::/0",
]  # fmt: skip
NUMBERS = ["0", "7", "99.5", "100", "150", "-100", "1e3", "9007199254740993", "1e300", "-0.0"]
TIMES = ["2026-11-23", "2026-11-24", "1970-01-01", "2026-11-23T10:00:00.000001Z"]
TIMES += ["2026-11-23T10:30:00Z", "2026-11-23T11:00:00Z", "2026-11-23T11:30:00Z"]
MINUTE = 60_000_000
_FIRST, _NEXT, _LAST = (parse_time(f"2026-11-{day}") for day in ("23T10:00:00.000001Z", "24", "25"))
SPANS = [(None, None)] * 10 + [(_FIRST, None), (None, _NEXT), (0, _NEXT), (_FIRST, _LAST)]
SPANS += [(_NEXT, None), (None, 0), (_NEXT, _NEXT)]
"""Since when and until when."""


class Batch(NamedTuple):
    """Events that were encrypted together."""

    epoch: int
    profile: Json
    events: list[Event]


@dataclass(frozen=True)
class Asked:
    """A question to a session.

    Attributes:
        kind: which of its methods answers.
        path: of `top` and `values`.
    """

    kind: Literal["search", "top", "measure", "values"]
    where: Node = EVERYTHING
    since: int | None = None
    until: int | None = None
    limit: int | None = None
    path: str = ""
    leaf: Term | Pattern | None = None
    by: tuple[str, ...] = ()
    figures: tuple[Metric, ...] = (Metric(kind="count"),)
    every: int | None = None

    @property
    def paths(self) -> list[str]:
        """The fields that are grouped by or measured."""
        named = (self.path, *self.by, *(figure.path for figure in self.figures))
        return [path for path in named if path]


@st.composite
def batches(draw: st.DrawFn, epochs: int) -> list[Batch]:
    """Up to four batches of events, in up to so many epochs, under one or two profiles."""
    profiles = [draw(made.profiles())]
    if draw(st.booleans()):
        profiles.append(draw(made.altered(profiles[0])))
    made_by = st.tuples(st.integers(0, epochs - 1), st.sampled_from(profiles))
    size = draw(st.sampled_from([1, 2, 3, 4]))
    several = draw(st.lists(made_by, min_size=size, max_size=size))
    several.sort(key=lambda each: each[0])
    return [Batch(epoch, profile, draw(_events())) for epoch, profile in several]


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    size = draw(st.sampled_from([1, 2, 4, 6]))
    return draw(st.lists(made.events(), min_size=size, max_size=size))


# --- leaves --------------------------------------------------------------------------------------

SELDOM = 31
"""One number of many, and not the least or greatest, which are drawn more often."""

Words = st.SearchStrategy[str]
"""Texts of values."""


@st.composite
def _pieces(draw: st.DrawFn, words: Words) -> str:
    """A part of a value, perhaps spelled otherwise."""
    text = draw(words)
    start = draw(st.integers(0, max(len(text) - 3, 0)) | st.just(0))
    part = text[start : start + draw(st.integers(3, 8))]
    return draw(st.sampled_from([part, part, part.upper(), text[-5:], text[:4], "zzz"]))


@st.composite
def _terms(draw: st.DrawFn, path: str, sort: str, words: Words) -> Term:
    operators: list[Operator] = ["equals", "whole", "contains", "startswith", "endswith"]
    operator = draw(st.sampled_from(operators))
    if operator == "equals" and sort == "address":
        return Term(path, operator, draw(words | st.sampled_from(NETWORKS)))
    is_whole = operator in ("equals", "whole") or not draw(st.integers(0, 3))
    return Term(path, operator, draw(words if is_whole else _pieces(words)))


@st.composite
def _patterns(draw: st.DrawFn, path: str, words: Words) -> Pattern:
    """A value in which some parts are wildcards; or a part of one between them."""
    text = draw(words)[:400]
    start = draw(st.integers(0, len(text)))
    if draw(st.booleans()):
        sign = draw(st.sampled_from(Wildcard))
        taken = 1 if sign is Wildcard.ONE else draw(st.integers(0, 4))
        pieces = [text[:start], sign, text[start + taken :]]
    else:
        end = start + draw(st.integers(1, 6))
        last = end + draw(st.integers(0, 9))
        outer = draw(st.sampled_from(["", Wildcard.ONE, Wildcard.ANY]))
        pieces = [Wildcard.ANY, text[start:end], Wildcard.ANY, text[last : last + 6], outer]
    return Pattern(path, tuple(piece for piece in pieces if piece) or (Wildcard.ANY,))


@st.composite
def _ranges(draw: st.DrawFn, path: str, sort: str) -> Range:
    ends = st.none() | st.sampled_from(TIMES if sort == "time" else NUMBERS)
    low, high = draw(ends), draw(ends)
    if low is None and high is None:
        low = draw(st.sampled_from(TIMES if sort == "time" else NUMBERS))
    includes = st.booleans()
    return Range(
        path, low, high, low is not None and draw(includes), high is not None and draw(includes)
    )


class Asking:
    """What can be asked of a store."""

    def __init__(self, stored: list[Batch]) -> None:
        self.profiles = [Profile(each.profile) for each in stored]
        self.sorts = dict(made.FIELDS)
        self.sorts |= dict.fromkeys([made.TIME], "time") | dict.fromkeys([made.RATE], "number")
        self.sorts |= {"from.host": "uri", "from.scheme": "text", "to.user": "uri"}
        self.sorts |= {"client.net": "address", "hour": "text"}
        self.hidden = sorted(self.sorts.keys() | {"serial"})
        self.shown = [path for path in sorted(self.sorts) if self.is_answered(Exists(path))]
        self.aliases = [path for path in sorted(made.ALIASES) if self.is_answered(Exists(path))]
        events = [Sent(0, event, Profile(each.profile)) for each in stored for event in each.events]
        self.words = {
            path: sorted({t for e in events for t in e.texts(path)}) for path in self.sorts
        }
        for alias in self.aliases:
            fields = {path for each in self.profiles for path in targets(alias, each)}
            self.words[alias] = sorted({text for path in fields for text in self.words[path]})
        self.filled = [path for path in self.shown if self.words[path]]
        self.measurable = [
            path
            for path in self.shown
            if all((p.rule_of(path) or {}).get("kind") in ("number", "time") for p in self.profiles)
        ]

    def is_answered(self, leaf: Node) -> bool:
        """Whether no part of the store may refuse."""
        return verdict(leaf, (), self.profiles, self.profiles) is Verdict.ANSWERED

    def sort(self, path: str) -> str:
        """The sort of values of a field or an alias."""
        return made.ALIASES.get(path) or self.sorts.get(path, "text")

    def texts(self, path: str) -> Words:
        """Texts for a field: mostly of its own values, or any of its sort."""
        of_sort = st.sampled_from([scalar_text(value) for value in made.SORTS[self.sort(path)]])
        own = st.sampled_from(self.words[path]) if self.words.get(path) else of_sort
        return st.one_of(own, own, own, of_sort)

    @property
    def paths(self) -> st.SearchStrategy[str]:
        """Paths of fields, almost always of such that the cloud sees, mostly with values."""
        shown = self.shown or self.hidden
        often = st.sampled_from(self.filled or shown)
        seldom = st.sampled_from(shown), st.sampled_from(self.hidden)
        return st.integers(0, 40).flatmap(
            lambda number: seldom[number % 2] if number in (SELDOM, SELDOM + 1) else often
        )


@st.composite
def text_leaves(draw: st.DrawFn, asking: Asking, path: str) -> Term | Pattern:
    """A leaf on a field's text."""
    words = asking.texts(path)
    terms = _terms(path, asking.sort(path), words)
    return draw(st.one_of(terms, terms, _patterns(path, words)))


@st.composite
def leaves(draw: st.DrawFn, asking: Asking) -> Leaf:
    """A leaf that can mostly be asked for."""
    aliases = st.sampled_from(asking.aliases) if asking.aliases else asking.paths
    names = st.one_of(asking.paths, asking.paths, aliases)
    sized = [*asking.measurable, *(alias for alias in asking.aliases if alias == "size")]
    leaf: Leaf
    for _ in range(4):
        path, kind = draw(names), draw(st.sampled_from([*["text"] * 4, "range", "exists"]))
        if kind == "exists":
            leaf = Exists(path)
        elif kind == "range" and sized:
            path = draw(st.sampled_from(sized))
            leaf = draw(_ranges(path, asking.sort(path)))
        else:
            leaf = draw(text_leaves(asking, path))
        if asking.is_answered(leaf) or draw(st.integers(0, 60)) == SELDOM:
            return leaf
    return Term(path, "equals", draw(asking.texts(path)))


def trees(asking: Asking) -> st.SearchStrategy[Node]:
    """Conditions up to depth 4."""
    node: st.SearchStrategy[Node] = leaves(asking)
    for _ in range(3):
        parts = st.lists(node, min_size=1, max_size=3).map(tuple)
        either = st.one_of(parts.map(Or), parts.map(Or), st.sampled_from([EVERYTHING, NOTHING]))
        node = st.one_of(leaves(asking), node.map(Not), parts.map(And), either)
    return node


@st.composite
def questions(draw: st.DrawFn, asking: Asking) -> Asked:
    """A question of any kind."""
    kind = draw(st.sampled_from(["search", "top", "measure", "measure", "values"]))
    if kind == "values":
        path = draw(asking.paths)
        return Asked("values", path=path, leaf=draw(st.none() | text_leaves(asking, path)))
    everything: st.SearchStrategy[Node] = st.just(EVERYTHING)
    where = draw(trees(asking) if kind == "search" else trees(asking) | everything)
    since, until = draw(st.sampled_from(SPANS))
    limit = draw(st.none() | st.integers(1, 4))
    if kind == "search":
        return Asked("search", where, since, until, limit)
    if kind == "top":
        return Asked("top", where, since, until, limit, path=draw(asking.paths))
    return Asked(
        "measure",
        where,
        since,
        until,
        by=draw(st.sampled_from([0, 1, 1, 2]).flatmap(lambda n: _several(asking.paths, n))),
        figures=draw(st.sampled_from([1, 3, 4]).flatmap(lambda n: _several(_figures(asking), n))),
        every=draw(st.none() | st.sampled_from([MINUTE, 60 * MINUTE, 7_000_000 * MINUTE])),
    )


def _several(one: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, min_size=size, max_size=size, unique=True).map(tuple)


@st.composite
def _figures(draw: st.DrawFn, asking: Asking) -> Metric:
    """A figure of a group; numbers and times are measured where they are such."""
    plain: list[Any] = ["count", "events", "first", "last", "distinct"]
    numeric: list[Any] = ["sum", "avg", "min", "max"]
    kind = draw(st.sampled_from(plain + numeric if asking.measurable else plain))
    if kind in numeric:
        return Metric(kind=kind, path=draw(st.sampled_from(asking.measurable)))
    return Metric(kind=kind, path=draw(asking.paths) if kind == "distinct" else None)


@st.composite
def cases(draw: st.DrawFn, epochs: int, size: int) -> tuple[list[Batch], list[Asked]]:
    """What is in a store, and so many questions to it."""
    stored = draw(batches(epochs))
    asked = questions(Asking(stored))
    return stored, draw(st.lists(asked, min_size=size, max_size=size))
