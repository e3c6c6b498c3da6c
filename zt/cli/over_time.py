"""Sparklines beside groups: when the events of each were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zt.cli.charts import buckets, column_width, columns, sparkline
from zt.units import format_span

if TYPE_CHECKING:
    from zt.cli.ask import Question
    from zt.query import Node, Session

MAX_GROUPS: Final = 100
"""Groups that get sparklines; each is a term of the question that asks for them."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverTime:
    """When the events of groups were.

    Attributes:
        step: of a column, microseconds.
        lines: the sparkline of each group; all are of the same span of time.
    """

    step: int
    lines: dict[Key, str]

    @property
    def title(self) -> str:
        """The column's heading."""
        return f"by {format_span(self.step)}"


def over_time(
    session: Session, by: Sequence[str], keys: Sequence[Key], question: Question, step: int
) -> OverTime | None:
    """Sparklines of the groups of these keys; the cloud is asked for these only.

    Args:
        session: with the store.
        by: the fields of the groups.
        keys: their values.
        question: which events count.
        step: the length of a bucket, microseconds.

    Returns:
        None without groups, with too many of them, and where no event has a time.
    """
    from zt.query import And

    if not 0 < len(keys) <= MAX_GROUPS:
        return None
    where = And((question.where, _one_of(by, keys)))
    counts: defaultdict[Key, dict[int, float]] = defaultdict(dict)
    for group in session.measure(by=by, every=step, where=where, **question.span):
        if group.bucket is not None:
            counts[group.key][group.bucket] = group.figures[0] or 0
    starts = [start for key in keys for start in counts[key]]
    if not starts:
        return None
    shown = buckets(min(starts), max(starts), step)
    lines = {key: sparkline(columns(counts[key], shown)) for key in keys}
    return OverTime(step * column_width(shown), lines)


def _one_of(by: Sequence[str], keys: Sequence[Key]) -> Node:
    """Events of one of the groups; of arrays also others, which are not asked about."""
    from zt.query import And, Or, Term

    return Or(
        tuple(
            And(tuple(Term(path, "equals", text) for path, text in zip(by, key, strict=True)))
            for key in keys
        )
    )
