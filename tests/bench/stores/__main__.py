"""Questions on ciphertext against the same ones on plaintext strings in DuckDB.

    python -m tests.bench.stores [--events N ...] [--dry-run]

Fills the tables `stores` and `stored` of docs/benchmarks.md. How stores of millions of events are
made stands in `fill`. Each question is asked three times of each in turn, and the best counts; of
the encrypted side that is from plaintext to plaintext: tokens, look-up, opening and filtering the
values at the edge where a question needs it, the store's answer, but not the opening of groups.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from analytics.store import CloudStore
from analytics.store.duckdb import DuckDBStore
from analytics.wire import Eq, Filter, In, Lookup, Metric, Query
from analytics.wire import Row as Answer
from keys import Ring, init_ring
from zt.encoder import Decoder
from zt.encoder.plan import Plan

from ..encoder.events import FORTY_FIELDS, sip_events, value_at
from ..page import BENCHMARKS, Row, fill, markdown
from .fill import BASE, SEARCHED, clear_profile, grow_store, plain_table, wire_lines

ROUNDS = 3
EVENTS = (100_000, 1_000_000)
STORED = 50_000
DAY = 24 * 3600 * 1_000_000
EVENT_COUNT = (Metric(kind="events"),)

Ask = Callable[[], Any]


class Edge:
    """What turns a question on plaintext into the store's answer."""

    def __init__(self, ring: Ring, store: CloudStore) -> None:
        decoder = Decoder(ring)
        for header in store.headers():
            decoder.header(header)
        (plan,) = decoder.plans()
        self.plan: Plan = plan
        self.store = store

    def query(self, **parts: Any) -> list[Answer]:
        query = Query(
            kid=self.plan.kid,
            profile=self.plan.profile_id,
            **{"metrics": EVENT_COUNT, **parts},
        )
        return self.store.query(query)

    def equals(self, path: str, text: str) -> Filter:
        return Eq(path=path, value=str(self._field(path).protect(text).ciphertext))

    def contains(self, path: str, part: str) -> Filter:
        field = self._field(path)
        dictionary = field.dictionary
        if dictionary is None or dictionary.search is None:
            raise AssertionError(path)
        tokens = dictionary.search.needle("contains", part)
        lookup = Lookup(
            kid=self.plan.kid,
            keyspace=dictionary.keyspace,
            search=dictionary.search_id,
            tokens=tokens,
        )
        cts = [record.ct for record in self.store.values(lookup)]
        opened = zip(cts, field.reveal_all(cts), strict=True)
        return In(path=path, values=tuple(ct for ct, text in opened if part in text))

    def _field(self, path: str) -> Any:
        return self.plan.field(path)


