"""The numbers in words and shares, ready to be laid out.

Some of the text is what attackers sent: names of tools. It is shown only where several addresses
sent the same, is cut, and loses what does not print or would turn the text's direction; so the
page is no wall to write on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from zt.honeynet.collector.book.figures import Numbers
from zt.honeynet.collector.page.chart import Chart, column_chart
from zt.honeynet.collector.page.countries import UNKNOWN, Counts, country_name
from zt.honeynet.sighting import Kind

_ROWS: Final = 8  # of a table
_DAYS_NARROW: Final = 7  # that a telephone's width shows
_TOOL_ADDRESSES: Final = 3  # addresses that must have sent a text before it is shown
_TOOL_LENGTH: Final = 32  # characters
OTHERS: Final = "others"

KINDS: Final = {
    Kind.CALL: "tried to call",
    Kind.GUESS: "guessed passwords",
    Kind.SCAN: "looked for servers or users",
    Kind.BROKEN: "sent broken messages",
}


class Row(NamedTuple):
    """A line of a table.

    Attributes:
        name: what was counted.
        value: how often.
        share: of the longest bar, 0 to 100.
    """

    name: str
    value: int
    share: float


class Table(NamedTuple):
    """A table: what it says, what its first column holds, its lines."""

    title: str
    column: str
    rows: tuple[Row, ...]


class View(NamedTuple):
    """All that the page shows; `now` and `seen` are times in UTC."""

    now: datetime
    total: int
    total4: int
    total6: int
    today: int
    week: int
    messages: int
    honeypots: int
    active: int
    wide: Chart
    narrow: Chart
    tables: tuple[Table, ...]
    newest: tuple[tuple[str, datetime], ...]


def view_of(numbers: Numbers, countries: Counts | None, now: datetime, newest: int) -> View:
    """What the page shows of these numbers.

    Args:
        numbers: the collector's.
        countries: addresses by country, or None where there is no file to look them up.
        now: when the numbers were taken (UTC).
        newest: how many addresses may be shown.
    """
    total4, total6 = numbers.total.get(4, 0), numbers.total.get(6, 0)
    tables = [
        Table("What they did", "Kind", rows((KINDS[kind], n) for kind, n in numbers.kinds)),
        Table("Where they were caught", "Region", rows(numbers.regions)),
        Table("What they used", "Tool", rows(_public(numbers.tools))),
    ]
    if countries is not None:
        named = ((country_name(c) if c != UNKNOWN else "unknown", n) for c, n in countries)
        tables.append(Table("Where they came from", "Country", rows(named)))
    return View(
        now=now,
        total=total4 + total6,
        total4=total4,
        total6=total6,
        today=numbers.today,
        week=sum(n for _, n in numbers.days[-7:]),
        messages=numbers.messages,
        honeypots=numbers.honeypots,
        active=numbers.active,
        wide=column_chart(numbers.days, width=920, height=260, text=13, labels=7),
        narrow=column_chart(numbers.days[-_DAYS_NARROW:], width=400, height=260, text=17, labels=4),
        tables=tuple(tables),
        newest=tuple(
            (ban.address, datetime.fromtimestamp(ban.last / 1e6, UTC))
            for ban in numbers.newest[:newest]
        ),
    )


def rows(counted: Iterable[tuple[str, int]]) -> tuple[Row, ...]:
    """The most frequent as lines, and one line for the others."""
    ordered = sorted(counted, key=lambda item: (item[0] == OTHERS, -item[1]))
    shown = ordered if len(ordered) <= _ROWS else ordered[: _ROWS - 1]
    rest = sum(n for _, n in ordered[len(shown) :])
    if rest:
        shown = [item for item in shown if item[0] != OTHERS] + [(OTHERS, rest)]
    longest = max((n for _, n in shown), default=0) or 1
    return tuple(Row(name, n, round(100 * n / longest, 2)) for name, n in shown)


def _public(tools: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Names of tools that may be shown, and a sum of those that may not."""
    shown: dict[str, int] = {}
    for tool, n in tools:
        name = printable(tool) if n >= _TOOL_ADDRESSES else OTHERS
        name = name or "unknown"
        shown[name] = shown.get(name, 0) + n
    return list(shown.items())


def printable(text: str) -> str:
    """Foreign text as it may be shown: what prints, and not too much of it."""
    kept = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return kept if len(kept) <= _TOOL_LENGTH else f"{kept[: _TOOL_LENGTH - 1].rstrip()}…"
