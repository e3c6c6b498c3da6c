"""Streams for fault tests, and what a store must hold after them, counted by event id."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from opensearchpy import OpenSearch
from stores.lines import KID, PROFILE, SEARCH, event, header, name16, value

from analytics.store import CloudStore
from analytics.wire import Column, Lookup, Metric, Query, Selection, TokensAll

USERS = 50
COLUMNS: list[tuple[str, str] | Column] = [
    ("time", "time"),
    Column(path="user", kind="keyword", keyspace="user", search=SEARCH),
    ("n", "number"),
]

INGEST = """
import sys
import analytics.store.intake.run as run
import analytics.store.opensearch.ingest as ingest
from analytics.store import open_store
run.FLUSH_EVENTS, ingest.EVENTS_AT_ONCE = 200, 40
with open_store(sys.argv[1], create=True) as store, open(sys.argv[2], "rb") as lines:
    print("go", flush=True)
    report = store.ingest(lines)
assert not report.rejected, report.rejects[0].reason
"""
"""Many small requests, so that a random moment lies before, in and after each kind of them."""


def batch(idents: Iterable[int], *, kid: str = KID) -> list[bytes]:
    """A self-contained batch of one event for each of these numbers, over three months."""
    numbers = list(idents)
    return [
        header(COLUMNS, kid=kid),
        *(value(f"u{n}", tokens(n), kid=kid) for n in sorted({i % USERS for i in numbers})),
        *(event(body(i), i, kid=kid) for i in numbers),
    ]


def body(ident: int) -> dict[str, object]:
    """What the event of a number says."""
    month, day = 1 + ident % 3, 1 + ident % 28
    return {"time": f"2024-{month:02}-{day:02}T00:00:00Z", "user": f"u{ident % USERS}", "n": ident}


def tokens(user: int) -> list[int]:
    """The tokens of a user: one that ten share, and one of its own."""
    return [1_000 + user % 5, 2_000 + user]


def in_pieces(idents: range, size: int) -> list[bytes]:
    """Batches of that many events each."""
    starts = range(idents.start, idents.stop, size)
    return [line for at in starts for line in batch(range(at, min(at + size, idents.stop)))]


def written(folder: Path, lines: Sequence[bytes]) -> str:
    """The path of a file with these lines."""
    path = folder / "stream.ndjson"
    path.write_bytes(b"".join(lines))
    return str(path)


def stored_ids(store: CloudStore, kid: str = KID) -> Counter[str]:
    """How often each event id is there."""
    lines = store.scan(Selection(kid=kid, profile=PROFILE))
    return Counter(json.loads(line)["zt"]["id"] for line in lines)


def check(store: CloudStore, idents: Iterable[int]) -> None:
    """Exactly the events of these numbers are there, each once, and what they are asked by."""
    numbers = set(idents)
    assert stored_ids(store) == {name16(i): 1 for i in numbers}
    users = Counter(i % USERS for i in numbers)
    found = store.values(Lookup(kid=KID, keyspace="user", search=SEARCH, every=True))
    records = Counter(record.ct for record in found)  # also those of events that were refused
    assert set(records.values()) == {1}
    assert records.keys() >= {f"u{user}" for user in users}
    for some in range(5):
        contains = TokensAll(path="user", keyspace="user", search=SEARCH, tokens=(1_000 + some,))
        rows = store.query(Query(kid=KID, profile=PROFILE, filter=contains, group_by=("user",)))
        wanted = {f"u{user}": count for user, count in users.items() if user % 5 == some}
        assert {row.key[0]: row.metrics[0] for row in rows} == wanted
    total = Query(kid=KID, profile=PROFILE, metrics=(Metric(kind="sum", path="n"),))
    assert store.query(total)[0].metrics == (sum(numbers),)


def child(code: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """A program that runs beside the test, its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{Path(__file__).parents[1]}"},
    )


def settle(client: OpenSearch, prefix: str) -> None:
    """Wait for what a writer that was killed had sent, and let searches see it."""
    while client.tasks.list(actions="indices:data/write/*")["nodes"]:
        time.sleep(0.02)
    client.indices.refresh(index=f"{prefix}.*")
