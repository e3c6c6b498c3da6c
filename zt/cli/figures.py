"""What `zt count` asks for, and the names of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analytics.wire import Metric, format_time

if TYPE_CHECKING:
    from zt.cli.ask import Question
    from zt.query import Group, Session

COUNT = Metric(kind="count")
Number = int | float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Groups and what is measured of each.

    Attributes:
        by: the fields of the groups; none: all events are one group.
        figures: the first of them is the count.
        step: the length of a bucket, microseconds; None: not over time.
        number: groups at most, the largest; None: all.
    """

    by: tuple[str, ...]
    figures: tuple[Metric, ...]
    step: int | None
    number: int | None


def measured(
    session: Session, question: Question, asked: Asked, step: int | None = None
) -> list[Group]:
    """The groups, the largest first; with a step those of each bucket.

    Without fields and a step there is exactly one, of all events, even if there are none.
    """
    from zt.query import Group

    groups = session.measure(asked.by, asked.figures, step, where=question.where, **question.span)
    if groups or asked.by or step is not None:
        return groups
    nothing = tuple(0 if one.kind in ("count", "distinct") else None for one in asked.figures)
    return [Group((), None, nothing)]


def figures_of(paths: Mapping[str, Sequence[str]], *, seen: bool) -> tuple[Metric, ...]:
    """The figures of options: the count, then a figure for each kind and path."""
    asked = [
        Metric.model_validate({"kind": kind, "path": path})
        for kind, given in paths.items()
        for path in dict.fromkeys(given)
    ]
    ends = [Metric(kind="first"), Metric(kind="last")] if seen else []
    return (COUNT, *asked, *ends)


def title_of(metric: Metric) -> str:
    """A figure's heading: `count`, `distinct sip.from`, `first`."""
    return metric.kind if metric.path is None else f"{metric.kind} {metric.path}"


def is_time(metric: Metric) -> bool:
    """Whether the figure is a moment, in microseconds since 1970."""
    return metric.kind in ("first", "last")


def plain(metric: Metric, value: Number) -> str | Number:
    """A figure for machines: a number, or a moment as RFC 3339."""
    if value is None or not is_time(metric):
        return value
    return format_time(int(value))


def shown(metric: Metric, value: Number) -> str:
    """A figure for people; nothing where there is nothing to measure."""
    if value is None:
        return ""
    if is_time(metric):
        return short_time(int(value))
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def short_time(moment: int) -> str:
    """A moment to the second, for people."""
    return format_time(moment)[:19] + "Z"


def described(asked: Asked, group: Group) -> dict[str, Any]:
    """A group for machines: of figures of fields, an object for each kind."""
    item: dict[str, Any] = {}
    if asked.by:
        item["group"] = dict(zip(asked.by, group.key, strict=True))
    if group.bucket is not None:
        item["time"] = format_time(group.bucket)
    for metric, value in zip(asked.figures, group.figures, strict=True):
        if metric.path is None:
            item[metric.kind] = plain(metric, value)
        else:
            item.setdefault(metric.kind, {})[metric.path] = plain(metric, value)
    return item
