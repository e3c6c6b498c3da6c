"""Commands that follow a store until they are stopped."""

from __future__ import annotations

import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from zt.jobs import Turns

T = TypeVar("T")

EVERY = "200ms"
_LONGEST = 24 * 3600.0  # seconds

FollowOption = Annotated[
    bool, typer.Option("--follow", help="Go on, and print what comes as it comes.")
]
NewOption = Annotated[
    bool, typer.Option("--new", help="With --follow: leave out what is there already.")
]
FollowEveryOption = Annotated[
    str | None,
    typer.Option(
        "--every", metavar="TIME", help=f"With --follow: look again after 1s, 5m; else {EVERY}."
    ),
]


def follow_turns(turns: Turns[T], show: Callable[[T], bool]) -> None:
    """Show what each turn finds, until SIGINT, SIGTERM, or until nobody reads it.

    Args:
        turns: at the store, which is closed while something is shown: who reads slowly keeps
            nobody out of it.
        show: says whether all was well.

    Raises:
        KeyboardInterrupt: it was stopped by SIGINT.
        typer.Exit: with 1, if not all was well.
    """
    stop = _Stop()
    is_all_well = True
    while not (stop.event.is_set() or _is_unread()):
        if (news := turns.take()) is not None:
            is_all_well = show(news) and is_all_well
        stop.event.wait(turns.pause)
    if stop.number == signal.SIGINT:
        raise KeyboardInterrupt
    if not is_all_well:
        raise typer.Exit(1)


class _Stop:
    """Is set by SIGINT and SIGTERM; the turn under way is finished, a second signal ends it."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._set)

    def _set(self, number: int, frame: object) -> None:
        self.number = number
        self.event.set()
        signal.signal(number, signal.SIG_DFL)


def _is_unread() -> bool:
    """Whether stdout is a pipe, socket or terminal whose other end is gone."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # errors are told without being asked for
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def seconds_between(every: str | None) -> float:
    """Seconds between two looks.

    Raises:
        typer.BadParameter: it is no time, or longer than a day.
    """
    from analytics.wire import MICROSECONDS
    from zt.units import parse_span

    try:
        seconds = parse_span(every or EVERY) / MICROSECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise typer.BadParameter(
            "give a time up to a day, such as 200ms, 1s or 5m", param_hint="--every"
        )
    return seconds