def questions(edge: Edge, plain: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Ask, Ask]]:
    """What is asked: its name, and how it is asked of ciphertext and of plaintext."""

    def sql(text: str, *parameters: object) -> Ask:
        return lambda: plain.execute(text, list(parameters)).fetchall()

    (event,) = sip_events(1)
    caller, call = value_at(event, "sip.from"), value_at(event, "sip.call_id")
    group = "SELECT {0}, count(*) AS n FROM events GROUP BY {0} ORDER BY n DESC, {0}"
    count = "SELECT count(*) FROM events WHERE "
    for name, where in (("client", "client.ip"), ("callee", "sip.to")):
        yield (
            f"group by {where}, all groups",
            lambda where=where: edge.query(group_by=(where,)),  # type: ignore[misc]
            sql(group.format(name)),
        )
    yield (
        "group by sip.from, top ten",
        lambda: edge.query(group_by=("sip.from",), limit=10),
        sql(f"{group.format('user')} LIMIT 10"),
    )
    yield (
        "group by client.ip and user agent, top ten",
        lambda: edge.query(group_by=("client.ip", "user_agent.original"), limit=10),
        sql(f"{group.format('client, agent')} LIMIT 10"),
    )
    yield (
        "sip.from equals",
        lambda: edge.query(filter=edge.equals("sip.from", caller)),
        sql(f"{count} user = ?", caller),
    )
    for path, name, part in (
        ("sip.to", "callee", "pbx17"),
        ("sip.to", "callee", value_at(event, "sip.to")[5:14]),
        ("sip.call_id", "call_id", call[4:12]),
    ):
        yield (
            f"{path} contains, {len(part)} characters",
            lambda path=path, part=part: edge.query(filter=edge.contains(path, part)),  # type: ignore[misc]
            sql(f"{count} {name} LIKE ?", f"%{part}%"),
        )
    distinct = (Metric(kind="distinct", path="sip.to"),)
    yield (
        "distinct sip.to",
        lambda: edge.query(metrics=distinct),
        sql("SELECT count(DISTINCT callee) FROM events"),
    )
    yield (
        "events by hour",
        lambda: edge.query(interval=DAY // 24),
        sql(f"SELECT t // {DAY // 24} AS b, count(*) FROM events GROUP BY b ORDER BY b"),
    )


def best(ask: Ask) -> tuple[float, Any]:
    """Seconds of one call, and its answer."""
    started = time.perf_counter()
    answer = ask()
    return time.perf_counter() - started, answer


def table(ring: Ring, wire: list[bytes], base: int, events: int, folder: Path) -> Iterator[Row]:
    """One row for each question at that number of events."""
    copies = max(1, events // base)
    with (
        DuckDBStore(folder / "store.db", create=True) as store,
        closing(plain_table(folder / "plain.db", base, copies)) as plain,
    ):
        store.ingest(wire)
        grow_store(store, base, copies)
        edge = Edge(ring, store)
        for name, ours, theirs in questions(edge, plain):
            rounds = [(best(ours), best(theirs)) for _ in range(ROUNDS)]
            check(name, rounds[0][0][1], rounds[0][1][1])
            mine = min(seconds for (seconds, _), _ in rounds)
            other = min(seconds for _, (seconds, _) in rounds)
            row = (
                name,
                f"{base * copies:,}",
                f"{1000 * mine:,.1f}",
                f"{1000 * other:,.1f}",
                f"{mine / other:.2f}",
            )
            print(" | ".join(row), file=sys.stderr)
            yield row


def check(name: str, ours: list[Any], theirs: list[Any]) -> None:
    """That both counted the same: what is fast must be right too."""
    counts = [sorted(row.metrics[0] for row in ours), sorted(row[-1] for row in theirs)]
    if counts[0] != counts[1]:
        raise AssertionError(f"{name}: {counts[0][:5]} on ciphertext, {counts[1][:5]} on plaintext")


def stored(ring: Ring, events: int, folder: Path) -> Iterator[Row]:
    """Ingest and bytes, all clear and under the profile of the encoder's benchmarks."""
    yield ("profile", "events/s", "bytes an event", "wire bytes an event", "value records")
    clear = 0.0
    for profile in (clear_profile(), FORTY_FIELDS):
        wire = wire_lines(ring, profile, events)
        path = folder / f"{profile.name}.db"
        with DuckDBStore(path, create=True) as store:
            seconds, _ = best(lambda wire=wire, store=store: store.ingest(wire))  # type: ignore[misc]
            store.compact()
            figures = store.statistics()
        size = figures.bytes / events
        clear = clear or size
        row = (
            profile.name,
            f"{events / seconds:,.0f}",
            f"{size:,.0f} ({size / clear:.2f} times)",
            f"{sum(map(len, wire)) / events:,.0f}",
            f"{figures.values:,}",
        )
        print(" | ".join(row), file=sys.stderr)
        yield row


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stores", description=__doc__)
    parser.add_argument("--events", type=int, nargs="*", default=EVENTS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    options = parser.parse_args()
    made: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as name:
        folder = Path(name)
        ring = init_ring(folder / "ring.json", "bench", "file:ring.key")
        base = min(BASE, *options.events)
        wire = wire_lines(ring, SEARCHED, base)
        rows: list[Row] = [("question", "events", "ciphertext, ms", "plaintext, ms", "times")]
        for events in options.events:
            place = folder / str(events)
            place.mkdir()
            rows += table(ring, wire, base, events, place)
            for file in place.iterdir():
                file.unlink()
        made["stores"] = markdown(rows)
        made["stored"] = markdown(stored(ring, min(STORED, base), folder))
    print("\n\n".join(made.values()))
    if not options.dry_run:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), made))


if __name__ == "__main__":
    main()
