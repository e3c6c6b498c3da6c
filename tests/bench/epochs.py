"""What rotating keys costs who asks: the same events in stores of 1, 4 and 12 epochs.

    python -m tests.bench.epochs [--events N] [--repeats N] [--dry-run]

The events are spread evenly over twelve days and cut by time, an equal share for each epoch.
Every question is asked of all stores in turn, again and again, and of the seconds the medians
are compared; so what else the machine does meanwhile meets all of them. Every answer must be
the same from each store. Fills the tables `epochs` and `headers` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import msgspec

from analytics.store import JobState, open_store
from analytics.wire import parse_time
from keys import Ring, init_ring, rotate_ring
from zt.demo.play import find_capture
from zt.encoder import Encoder
from zt.profile import Profile, load_profile
from zt.query import Session, parse
from zt.sip import Agent, probe_capture

from .page import BENCHMARKS, Row, fill, markdown

EVENTS = 200_000
REPEATS = 15
EPOCHS = (1, 4, 12)
DAYS = 12
START = datetime(2026, 11, 1, tzinfo=UTC)
CALLERS = 2_000
"""Distinct callers, each from an address of its own; all of them come in every epoch."""

SESSION = "start of a session"

HEADERS = (1, 100, 1_000)
"""Distinct header lines in a store."""

Answer = Callable[[Session], object]


def day(number: int) -> int:
    """The begin of one of the days in microseconds since 1970."""
    return parse_time((START + timedelta(days=number)).isoformat())


def ids(question: str, **options: Any) -> Answer:
    """The search for a question: how many events it finds."""
    node = parse(question)
    return lambda session: sum(1 for _ in session.search(node, **options))


def top(path: str, **options: Any) -> Answer:
    """The most frequent values of a field."""
    return lambda session: session.top(path, limit=10, **options)


ONE_DAY = {"since": day(5), "until": day(6)}

QUESTIONS: dict[str, Answer] = {
    "equality: `sip.from:caller-170@...`": ids("sip.from:sip:caller-170@pbx.example"),
    "part of a word: `sip.from:*-170@*`": ids("sip.from:*-170@*"),
    "part of a word of one day": ids("sip.from:*-170@*", **ONE_DAY),
    "network: `client.ip:10.0.7.0/28`": ids("client.ip:10.0.7.0/28"),
    "the newest 100 of a type": ids("type:auth-failed", limit=100),
    "top ten of sip.from": top("sip.from"),
    "top ten of sip.from of one day": top("sip.from", **ONE_DAY),
    "top ten of client.ip": top("client.ip"),
}


def lines(count: int) -> Iterator[bytes]:
    """The demo's events, each at a time, from a caller and with a Call-ID of its own."""
    random = Random(1)
    agent = Agent(name="bench", version="0")
    with find_capture().open("rb") as capture:
        events = list(probe_capture(capture, name="demo", agent=agent))
    for number in range(count):
        event = events[number % len(events)]
        caller = min(random.randrange(CALLERS), random.randrange(CALLERS))  # some call more
        sip = {
            **event["sip"],
            "call_id": f"{number}-{event['sip'].get('call_id', '')}",
            "from": f"sip:caller-{caller}@pbx.example",
        }
        client = {**event.get("client", {}), "ip": f"10.0.{caller >> 8}.{caller & 255}"}
        at = START + timedelta(days=DAYS) * number / count
        stamp = {"@timestamp": at.isoformat()}
        yield msgspec.json.encode({**event, **stamp, "sip": sip, "client": client}) + b"\n"


@dataclass
class House:
    """A store with the ring that opens it."""

    ring: Ring
    store: JobState
    session: Session
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, what: str, question: Answer) -> object:
        """Ask, note how long it took, and return the answer."""
        start = time.perf_counter()
        answer = question(self.session)
        self.seconds.setdefault(what, []).append(time.perf_counter() - start)
        return answer

    def start(self) -> None:
        """Note how long a session takes to start, the ring being open."""
        start = time.perf_counter()
        Session(self.ring, self.store)
        self.seconds.setdefault(SESSION, []).append(time.perf_counter() - start)


