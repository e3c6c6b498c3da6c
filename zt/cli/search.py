"""`zt search`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.ask import ExplainOption, Question, read_question, session_with
from zt.cli.following import (
    FollowEveryOption,
    FollowOption,
    NewOption,
    follow_turns,
    seconds_between,
)
from zt.cli.runtime import (
    JsonOption,
    RingOption,
    SinceOption,
    StoreOption,
    UntilOption,
    ZoneOption,
    note,
    note_withheld,
    write_json,
)

if TYPE_CHECKING:
    from zt.query import Found
    from zt.query.tail import Heard

_LATEST = "7d"

Show = Callable[["Found"], None]


def search(
    keys: RingOption,
    store: StoreOption,
    question: Annotated[str, typer.Argument(help="As `type:auth-failed AND sip.from:*part*`.")],
    since: SinceOption = None,
    until: UntilOption = None,
    time_zone: ZoneOption = "UTC",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Events at most.")] = 100,
    pretty: Annotated[
        bool, typer.Option("--pretty", help="For people in a pipe too, as to `less -R`.")
    ] = False,
    follow: FollowOption = False,
    new: NewOption = False,
    every: FollowEveryOption = None,
    lateness: Annotated[
        str | None,
        typer.Option(
            "--lateness",
            metavar="TIME",
            help="With --follow: how long after its time an event may arrive; else 1m.",
        ),
    ] = None,
    explain: ExplainOption = False,
    json: JsonOption = False,
) -> None:
    """Find events and print them opened, newest first.

    Each was verified by its seal. On a terminal they are laid out to be read; in a pipe or file
    each is a JSON object on a line, with --json together with its id. Exit code 1: some were
    refused.

    With --follow it prints the newest that are there, then what comes, oldest first and each once,
    until SIGINT (exit code 130), SIGTERM, or until nobody reads it. Followed are events with a time
    that arrive in order, or late by no more than --lateness. Keys may rotate meanwhile, and others
    take turns at the store.
    """
    if json and pretty:
        raise typer.BadParameter("choose one of them", param_hint="--json, --pretty")
    if follow and explain:
        raise typer.BadParameter("choose one of them", param_hint="--follow, --explain")
    if not follow and (new or every is not None or lateness is not None):
        hint = "--new, --every, --lateness"
        raise typer.BadParameter("it goes with --follow only", param_hint=hint)
    asked = read_question(question, since, until, time_zone)
    show = _printer(json, pretty)
    if follow:
        seconds, late = seconds_between(every), _lateness(lateness)
        _follow(keys, store, asked, 0 if new else limit, seconds, late, show)
        return
    with session_with(keys, store) as session:
        if explain:
            from zt.cli.explain import print_plan

            print_plan(session, session.explain(asked.where, limit=limit, **asked.span), json=json)
            return
        found = 0
        for item in session.search(asked.where, limit=limit, **asked.span):
            found += 1
            show(item)
        note(f"found {found} events" + (" (the limit)" if found == limit else ""))
        note_withheld(session.plans)


def _follow(
    keys: Path,
    store: str,
    asked: Question,
    first: int,
    seconds: float,
    lateness: int,
    show: Show,
) -> None:
    from analytics.wire import format_time
    from keys import Ring
    from zt.jobs import Turns
    from zt.query.tail import Tail

    tail = Tail(
        Ring.open(keys),
        asked.where,
        first=first,
        **asked.span,
        lateness=lateness,
    )

    def print_heard(heard: Heard) -> bool:
        note_withheld(heard.plans)
        for item in heard.found:
            show(item)
        if heard.left_out is not None:
            moment = format_time(heard.left_out)
            note(f"too many events came at once: of those before {moment} some are left out")
        for reason, number in heard.refused.items():
            note(f"refused {number} times: {reason}")
        return not heard.refused

    follow_turns(Turns(store, tail, seconds, note), print_heard)


def _printer(json: bool, pretty: bool) -> Show:
    """How an event is printed: for people on a terminal or if they say so, else as JSON."""
    if pretty or (sys.stdout.isatty() and not json):
        from zt.cli.event_view import event_text
        from zt.cli.tables import Terminal

        console = Terminal(force_terminal=True if pretty else None)
        return lambda found: console.print(event_text(found), soft_wrap=True)

    def print_line(found: Found) -> None:
        shown = {"id": found.id, "event": found.event} if json else found.event
        write_json(shown)

    return print_line


def _lateness(text: str | None) -> int:
    from zt.query.tail import LATENESS
    from zt.units import parse_span

    try:
        lateness = LATENESS if text is None else parse_span(text)
    except ValueError:
        lateness = -1
    if not 0 <= lateness <= parse_span(_LATEST):
        raise typer.BadParameter(
            f"give a time up to {_LATEST}, such as 30s or 5m", param_hint="--lateness"
        )
    return lateness
