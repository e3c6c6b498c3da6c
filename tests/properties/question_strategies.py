"""Random stores and what is asked of them: all drawn from the profiles, so most can be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from hypothesis import strategies as st
from properties import profile_strategies as made
from properties.event_strategies import Event
from properties.plain_refusals import Verdict, verdict
from support.independent.conventions import Json
from support.independent.envelopes import scalar_text
from support.independent.profiles import Profile

from analytics.wire import Metric, parse_time
from zt.query.ast import (
    EVERYTHING,
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
MOMENTS = [parse_time(time) for time in TIMES]
MINUTE = 60_000_000


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
    numbers = draw(st.lists(st.integers(0, epochs - 1), min_size=1, max_size=4))
    return [
        Batch(
            epoch,
            draw(st.sampled_from(profiles)),
            draw(st.lists(made.events(), min_size=1, max_size=5)),
        )
        for epoch in sorted(numbers)
    ]


# --- leaves --------------------------------------------------------------------------------------


def _texts(sort: str) -> st.SearchStrategy[str]:
    return st.sampled_from([scalar_text(value) for value in made.SORTS[sort]])


@st.composite
def _pieces(draw: st.DrawFn, sort: str, longest: int = 8) -> str:
    """A part of a value, perhaps spelled otherwise."""
    text = draw(_texts(sort))
    start = draw(st.integers(0, max(len(text) - 3, 0)) | st.just(0))
    part = text[start : start + draw(st.integers(3, longest))]
    return draw(st.sampled_from([part, part, part.upper(), text[-5:], "zzz"]))


@st.composite
def _terms(draw: st.DrawFn, path: str, sort: str) -> Term:
    if draw(st.booleans()):
        several = [_texts(sort)]
        if sort == "address":
            several += [st.sampled_from(NETWORKS)] * 2
        return Term(path, "equals", draw(st.one_of(several)))
    operators: list[Operator] = ["whole", "contains", "startswith", "endswith"]
    operator = draw(st.sampled_from(operators))
    text = draw(_texts(sort) if draw(st.booleans()) else _pieces(sort))
    return Term(path, operator, text)


@st.composite
def _patterns(draw: st.DrawFn, path: str, sort: str) -> Pattern:
    """Parts of values between wildcards, or a value in which some parts are wildcards."""
    wild = st.sampled_from(Wildcard)
    if draw(st.booleans()):
        text = draw(_texts(sort).filter(lambda text: 3 < len(text) < 1000))
        place = draw(st.integers(0, len(text) - 1))
        sign = draw(wild)
        taken = 1 if sign is Wildcard.ONE else draw(st.integers(0, 4))
        pieces: list[Any] = [text[:place], sign, text[place + taken :]]
    else:
        pieces = [draw(wild), draw(_pieces(sort)), draw(wild), draw(_pieces(sort)), draw(wild)]
        pieces = pieces[draw(st.integers(0, 1)) : len(pieces) - draw(st.integers(0, 1))]
    return Pattern(path, tuple(piece for piece in pieces if piece))


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

    @property
    def paths(self) -> st.SearchStrategy[str]:
        """Paths of fields, almost always of such that the cloud sees."""
        shown = st.sampled_from(self.shown or self.hidden)
        return _mostly(shown, st.sampled_from(self.hidden))


def _mostly(
    often: st.SearchStrategy[Any], seldom: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.integers(0, 30).flatmap(lambda number: often if number else seldom)


@st.composite
def texts_leaves(draw: st.DrawFn, asking: Asking, path: str) -> Term | Pattern:
    """A leaf on a field's text."""
    sort = asking.sort(path)
    return draw(st.one_of(_terms(path, sort), _terms(path, sort), _patterns(path, sort)))


@st.composite
def leaves(draw: st.DrawFn, asking: Asking) -> Leaf:
    """A leaf that can mostly be asked for."""
    aliases = st.sampled_from(asking.aliases) if asking.aliases else asking.paths
    names = st.one_of(asking.paths, asking.paths, aliases)
    leaf: Leaf
    for _ in range(4):
        path = draw(names)
        sort, kind = asking.sort(path), draw(st.integers(0, 5))
        if not kind:
            leaf = Exists(path)
        elif sort in ("number", "time") and kind > 2:
            leaf = draw(_ranges(path, sort))
        else:
            leaf = draw(texts_leaves(asking, path))
        if asking.is_answered(leaf) or not draw(st.integers(0, 60)):
            return leaf
    return Exists(path)


def trees(asking: Asking) -> st.SearchStrategy[Node]:
    """Conditions up to depth 4."""
    node: st.SearchStrategy[Node] = leaves(asking)
    for _ in range(3):
        parts = st.lists(node, max_size=3).map(tuple)
        node = st.one_of(leaves(asking), node.map(Not), parts.map(And), parts.map(Or))
    return node


@st.composite
def questions(draw: st.DrawFn, asking: Asking) -> Asked:
    """A question of any kind."""
    kind = draw(st.sampled_from(["search", "top", "measure", "measure", "values"]))
    if kind == "values":
        path = draw(asking.paths)
        return Asked("values", path=path, leaf=draw(st.none() | texts_leaves(asking, path)))
    ends = st.none() | st.none() | st.sampled_from(MOMENTS)
    where, since, until = draw(trees(asking)), draw(ends), draw(ends)
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
        by=tuple(draw(st.lists(asking.paths, max_size=2, unique=True))),
        figures=tuple(draw(st.lists(_figures(asking), min_size=1, max_size=4))),
        every=draw(st.none() | st.sampled_from([MINUTE, 60 * MINUTE, 7_000_000 * MINUTE])),
    )


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
