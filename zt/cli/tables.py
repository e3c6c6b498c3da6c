"""Tables on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from analytics.wire import format_time
from zt.cli.charts import bar
from zt.cli.over_time import OverTime
from zt.cli.runtime import printable
from zt.jobs import OpenedFinding
from zt.query import Count

WIDE = 200  # columns, where no terminal says how wide it is: what is searched is not folded
_NUMBERS = ("events", "metric", "threshold", "parts")


class Terminal(Console):
    """Stdout: as wide as the terminal is, and quiet when nobody reads any more."""

    def __init__(self, *, force_terminal: bool | None = None) -> None:
        width = None if sys.stdout.isatty() else WIDE
        super().__init__(width=width, force_terminal=force_terminal)

    def on_broken_pipe(self) -> None:
        """The command ends as all do whose pipe was closed, where rich would exit with 1."""
        raise BrokenPipeError


def cell(text: str, style: str = "") -> Text:
    """A value from outside in a table: it is no markup, and can't steer the terminal."""
    return Text(printable(text), style)


def count_table(
    field: str, counts: Sequence[Count], title: str | None = None, over_time: OverTime | None = None
) -> Table:
    """Values with their counts and a bar, and when their events were."""
    table = plain_table(field, "events", "", title=title)
    if over_time:
        table.add_column(over_time.title, no_wrap=True)
    most = max((count.count for count in counts), default=1)
    for count in counts:
        shape = [over_time.lines.get((count.value,), "")] if over_time else []
        table.add_row(cell(count.value), str(count.count), bar(count.count, most), *shape)
    return table


def finding_table(findings: Iterable[OpenedFinding], title: str | None = None) -> Table:
    """Opened findings; which fields the groups are of, their jobs say."""
    table = plain_table("job", "group", "metric", "from", "severity", title=title)
    for opened in findings:
        finding = opened.finding
        group = ", ".join(opened.group.values())
        start = format_time(finding.start)[:19] + "Z"
        table.add_row(finding.job, cell(group), str(finding.metric), start, finding.severity)
    return table


def plain_table(*columns: str, title: str | None = None) -> Table:
    """A table in the house style. Cells from outside go in as `Text`: they are no markup."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        # values are what people look for: they are folded into lines, never cut
        justify: JustifyMethod = "right" if column in _NUMBERS else "left"
        table.add_column(cell(column), justify=justify, overflow="fold")
    return table
