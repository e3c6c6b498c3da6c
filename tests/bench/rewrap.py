"""How fast rewrap is, and how much memory it takes, whatever the store holds.

    python -m tests.bench.rewrap [--events N]

A store is filled in one process and encrypted again in another, so the peak of memory is that of
rewrap alone. DuckDB's own cache is part of it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
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

EVENTS = 100_000


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


def fill(folder: Path, events: int) -> None:
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
        start, worked = time.perf_counter(), time.process_time()
        marks: list[str] = []

        def note(progress: Progress) -> None:
            if progress.done * 10 // progress.total > len(marks):
                marks.append(f"{peak():,.0f}")

        report = Rewrap(session, on_progress=note).run()
        moved, worked = time.perf_counter() - start, time.process_time() - worked
    closed = time.perf_counter() - start
    if report.failed or report.left or len(report.forgotten) != 1:
        raise SystemExit(f"something stayed: {report}")
    print(f"{report.events:,} events in {moved:.1f} s: {report.events / moved:,.0f} events/s")
    print(f"{report.events / worked:,.0f} events for each second of processor time")
    print(f"closed after {closed:.1f} s; the file grew {path.stat().st_size / before:.2f} times")
    print(f"peak memory in MB by tenths of the way: {' '.join(marks)}; at the end {peak():,.0f}")


def peak() -> float:
    """The most memory that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rewrap", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--step", choices=("fill", "rewrap"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "fill":
        fill(options.folder, options.events)
    elif options.step == "rewrap":
        rewrap(options.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="zt-bench-") as folder:
            for step in ("fill", "rewrap"):
                command = [sys.executable, "-m", "tests.bench.rewrap", "--step", step]
                more = ["--folder", folder, "--events", str(options.events)]
                subprocess.run([*command, *more], check=True)


if __name__ == "__main__":
    main()
