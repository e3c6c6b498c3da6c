"""How fast rewrap is, and how much memory it takes, whatever the store holds.

    python -m tests.bench.rewrap [--events N] [--dry-run]

A store is filled in one process and encrypted again in another, so the peak of memory is that of
rewrap alone. DuckDB's own cache is part of it. Fills the table `rewrap` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import msgspec

from analytics.store import open_store
from keys import Ring, init_ring, rotate_ring
from zt.demo.play import find_capture
from zt.encoder import Encoder
from zt.profile import load_profile
from zt.query import Session
from zt.rewrap import Progress, Rewrap
from zt.sip import Agent, probe_capture

from .page import BENCHMARKS, Row, fill, markdown

EVENTS = 100_000
TENTHS = 10


def lines() -> Iterator[bytes]:
    """The demo's events without end, each with a Call-ID of its own as real traffic has."""
    agent = Agent(name="bench", version="0")
    with find_capture().open("rb") as capture:
        events = list(probe_capture(capture, name="demo", agent=agent))
    number = 0
    while True:
        for event in events:
            sip = {**event["sip"], "call_id": f"{number}-{event['sip'].get('call_id', '')}"}
            yield msgspec.json.encode({**event, "sip": sip}) + b"\n"
            number += 1


def fill_store(folder: Path, events: int) -> None:
    """A store of events under an epoch that is then retired."""
    ring = init_ring(folder / "ring.json", "bench", "file:ring.key")
    encoder = Encoder(ring, load_profile("sip-balanced"))
    with open_store(f"duckdb:{folder / 'cloud.duckdb'}", create=True) as store:
        store.ingest(encoder.encrypt(islice(lines(), events)))
    rotate_ring(folder / "ring.json")


def rewrap(folder: Path) -> None:
    """Encrypt all of it again, and say what that took."""
    path = folder / "cloud.duckdb"
    before = path.stat().st_size
    with open_store(f"duckdb:{path}") as store:
        session = Session(Ring.open(folder / "ring.json"), store)
        marks = [Mark(0)]

        def note(progress: Progress) -> None:
            if progress.done * TENTHS // progress.total >= len(marks):
                marks.append(Mark(progress.done))

        report = Rewrap(session, on_progress=note).run()
        done = Mark(report.events)
    closed = time.perf_counter() - done.at
    if report.failed or report.left or len(report.forgotten) != 1:
        raise SystemExit(f"something stayed: {report}")
    growth = path.stat().st_size / before
    print(markdown(table(marks, done)))
    print(f"\nThe file grew {growth:.2f} times, and took {closed:.1f} s to close.")


@dataclass(frozen=True)
class Mark:
    """How far the run was, and what it had taken by then."""

    events: int
    at: float = field(default_factory=time.perf_counter)
    worked: float = field(default_factory=time.process_time)
    memory: float = field(default_factory=lambda: peak())


def table(marks: list[Mark], done: Mark) -> Iterator[Row]:
    """Each tenth of the events, and the whole, which includes what comes after the last event."""
    yield "events", "events/s", "events/s of processor time", "peak memory, MB"
    for one, two in [*pairwise(marks), (marks[0], done)]:
        events = two.events - one.events
        yield (
            f"{one.events:,} to {two.events:,}",
            f"{events / (two.at - one.at):,.0f}",
            f"{events / (two.worked - one.worked):,.0f}",
            f"{two.memory:,.0f}",
        )


def peak() -> float:
    """The most memory that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rewrap", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    parser.add_argument("--step", choices=("fill", "rewrap"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "fill":
        fill_store(options.folder, options.events)
    elif options.step == "rewrap":
        rewrap(options.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="zt-bench-") as folder:
            for step in ("fill", "rewrap"):
                command = [sys.executable, "-m", "tests.bench.rewrap", "--step", step]
                more = ["--folder", folder, "--events", str(options.events)]
                run = subprocess.run(
                    [*command, *more], check=True, stdout=subprocess.PIPE, text=True
                )
        print(run.stdout)
        if not options.dry_run:
            tables = {"rewrap": f"{options.events:,} events:\n\n{run.stdout.strip()}"}
            BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), tables))


if __name__ == "__main__":
    main()
