"""`zt-analytics expire`."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from analytics.cli.app import JsonOption, StoreOption, command, note, write_json

_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@command
def expire(
    store: StoreOption,
    before: Annotated[
        str,
        typer.Option(
            "--before", metavar="AGE|DATE", help="90d, 12h, 2026-08-01 or an RFC 3339 time."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go, and remove nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Remove the events that are older than an age or a date, and what nothing uses any more.

    Events without a time stay. What is removed stays removed: run the jobs first, so that they
    have seen it. It may be killed at any moment; run again, it goes on. The store gets smaller
    by `zt-analytics compact`.
    """
    from analytics.store import PATIENCE, open_store

    moment = _moment(before)
    with open_store(store, wait=PATIENCE) as opened:
        report = opened.expire(moment, dry_run=dry_run)
    note(
        f"{'would remove' if dry_run else 'removed'} {report.events} events "
        f"and {report.findings} findings from before {_shown(moment)}"
    )
    if not dry_run:
        note(f"removed with them: {report.values} value records, {len(report.epochs)} epochs")
    if report.timeless:
        note(f"{report.timeless} events have no time and stay")
    if report.unseen:
        note(
            f"no job had looked at {report.unseen} of the events yet: run `zt-analytics run` before"
        )
    if json:
        write_json({**asdict(report), "before": _shown(moment), "dry_run": dry_run})


def _moment(text: str) -> int:
    """An age before now, or a date (midnight UTC) or time; microseconds since 1970."""
    from analytics.wire import MICROSECONDS, parse_time

    now = int(time.time() * MICROSECONDS)
    if match := _AGE.fullmatch(text):
        return now - int(match[1]) * _SECONDS[match[2]] * MICROSECONDS
    try:
        moment = parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError:
        raise typer.BadParameter(
            "give an age such as 90d or 12h, or a date such as 2026-08-01", param_hint="--before"
        ) from None
    if moment > now:
        raise typer.BadParameter("lies in the future: all would go", param_hint="--before")
    return moment


def _shown(moment: int) -> str:
    from analytics.wire import MICROSECONDS

    try:
        return datetime.fromtimestamp(moment // MICROSECONDS, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # before the year 1
        return f"{moment} microseconds since 1970"
