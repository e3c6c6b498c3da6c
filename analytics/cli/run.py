"""`zt-analytics run`."""

from __future__ import annotations

import re
import signal
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analytics.cli.app import JsonOption, StoreOption, command, note, write_json

if TYPE_CHECKING:
    from analytics.jobs import RunReport

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 7 * 24 * 3600.0


@command
def run(
    store: StoreOption,
    once: Annotated[bool, typer.Option("--once", help="One run and end: the default.")] = False,
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="Run again after: 200ms, 1s, 5m.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run the detection jobs on what is new in the store.

    With --every it goes on until SIGTERM or SIGINT, and leaves the store to others between two
    runs. Exit code 1: a job failed in the one run.
    """
    if once and every is not None:
        raise typer.BadParameter("--once and --every exclude each other", param_hint="--every")
    loop = Loop(store, json)
    if every is None:
        if loop.turn().failures:
            raise typer.Exit(1)
    else:
        loop.run(_seconds(every))


class Loop:
    """Runs over a store, which is open only meanwhile."""

    def __init__(self, store: str, json: bool) -> None:
        self._store = store
        self._json = json
        self._failing: set[tuple[str, str, str, str]] = set()
        self._quiet = False

    def run(self, seconds: float) -> None:
        """Take turns until a signal comes; the turn under way is finished.

        Raises:
            StoreError: the first turn's; later ones are reported and tried again.
        """
        from analytics.wire.errors import StoreBusyError, StoreError

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: _stop(stop, number))
        first, before = True, ""
        while not stop.is_set():
            try:
                self.turn()
                before = ""
            except StoreError as error:
                if first and not isinstance(error, StoreBusyError):
                    raise
                if str(error) != before:  # say it once, not every second
                    note(f"{error.diagnostics()}; trying again")
                before = str(error)
            first, self._quiet = False, True
            stop.wait(seconds)
        note("stopped")

    def turn(self) -> RunReport:
        """One run and its report: all of it as JSON, or on stderr as far as it is news."""
        from analytics.jobs import run_jobs
        from analytics.store import PATIENCE, open_store

        with open_store(self._store, wait=PATIENCE) as opened:
            report = run_jobs(opened)
        failing = {(f.job, f.kid, f.profile, f.error.diagnostics()) for f in report.failures}
        for job, kid, _, reason in sorted(failing - self._failing):
            note(f"job {job}, key {kid}: {reason}")
        self._failing = failing
        if report.findings or not self._quiet:
            note(
                f"ran {report.jobs} jobs: {report.groups} groups changed, "
                f"{report.findings} findings written, {len(report.failures)} failures"
            )
        if self._json:
            write_json(_as_json(report))
        return report


def _stop(stop: threading.Event, number: int) -> None:
    stop.set()
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once


def _as_json(report: RunReport) -> dict[str, Any]:
    return {
        "jobs": report.jobs,
        "parts": report.parts,
        "groups": report.groups,
        "candidates": report.candidates,
        "findings": report.findings,
        "failures": [
            {
                "job": failure.job,
                "kid": failure.kid,
                "profile": failure.profile,
                "error": str(failure.error),
                "hint": failure.error.hint,
            }
            for failure in report.failures
        ],
    }


def _seconds(text: str) -> float:
    """A duration such as `200ms`, `1s`, `0.2s`, `5m`, `1h` in seconds."""
    if match := _DURATION.fullmatch(text):
        seconds = float(match[1]) * _SECONDS[match[2]]
        if 0 < seconds <= _LONGEST:
            return seconds
    raise typer.BadParameter(
        "give a time up to seven days, such as 200ms, 1s or 5m", param_hint="--every"
    )
