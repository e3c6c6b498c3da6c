"""`zt-analytics status`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from analytics.cli.app import JsonOption, StoreOption, command, printable, write_json

if TYPE_CHECKING:
    from analytics.store import CloudStore

_FIGURES: Final = (
    "events", "timeless", "position", "values", "postings", "texts", "findings", "bytes",
)  # fmt: skip


@command
def status(store: StoreOption, json: JsonOption = False) -> None:
    """Show what a store holds, and how far its jobs have come.

    Events with the first and last of their times, value records and postings (their search
    tokens), findings, bytes on the disk; epochs, profiles, columns and jobs. A job's lag is how
    many events it has not looked at yet.
    """
    from analytics.store import PATIENCE, open_store

    with open_store(store, wait=PATIENCE) as opened:
        facts = _facts(opened)
    if json:
        write_json(facts)
    else:
        sys.stdout.write(_rendered(facts))


def _facts(store: CloudStore) -> dict[str, Any]:
    headers = store.headers()
    figures = store.statistics()
    progress: dict[str, list[dict[str, Any]]] = {}
    for part in figures.jobs:
        row = part._asdict()
        progress.setdefault(row.pop("job"), []).append(row)
    columns = {(column.path, column.kind) for header in headers for column in header.columns}
    return {
        "tenant": store.tenant(),
        **{name: getattr(figures, name) for name in _FIGURES},
        "first": _time(figures.first),
        "last": _time(figures.last),
        "epochs": [
            {**epoch._asdict(), "first": _time(epoch.first), "last": _time(epoch.last)}
            for epoch in store.epochs()
        ],
        "profiles": [
            {
                "profile": header.profile,
                "kid": header.kid,
                "columns": len(header.columns),
                "time": header.time,
            }
            for header in headers
        ],
        "columns": [{"path": path, "kind": kind} for path, kind in sorted(columns)],
        "jobs": [
            {
                "id": job.id,
                "kind": job.kind,
                "version": job.version,
                "parts": len(job.parts),
                "threshold": job.threshold,
                "window": job.window,
                "severity": job.severity,
                "lag": sum(part["lag"] for part in progress.get(job.id, [])),
                "progress": progress.get(job.id, []),
            }
            for job in store.jobs()
        ],
    }


def _time(microseconds: int | None) -> str | int | None:
    """A time as text; one beyond the calendar, which an event may claim, stays a number."""
    from analytics.wire import format_time

    if microseconds is None:
        return None
    try:
        return format_time(microseconds)
    except (ValueError, OverflowError, OSError):
        return microseconds


def _rendered(facts: dict[str, Any]) -> str:
    """The facts as text for this stdout; rich would end the process at a closed pipe itself."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if sys.stdout.isatty() else 1000  # in a pipe nothing is wrapped
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as shown:
        console.print(f"tenant    {facts['tenant'] or 'none yet'}")
        for name in _FIGURES:
            if facts[name] is not None:  # what this kind of store does not count
                console.print(f"{name:9} {facts[name]}")
        if facts["first"] is not None:
            console.print(f"times     {facts['first']} to {facts['last']}")
        for title, names in (
            ("epochs", ("kid", "events", "first", "last", "generation")),
            ("profiles", ("profile", "kid", "columns", "time")),
            ("columns", ("path", "kind")),
            ("jobs", ("id", "kind", "parts", "threshold", "window", "severity", "lag")),
        ):
            console.print(f"\n{title}: {len(facts[title])}")
            if not facts[title]:
                continue
            table = Table(box=None, pad_edge=False)
            for name in names:
                right = isinstance(facts[title][0][name], int)
                table.add_column(name, justify="right" if right else "left", overflow="fold")
            for row in facts[title]:
                cells = ("-" if row[name] is None else str(row[name]) for name in names)
                table.add_row(*(Text(printable(cell)) for cell in cells))
            console.print(table)
    return shown.get()