def build(folder: Path, events: list[bytes], epochs: int) -> House:
    """A store of the events, cut by time into epochs."""
    folder.mkdir()
    path = folder / "ring.json"
    init_ring(path, "bench", "file:ring.key")
    url = f"duckdb:{folder / 'cloud.duckdb'}"
    with open_store(url, create=True) as store:
        for number in range(epochs):
            if number:
                rotate_ring(path)
            share = events[len(events) * number // epochs : len(events) * (number + 1) // epochs]
            encoder = Encoder(Ring.open(path), load_profile("sip-balanced"), stream=str(number))
            store.ingest(encoder.encrypt(share))
    ring = Ring.open(path)
    store = open_store(url)  # anew, so that no part of any store is still in its log
    if len(store.epochs()) != epochs:
        raise SystemExit("the store has other epochs than it should")
    return House(ring, store, Session(ring, store))


def ask(houses: list[House], repeats: int) -> None:
    """Ask every question of all stores in turn; the first round warms up."""
    for turn in range(repeats + 1):
        for what, question in QUESTIONS.items():
            answers = [house.ask(what, question) for house in houses]
            if not answers[0] or any(other != answers[0] for other in answers):
                raise SystemExit(f"{what}: the stores do not answer the same")
        for house in houses:
            house.start()
            if not turn:
                house.seconds.clear()


def epochs_table(houses: list[House]) -> Iterator[Row]:
    """Medians, and their ratios to the store of one epoch."""
    yield (
        "question",
        "1 epoch, ms",
        *(f"{n} epochs, ms" for n in EPOCHS[1:]),
        *(f"{n} epochs : 1" for n in EPOCHS[1:]),
    )
    for what in houses[0].seconds:
        one, *more = (1000 * median(house.seconds[what]) for house in houses)
        yield (
            what,
            f"{one:.1f}",
            *(f"{value:.1f}" for value in more),
            *(f"{value / one:.2f}" for value in more),
        )


def headers_table(folder: Path, repeats: int) -> Iterator[Row]:
    """How long a session takes to start where a store has many different headers."""
    profile = Profile.model_validate(
        {
            "name": "many",
            "time": "at",
            "fields": {
                "at": {"scheme": "clear", "kind": "time"},
                **{f"field{n}": {"scheme": "det"} for n in range(10)},
            },
        }
    )
    yield "header lines in the store", "start of a session, ms"
    houses = [many_headers(folder / f"headers-{count}", profile, count) for count in HEADERS]
    for _ in range(repeats):
        for house in houses:
            house.start()
    for count, house in zip(HEADERS, houses, strict=True):
        yield f"{count:,}", f"{1000 * median(house.seconds[SESSION]):.1f}"
        house.store.close()


def many_headers(folder: Path, profile: Profile, count: int) -> House:
    """A store that got so many batches of one event, each with other fields than all others."""
    folder.mkdir()
    path = folder / "ring.json"
    ring = init_ring(path, "bench", "file:ring.key")
    store = open_store(f"duckdb:{folder / 'cloud.duckdb'}", create=True)
    wire: list[bytes] = []
    for number in range(count):
        fields = {f"field{n}": number for n in range(10) if number >> n & 1}
        event = {"at": START.isoformat(), **fields}
        encoder = Encoder(ring, profile, stream=str(number))
        wire += encoder.encrypt([msgspec.json.encode(event) + b"\n"])
    store.ingest(wire)
    if len(store.header_lines()) != count:
        raise SystemExit("the store has other headers than it should")
    return House(ring, store, Session(ring, store))


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.epochs", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as name:
        folder = Path(name)
        events = list(lines(options.events))
        houses = [build(folder / str(epochs), events, epochs) for epochs in EPOCHS]
        ask(houses, options.repeats)
        tables = {
            "epochs": f"{options.events:,} events, medians of {options.repeats}:\n\n"
            + markdown(epochs_table(houses)),
            "headers": markdown(headers_table(folder, options.repeats)),
        }
        for house in houses:
            house.store.close()
    for table in tables.values():
        print(f"{table}\n", file=sys.stderr)
    if not options.dry_run:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), tables))


if __name__ == "__main__":
    main()
