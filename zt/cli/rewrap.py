"""`zt-keys rewrap`."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zt.cli.runtime import JsonOption, RingOption, StoreOption, note, write_json

if TYPE_CHECKING:
    from collections import Counter

    from zt.rewrap import Estimate, Progress, RewrapReport

EVERY = 60.0
"""Seconds between two lines of progress where there is no terminal."""


def rewrap(
    keys: RingOption,
    store: StoreOption,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count and estimate; write nothing.")
    ] = False,
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, help="Events a second at most.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Encrypt a store's history again, under the ring's active epoch.

    Each event is verified before and opened again after, and keeps its id. It can be stopped at
    any moment and run again: what is left is what the store still holds under old epochs. Exit
    code 1: something stays there.
    """
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.query import Session
    from zt.rewrap import Rewrap

    ring = Ring.open(keys)
    with open_store(store, wait=PATIENCE) as opened:
        session = Session(ring, opened)
        if dry_run:
            _tell_estimate(Rewrap(session, rate=rate).estimate(), json)
            return
        with _stopping() as check, _shown() as show:

            def on_progress(progress: Progress) -> None:
                show(progress)
                check()

            try:
                report = Rewrap(session, rate=rate, on_progress=on_progress).run()
            except KeyboardInterrupt:
                note("interrupted: what was done is stored, the same command goes on with the rest")
                raise typer.Exit(130) from None
    _tell_report(report, json)


def _tell_estimate(estimate: Estimate, json: bool) -> None:
    if json:
        write_json(
            {
                "epoch": estimate.kid,
                "events": estimate.events,
                "stock": [
                    {"kid": stock.kid, "profile": stock.profile, "events": stock.events}
                    for stock in estimate.stock
                ],
                "seconds": round(estimate.seconds, 1),
                "sampled": estimate.sampled,
                "failed": dict(estimate.failed),
            }
        )
    else:
        for stock in estimate.stock:
            note(f"epoch {stock.kid}, profile {stock.profile}: {stock.events} events")
        if estimate.stock:
            note(
                f"would encrypt {estimate.events} events again under epoch {estimate.kid}: at "
                f"least {_span(estimate.seconds)}, and what the store takes; nothing was written"
            )
        else:
            note(f"nothing to do: no event is of another epoch than {estimate.kid}")
        _tell_failed(estimate.failed, f"of {estimate.sampled} events tried would stay")
    if estimate.failed:
        raise typer.Exit(1)


def _tell_report(report: RewrapReport, json: bool) -> None:
    if json:
        write_json(
            {
                "epoch": report.kid,
                "events": report.events,
                "findings": report.findings,
                "changed": report.changed,
                "stale_findings": report.stale_findings,
                "failed": dict(report.failed),
                "forgotten": report.forgotten,
                "left": report.left,
                "unserved": report.unserved,
                "seconds": round(report.seconds, 1),
            }
        )
    else:
        note(
            f"encrypted {report.events} events and {report.findings} findings again under epoch "
            f"{report.kid} in {_span(report.seconds)}"
        )
        for kid in report.forgotten:
            note(f"the store holds no event of epoch {kid} any more")
        for kid, events in report.left.items():
            note(f"epoch {kid} still has {events} events")
        _tell_failed(report.failed, "stay as they were")
        if report.stale_findings:
            note(
                f"{report.stale_findings} findings stay as they were: their jobs are gone or have "
                "another version"
            )
        if report.unserved:
            note(
                f"jobs without a part for epoch {report.kid}: {', '.join(report.unserved)}\n"
                "  push them again: zt jobs push"
            )
    if report.failed or report.left:
        raise typer.Exit(1)


def _tell_failed(failed: Counter[str], what: str) -> None:
    for reason, number in failed.most_common():
        note(f"{number} {what}: {reason}")


@contextlib.contextmanager
def _stopping() -> Iterator[Callable[[], None]]:
    """A check that ends the run between two batches once Ctrl-C was pressed; twice ends it now."""
    asked = False

    def ask(*_: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        note("stopping after this batch; once more stops at once")

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """Progress on stderr: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        told = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal told
            if time.monotonic() - told >= EVERY:
                told = time.monotonic()
                left = _span(progress.seconds_left)
                note(f"{progress.done} of {progress.total} events, about {left} left")

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("epoch {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]} left"),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, left="?")
        yield lambda progress: bar.update(
            task,
            description=progress.kid,
            completed=progress.done,
            total=progress.total,
            left=_span(progress.seconds_left),
        )


def _span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, hours = round(seconds / 60), seconds / 3600
    return f"{minutes} min" if minutes < 120 else f"{hours:.1f} h"
