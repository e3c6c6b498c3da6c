"""The answer of `zt count` for machines: JSON lines or CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analytics.wire import format_time
from zt.cli.export import write_csv
from zt.cli.figures import Asked, described, measured, plain, title_of
from zt.cli.runtime import json_line, write_lines

if TYPE_CHECKING:
    from zt.cli.ask import Question
    from zt.query import Group, Session


def write_count(session: Session, question: Question, asked: Asked, *, csv: bool) -> None:
    """Ask, and write a line for each group; over time for each bucket that has events."""
    groups = measured(session, question, asked, asked.step)
    if asked.step is not None:
        groups = in_time(groups)
    groups = largest(groups, asked.number)
    if csv:
        titles = [*asked.by, *(["time"] if asked.step is not None else [])]
        titles += map(title_of, asked.figures)
        write_csv(titles, (_cells(asked, group) for group in groups))
    else:
        write_lines(json_line(described(asked, group)) for group in groups)


def in_time(groups: Sequence[Group]) -> list[Group]:
    """Buckets of the largest groups first, those of one group from the earliest on."""
    totals = Counter[tuple[str, ...]]()
    for group in groups:
        totals[group.key] += int(group.figures[0] or 0)
    return sorted(groups, key=lambda group: (-totals[group.key], group.key, group.bucket or 0))


def largest(groups: Sequence[Group], number: int | None) -> list[Group]:
    """All buckets of the first so many groups."""
    keys = list(dict.fromkeys(group.key for group in groups))
    kept = set(keys[:number])
    return [group for group in groups if group.key in kept]


def _cells(asked: Asked, group: Group) -> list[str | int | float | None]:
    cells: list[str | int | float | None] = [*group.key]
    if asked.step is not None:
        cells.append(None if group.bucket is None else format_time(group.bucket))
    figures = zip(asked.figures, group.figures, strict=True)
    return cells + [plain(metric, value) for metric, value in figures]
