"""The answer of `zt count` for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.table import Table

from analytics.wire import MICROSECONDS, format_time
from zt.cli.charts import bar, buckets
from zt.cli.figures import COUNT, Asked, measured, short_time, shown, title_of
from zt.cli.over_time import MAX_GROUPS, OverTime, over_time
from zt.cli.runtime import note
from zt.cli.tables import Terminal, cell, plain_table

if TYPE_CHECKING:
    from zt.cli.ask import Question
    from zt.query import Group, Session

MAX_BUCKETS: Final = 1000
"""Rows of a histogram in which empty buckets are shown too."""


def print_count(session: Session, question: Question, asked: Asked) -> None:
    """Ask, and print the total, a table of groups, or one over time."""
    by_time_only = asked.step is not None and not asked.by
    groups = measured(session, question, asked, asked.step if by_time_only else None)
    if by_time_only:
        Terminal().print(histogram(asked, groups))
    elif not asked.by and asked.figures == (COUNT,):
        Terminal().print(str(groups[0].figures[0]), highlight=False)
    else:
        kept = list(islice(groups, asked.number))
        shape = None
        if asked.step is not None:
            keys = [group.key for group in kept]
            shape = over_time(session, asked.by, keys, question, asked.step)
        Terminal().print(group_table(asked, kept, shape))
        _note_left_out(len(groups) - len(kept), len(kept), is_over_time=asked.step is not None)


def group_table(asked: Asked, groups: Sequence[Group], shape: OverTime | None = None) -> Table:
    """A row for each group: its values, its figures, a bar of its count, when its events were."""
    table = plain_table(*asked.by)
    _add_figures(table, asked)
    if asked.by:
        table.add_column("")
    if shape:
        table.add_column(shape.title, no_wrap=True)
    most = _most(groups)
    for group in groups:
        cells = [cell(text) for text in group.key]
        bars = [bar(group.figures[0], most)] if asked.by else []
        lines = [shape.lines.get(group.key, "")] if shape else []
        table.add_row(*cells, *_figures(asked, group), *bars, *lines)
    return table


def histogram(asked: Asked, groups: Sequence[Group]) -> Table:
    """A row for each bucket, the empty ones between too unless they are too many."""
    step = asked.step or 1
    found = {group.bucket: group for group in groups if group.bucket is not None}
    starts: Sequence[int] = sorted(found)
    if found and len(every := buckets(starts[0], starts[-1], step)) <= MAX_BUCKETS:
        starts = every
    elif found:
        note(f"left out empty rows: there are more than {MAX_BUCKETS} in that time")
    table = plain_table("time")
    _add_figures(table, asked)
    table.add_column("")
    moment = format_time if step % MICROSECONDS else short_time
    most = _most(groups)
    for start in starts:
        group = found.get(start)
        figures = _figures(asked, group) if group else ["0", *[""] * (len(asked.figures) - 1)]
        table.add_row(moment(start), *figures, bar(group.figures[0] if group else 0, most))
    return table


def _add_figures(table: Table, asked: Asked) -> None:
    for metric in asked.figures:
        table.add_column(cell(title_of(metric)), justify="right")


def _figures(asked: Asked, group: Group) -> list[str]:
    return [
        shown(metric, value) for metric, value in zip(asked.figures, group.figures, strict=True)
    ]


def _most(groups: Sequence[Group]) -> float:
    return max((group.figures[0] or 0 for group in groups), default=0)


def _note_left_out(number: int, kept: int, *, is_over_time: bool) -> None:
    if number:
        note(f"left out {number} smaller groups (-n)")
    if is_over_time and kept > MAX_GROUPS:
        note(f"left out when the events were: that is shown for {MAX_GROUPS} groups, see -n")
