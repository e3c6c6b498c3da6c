"""`zt top`."""

from __future__ import annotations

from collections.abc import Sequence
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
    from zt.query import Count, Session


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
    one_format(json, csv)
    question = read_question(where, since, until, time_zone)
    span = question.span
    with session_with(keys, store) as session:
        if explain:
            from zt.cli.explain import print_plan
            from zt.query import Measure

            plans = session.explain(question.where, **span, measure=Measure((field,), **span))
            print_plan(session, plans, json=json)
            return
        counts = session.top(field, where=question.where, limit=number, **span)
        if json:
            write_json([{"value": count.value, "count": count.count} for count in counts])
        elif csv:
            from zt.cli.export import write_csv

            write_csv((field, "count"), ((count.value, count.count) for count in counts))
        else:
            _print_table(session, field, counts, question)
            note(STORES_WORD)


def _print_table(session: Session, field: str, counts: Sequence[Count], question: Question) -> None:
    from rich.console import Console

    from zt.cli.over_time import over_time
    from zt.cli.tables import count_table

    shape = over_time(session, [field], [(count.value,) for count in counts], question)
    Console().print(count_table(field, counts, over_time=shape))
