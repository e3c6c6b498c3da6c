"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from analytics.wire import format_time
from zt.cli.charts import bar
from zt.cli.over_time import OverTime
from zt.cli.runtime import printable
from zt.jobs import OpenedFinding
from zt.query import Count

_NUMBERS = ("events", "metric", "threshold", "parts")


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
