"""`zt count`."""

from __future__ import annotations

from typing import Annotated

import typer

from zt.cli.ask import (
    STORES_WORD,
    CsvOption,
    ExplainOption,
    WhereOption,
    one_format,
    read_question,
    session_with,
)
from zt.cli.runtime import (
    JsonOption,
    RingOption,
    SinceOption,
    StoreOption,
    UntilOption,
    ZoneOption,
    note,
)

_LONGEST = 3660  # days, of a bucket

ByOption = Annotated[
    list[str] | None, typer.Option("--by", metavar="FIELD", help="For each value of this field.")
]
EveryOption = Annotated[
    str | None,
    typer.Option("--every", metavar="TIME", help="For each span of time, as 15m, 1h or 1d, UTC."),
]


def _of_a_field(name: str, what: str) -> object:
    return typer.Option(f"--{name}", metavar="FIELD", help=f"Also {what} of this field.")


def count(
    keys: RingOption,
    store: StoreOption,
    by: ByOption = None,
    every: EveryOption = None,
    where: WhereOption = "*",
    distinct: Annotated[list[str] | None, _of_a_field("distinct", "the distinct values")] = None,
    sum_: Annotated[list[str] | None, _of_a_field("sum", "the sum")] = None,
    avg: Annotated[list[str] | None, _of_a_field("avg", "the average")] = None,
    min_: Annotated[list[str] | None, _of_a_field("min", "the smallest number")] = None,
    max_: Annotated[list[str] | None, _of_a_field("max", "the largest number")] = None,
    seen: Annotated[
        bool, typer.Option("--seen", help="Also when the first and the last event were.")
    ] = False,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help="Groups at most; else all.")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    time_zone: ZoneOption = "UTC",
    explain: ExplainOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Count events: all, by fields, over time, and measure fields of theirs.

    The cloud counts and measures what it sees; groups are opened here. An event counts as often
    as the probe saw what it stands for; one with a list counts for each value in it. With --every,
    what has no time is in no span. With --json each group is an object on a line. Exit code 1: some
    groups were refused.
    """
    from zt.cli.figures import Asked, figures_of

    one_format(json=json, csv=csv, explain=explain)
    step = None if every is None else _span(every)
    if number is not None and not by:
        raise typer.BadParameter("it goes with --by only", param_hint="-n")
    paths = {"distinct": distinct, "sum": sum_, "avg": avg, "min": min_, "max": max_}
    figures = figures_of({kind: given or [] for kind, given in paths.items()}, seen=seen)
    question = read_question(where, since, until, time_zone)
    asked = Asked(tuple(dict.fromkeys(by or ())), figures, step, number)
    with session_with(keys, store) as session:
        if explain:
            from zt.cli.explain import print_plan
            from zt.query import Measure

            measure = Measure(asked.by, asked.figures, step, **question.span)
            plans = session.explain(question.where, measure=measure, **question.span)
            print_plan(session, plans, json=json)
        elif json or csv:
            from zt.cli.count_lines import write_count

            write_count(session, question, asked, csv=csv)
        else:
            from zt.cli.count_table import print_count

            print_count(session, question, asked)
            note(STORES_WORD)


def _span(text: str) -> int:
    from zt.units import parse_span

    try:
        span = parse_span(text)
    except ValueError:
        span = 0
    if not 0 < span <= parse_span(f"{_LONGEST}d"):
        raise typer.BadParameter("give a time such as 15m, 1h or 1d", param_hint="--every")
    return span
