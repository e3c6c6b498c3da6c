"""Questions to a store and their answers: the filter language, queries, look-ups and rows.

A question is compiled at the edge for one epoch and one profile at a time; `kid` and `profile`
are part of every query because ciphertexts of two epochs may coincide by chance. All times are
microseconds since 1970.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from analytics.wire.models import MAX_TOKENS, Bytes16, Keyspace, Kid, Path, Token, WireModel

MAX_FILTER_DEPTH = 32
MAX_FILTER_NODES = 4096

MAX_FILTER_TEXTS = 1_000_000
"""Texts and tokens in all of a filter: some 70 MB of ciphertexts."""

MAX_LOOKUP_CTS = 100_000
"""Ciphertexts in one look-up; a caller with more of them asks several times."""

MAX_LOOKUP_GROUPS = 1024
"""Alternatives in one look-up by tokens."""

Time = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class AllOf(WireModel):
    """Every part holds. No parts: everything."""

    op: Literal["all"] = "all"
    parts: tuple[Filter, ...]


class AnyOf(WireModel):
    """At least one part holds. No parts: nothing."""

    op: Literal["any"] = "any"
    parts: tuple[Filter, ...]


class Not(WireModel):
    """The part does not hold."""

    op: Literal["not"] = "not"
    part: Filter


class Eq(WireModel):
    """The column has this text (of an array: one element has it)."""

    op: Literal["eq"] = "eq"
    path: Path
    value: str


class In(WireModel):
    """The column has one of these texts."""

    op: Literal["in"] = "in"
    path: Path
    values: tuple[str, ...]


class TokensAll(WireModel):
    """The column's value has a record of this keyspace and search list with all these tokens."""

    op: Literal["tokens_all"] = "tokens_all"
    path: Path
    keyspace: Keyspace
    search: Bytes16
    tokens: Annotated[tuple[Token, ...], Field(min_length=1)]


class Exists(WireModel):
    """The column has a value."""

    op: Literal["exists"] = "exists"
    path: Path


class Range(WireModel):
    """A `number` or `time` column lies in the half-open range; a missing bound is open.

    Times are microseconds. At least one bound is given.
    """

    op: Literal["range"] = "range"
    path: Path
    gte: int | float | None = None
    lt: int | float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Range:
        if self.gte is None and self.lt is None:
            raise ValueError("a range needs a bound")
        return self


class PrefixRange(WireModel):
    """An `ip` column lies in `low..high`, both included; v4 and v6 never mix."""

    op: Literal["prefix_range"] = "prefix_range"
    path: Path
    low: str
    high: str


Filter = Annotated[
    AllOf | AnyOf | Not | Eq | In | TokensAll | Exists | Range | PrefixRange,
    Field(discriminator="op"),
]


class Metric(WireModel):
    """One figure for each group.

    `count` is the sum of the events' weights (`1 + rate.ex_diff`), `events` their plain number;
    the others need a path. `distinct` counts texts, `values` the numbers or times that `avg` is
    taken over, `first` and `last` are times of events.
    """

    kind: Literal[
        "count", "events", "distinct", "values", "sum", "avg", "min", "max", "first", "last"
    ]
    path: Path | None = None

    @model_validator(mode="after")
    def _path_where_needed(self) -> Metric:
        needs_path = self.kind in ("distinct", "values", "sum", "avg", "min", "max")
        if needs_path != (self.path is not None):
            raise ValueError(f"metric {self.kind} {'needs a' if needs_path else 'takes no'} path")
        return self


class After(WireModel):
    """Where the page before ended: the key and the bucket of its last row."""

    key: tuple[str, ...]
    bucket: Time | None = None


