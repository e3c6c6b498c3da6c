"""What the commands that ask a store share: their options, a session, how they end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import Span, note, span_of_time

if TYPE_CHECKING:
    from zt.query import Node, Session

WhereOption = Annotated[
    str, typer.Option("--where", help="Only events that this question asks for.")
]
ExplainOption = Annotated[
    bool,
    typer.Option(
        "--explain", help="Instead of asking: print what the cloud would see, and what is exact."
    ),
]
CsvOption = Annotated[bool, typer.Option("--csv", help="For spreadsheets: CSV on stdout.")]

STORES_WORD = "counts are the store's word; values are opened and proven here"


@dataclass(frozen=True, slots=True)
class Question:
    """Which events a command is about."""

    where: Node
    span: Span


def read_question(text: str, since: str | None, until: str | None, zone: str) -> Question:
    """What was asked, its times read by the clock of a zone.

    Raises:
        QueryError, InputError: it is not understood.
    """
    from zt.query import parse
    from zt.times import Clock

    clock = Clock.of(zone)
    return Question(parse(text, clock), span_of_time(since, until, clock))


@contextlib.contextmanager
def session_with(keys: Path, store: str) -> Iterator[Session]:
    """A session with a store, which waits for its turn at it.

    Exits with 1 at its end if the session refused to believe something.
    """
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.query import Session

    ring = Ring.open(keys)
    with open_store(store, wait=PATIENCE) as opened:
        session = Session(ring, opened)
        yield session
    end(session)


def end(session: Session) -> None:
    """Report what a session refused to believe, and exit 1 if there is any."""
    for reason, number in session.refused.items():
        note(f"refused {number} times: {reason}")
    if session.refused:
        raise typer.Exit(1)


def one_format(*, json: bool, csv: bool, explain: bool) -> None:
    """Refuse what does not go together.

    Raises:
        typer.BadParameter: two formats are asked for, or CSV of a plan.
    """
    if csv and (json or explain):
        raise typer.BadParameter("choose one of them", param_hint="--csv, --json, --explain")
