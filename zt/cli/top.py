"""`zt top`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.ask import (
    STORES_WORD,
    CsvOption,
    ExplainOption,
    Question,
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
    write_json,
)

if TYPE_CHECKING:
    from zt.query import Session


def top(
    keys: RingOption,
    store: StoreOption,
    field: Annotated[str, typer.Argument(help="Path of the field, as sip.from.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Values at most.")] = 10,
    where: WhereOption = "*",
    since: SinceOption = None,
    until: UntilOption = None,
    time_zone: ZoneOption = "UTC",
    explain: ExplainOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Print a field's most frequent values with the number of their events.

    The cloud groups and counts ciphertexts; the values are opened here. The table also shows when
    the events were. Exit code 1: some were refused.
    """
    one_format(json=json, csv=csv, explain=explain)
    question = read_question(where, since, until, time_zone)
    span = question.span
    with session_with(keys, store) as session:
        if explain:
            from zt.cli.explain import print_plan
            from zt.query import Measure

            plans = session.explain(question.where, **span, measure=Measure((field,), **span))
            print_plan(session, plans, json=json)
            return
        if not (json or csv):
            _print_table(session, field, number, question)
            note(STORES_WORD)
            return
        counts = session.top(field, where=question.where, limit=number, **span)
        if json:
            write_json([{"value": count.value, "count": count.count} for count in counts])
        else:
            from zt.cli.export import write_csv

            write_csv((field, "count"), ((count.value, count.count) for count in counts))


def _print_table(session: Session, field: str, number: int, question: Question) -> None:
    from analytics.wire import Metric
    from zt.cli.charts import step_for
    from zt.cli.figures import COUNT
    from zt.cli.over_time import over_time
    from zt.cli.tables import Terminal, count_table
    from zt.query import Count

    figures = (COUNT, Metric(kind="first"), Metric(kind="last"))
    groups = session.measure((field,), figures, where=question.where, **question.span)[:number]
    moments = [int(m) for group in groups for m in group.figures[1:] if m is not None]
    shape = None
    if moments:
        step = step_for(max(moments) - min(moments))
        shape = over_time(session, (field,), [group.key for group in groups], question, step)
    counts = [Count(group.key[0], int(group.figures[0] or 0)) for group in groups]
    Terminal().print(count_table(field, counts, over_time=shape))
