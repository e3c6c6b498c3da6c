"""`zt search` and `zt top`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import (
    JsonOption,
    RingOption,
    SinceOption,
    StoreOption,
    UntilOption,
    ZoneOption,
    note,
    note_withheld,
    span_of_time,
    write_json,
    write_lines,
)

if TYPE_CHECKING:
    from zt.query import Session

WhereOption = Annotated[
    str, typer.Option("--where", help="Only events that this question asks for.")
]


def search(
    keys: RingOption,
    store: StoreOption,
    question: Annotated[str, typer.Argument(help="As `type:auth-failed AND sip.from:*part*`.")],
    since: SinceOption = None,
    until: UntilOption = None,
    time_zone: ZoneOption = "UTC",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Events at most.")] = 100,
    json: JsonOption = False,
) -> None:
    """Find events and print them opened, one JSON object a line, newest first.

    Each was verified by its seal; with --json it comes with its id. Exit code 1: some were
    refused.
    """
    import msgspec

    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.query import Session, parse
    from zt.times import Clock

    clock = Clock.of(time_zone)
    node = parse(question, clock)
    span = span_of_time(since, until, clock)
    ring = Ring.open(keys)
    with open_store(store, wait=PATIENCE) as opened:
        session = Session(ring, opened)
        found = 0
        for item in session.search(node, limit=limit, **span):
            found += 1
            shown = {"id": item.id, "event": item.event} if json else item.event
            write_lines([msgspec.json.encode(shown) + b"\n"])
        note(f"found {found} events" + (" (the limit)" if found == limit else ""))
        note_withheld(session.plans)
        end(session)


def top(
    keys: RingOption,
    store: StoreOption,
    field: Annotated[str, typer.Argument(help="Path of the field, as sip.from.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Values at most.")] = 10,
    where: WhereOption = "*",
    since: SinceOption = None,
    until: UntilOption = None,
    time_zone: ZoneOption = "UTC",
    json: JsonOption = False,
) -> None:
    """Print a field's most frequent values with the number of their events.

    The cloud groups and counts ciphertexts; the values are opened here. Exit code 1: some were
    refused.
    """
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.query import Session, parse
    from zt.times import Clock

    clock = Clock.of(time_zone)
    node = parse(where, clock)
    span = span_of_time(since, until, clock)
    ring = Ring.open(keys)
    with open_store(store, wait=PATIENCE) as opened:
        session = Session(ring, opened)
        counts = session.top(field, where=node, limit=number, **span)
        if json:
            write_json([{"value": count.value, "count": count.count} for count in counts])
        else:
            from rich.console import Console

            from zt.cli.tables import count_table

            Console().print(count_table(field, counts))
        end(session)


def end(session: Session) -> None:
    """Report what a session refused to believe, and exit 1 if there is any."""
    for reason, number in session.refused.items():
        note(f"refused {number} times: {reason}")
    if session.refused:
        raise typer.Exit(1)