class Query(WireModel):
    """Group, count and measure the events of one epoch and profile.

    Events outside `[since, until)` do not count, nor do those without a time where a bound is
    given. An event counts in a group only if it has a value for every path in `group_by`; with
    an array it counts once in the group of each distinct element. `interval` (microseconds)
    makes a histogram: the bucket's start joins the group key. `limit` None means all groups.

    Rows come by the first metric, largest first, then by key. With `order` "key" they come by key
    alone, then by bucket, texts in the order of their code points; then `after` leaves out what
    is not greater than the last row of the page before. Pages are complete: a group that is there
    all the time is on exactly one of them, whatever is ingested meanwhile.
    """

    kid: Kid
    profile: Bytes16
    since: Time | None = None
    until: Time | None = None
    filter: Filter = AllOf(parts=())
    group_by: tuple[Path, ...] = ()
    metrics: tuple[Metric, ...] = (Metric(kind="count"),)
    interval: Annotated[int, Field(gt=0)] | None = None
    limit: Annotated[int, Field(gt=0)] | None = None
    order: Literal["metric", "key"] = "metric"
    after: After | None = None

    @model_validator(mode="after")
    def _page_of_this_query(self) -> Query:
        if self.after is None:
            return self
        if self.order != "key":
            raise ValueError("`after` needs the order by key")
        if len(self.after.key) != len(self.group_by):
            raise ValueError("the key of `after` has not a text for each field of `group_by`")
        if (self.after.bucket is None) != (self.interval is None):
            raise ValueError("`after` has a bucket exactly where there is an interval")
        if not self.group_by and self.interval is None:
            raise ValueError("an answer of one row has no pages")
        return self


class Row(NamedTuple):
    """One group of an answer; `metrics` in the order of the query's. None: no value to measure.

    No model, because answers have a hundred thousand rows: making these as models took longer
    than grouping five million events.
    """

    key: tuple[str, ...]
    metrics: tuple[int | float | None, ...]
    bucket: int | None = None
    """Microseconds since 1970 at which the interval begins; None without intervals."""


class Selection(WireModel):
    """Ask for whole events, newest first (or oldest first), of one epoch and profile."""

    kid: Kid
    profile: Bytes16
    since: Time | None = None
    until: Time | None = None
    filter: Filter = AllOf(parts=())
    limit: Annotated[int, Field(gt=0)] | None = None
    newest_first: bool = True


class Lookup(WireModel):
    """Ask the value dictionary of one epoch and keyspace, in one of four ways.

    By `tokens`: every record of the `search` list that has all of them. By `any_of`: every record
    of that list that has all tokens of at least one of these groups. By `cts`: the records of
    these ciphertexts. By `every`: all records. The last two mean any search list where `search`
    is None. A look-up that names nothing is refused: nothing must not mean everything.
    """

    kid: Kid
    keyspace: Keyspace
    search: Bytes16 | None = None
    tokens: Annotated[tuple[Token, ...], Field(max_length=MAX_TOKENS)] = ()
    any_of: Annotated[
        tuple[Annotated[tuple[Token, ...], Field(min_length=1)], ...],
        Field(max_length=MAX_LOOKUP_GROUPS),
    ] = ()
    cts: Annotated[tuple[str, ...], Field(max_length=MAX_LOOKUP_CTS)] = ()
    every: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Lookup:
        if sum(map(bool, (self.tokens, self.any_of, self.cts, self.every))) != 1:
            raise ValueError("a look-up goes either by tokens or by ciphertexts or takes all")
        if (self.tokens or self.any_of) and self.search is None:
            raise ValueError("a look-up by tokens names its search list")
        if sum(map(len, self.any_of)) > MAX_TOKENS:
            raise ValueError("the groups have too many tokens together")
        return self

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The groups of tokens one of which a record must have all of; none for other ways."""
        return (self.tokens,) if self.tokens else self.any_of


def check_filter(root: Filter) -> None:
    """Refuse filters that would cost more to walk than any real question needs.

    Raises:
        ValueError: when the filter is deeper or larger than the limits of this module.
    """
    nodes, texts, stack = 0, 0, [(root, 1)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if isinstance(node, In):
            texts += len(node.values)
        elif isinstance(node, TokensAll):
            texts += len(node.tokens)
        if depth > MAX_FILTER_DEPTH or nodes > MAX_FILTER_NODES or texts > MAX_FILTER_TEXTS:
            raise ValueError("the filter is too deep or too large")
        if isinstance(node, AllOf | AnyOf):
            stack += [(part, depth + 1) for part in node.parts]
        elif isinstance(node, Not):
            stack.append((node.part, depth + 1))
