"""Measures the product: `make bench`, or `python -m tests.bench`.

Fills the table `all` of docs/benchmarks.md, and those of `tests.bench.encoder`. All figures come
from one run on one machine: compare them with each other, not with those of another day.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from analytics.store import JobState, open_store
from analytics.wire import Metric, Query
from keys import Ring, init_ring
from zt.demo.play import find_capture
from zt.encoder import Decoder, Encoder
from zt.profile import load_profile
from zt.query import Session, parse
from zt.sip import Agent, probe_capture

from .encoder.tables import EVENTS as ENCODER_EVENTS
from .encoder.tables import tables
from .page import BENCHMARKS, fill, markdown

EVENTS = 200_000


@dataclass(frozen=True)
class Row:
    """One line of the report: how long it took for how many events."""

    what: str
    seconds: float
    events: int

    @property
    def rate(self) -> float:
        return self.events / self.seconds


class Bench:
    """Measures one thing after the other."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.rows: list[Row] = []
        self.sizes: list[str] = []

    def time(self, what: str, work: Callable[[], object]) -> None:
        """Run the work once and note how long it took."""
        start = time.perf_counter()
        work()
        self.rows.append(Row(what, time.perf_counter() - start, self.events))
        print(f"{what}: {self.rows[-1].rate:,.0f} events/s", file=sys.stderr)

    def run(self, folder: Path) -> None:
        """Measure everything, in the order of the data."""
        lines = demo_lines(self.events)
        ring = init_ring(folder / "ring.json", "bench", "file:ring.key")
        self.time("JSON alone: parse and write", lambda: json_alone(lines))
        wire = self.encode(ring, lines)
        path = folder / "cloud.duckdb"
        with open_store(f"duckdb:{path}", create=True) as store:
            self.time("ingest into DuckDB", lambda: store.ingest(wire))
            self.time("ingest the same again", lambda: store.ingest(wire))
            self.ask(ring, store)
        plain = sum(map(len, lines))
        for what, size in (("wire", sum(map(len, wire))), ("DuckDB file", path.stat().st_size)):
            self.sizes.append(f"{what}: {size / plain:.2f} times the bytes of the plain events")

    def encode(self, ring: Ring, lines: list[bytes]) -> list[bytes]:
        """Encrypt and decrypt; returns the wire lines."""
        wire: list[bytes] = []
        encoder = Encoder(ring, load_profile("sip-balanced"))
        self.time("encrypt (sip-balanced)", lambda: wire.extend(encoder.encrypt(lines)))
        decoder = Decoder(ring)
        self.time("decrypt and verify", lambda: sum(1 for _ in decoder.decrypt(wire)))
        return wire

    def ask(self, ring: Ring, store: JobState) -> None:
        """Questions on ciphertext."""
        session = Session(ring, store)
        plan = session.plans[0]
        query = Query(
            kid=plan.kid,
            profile=plan.profile_id,
            group_by=("client.ip",),
            metrics=(Metric(kind="count"),),
        )
        question = parse("sip.from:*9302312*")
        self.time("group by client.ip, on ciphertext", lambda: store.query(query))
        self.time("top ten of sip.from, opened", lambda: session.top("sip.from", limit=10))
        self.time(
            "part of a word, 100 events opened", lambda: list(session.search(question, limit=100))
        )


def demo_lines(count: int) -> list[bytes]:
    """The demo's events repeated, each with a Call-ID of its own as real traffic has."""
    agent = Agent(name="bench", version="0")
    with find_capture().open("rb") as capture:
        events = list(probe_capture(capture, name="demo", agent=agent))
    lines = []
    for number in range(count):
        event = events[number % len(events)]
        sip = {**event["sip"], "call_id": f"{number}-{event['sip'].get('call_id', '')}"}
        lines.append(msgspec.json.encode({**event, "sip": sip}) + b"\n")
    return lines


def json_alone(lines: list[bytes]) -> None:
    """What no encoder can save: parsing each event and writing it again."""
    for line in lines:
        msgspec.json.encode(msgspec.json.decode(line))


def report(bench: Bench) -> str:
    """The page's table `all`."""
    alone = bench.rows[0].seconds
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "duckdb", "numpy"))
    table = markdown(
        [
            ("what", "events/s", "seconds", "times JSON alone"),
            *(
                (row.what, f"{row.rate:,.0f}", f"{row.seconds:.3f}", f"{row.seconds / alone:.2f}")
                for row in bench.rows
            ),
        ]
    )
    sizes = "\n".join(f"- {size}" for size in bench.sizes)
    return f"""{bench.events:,} events; {os.cpu_count()} cores, Python {platform.python_version()},
{libraries}:

{table}

{sizes}"""


def main() -> None:
    """The command line of the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    options = parser.parse_args()
    bench = Bench(options.events)
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as folder:
        bench.run(Path(folder))
    made = {"all": report(bench)}
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as folder:
        made |= tables(min(options.events, ENCODER_EVENTS), Path(folder))
    if options.dry_run:
        print("\n\n".join(made.values()))
    else:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), made))


if __name__ == "__main__":
    main()
