"""Ingest into a real OpenSearch that is killed, doubled or in another's way.

No event is lost, none is there twice: counted by event id.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stores.faults import (
    INGEST,
    batch,
    check,
    child,
    in_pieces,
    written,
)
from stores.lines import event, header, name16
from support.killing import moments, run_until

from analytics.store import open_store
from analytics.store.opensearch import indices
from analytics.wire import (
    encode_bytes,
)

pytestmark = pytest.mark.opensearch

KILLS = 30
STEP = 400
"""Events by which one stream goes beyond the one before; it repeats the last half of that."""


@pytest.mark.slow
def test_killed_at_30_points_and_sent_again(url: str, tmp_path: Path) -> None:
    longest, killed, number = 0.0, 0, 0
    with open_store(url, create=True) as store:
        for number, part in enumerate(moments(1.0, seed=8), 1):
            lines = in_pieces(range((number - 1) * STEP, (number + 1) * STEP), 100)
            arguments = [url, written(tmp_path, lines)]
            if number <= 2:  # the first is slower than all others
                longest, _ = run_until(INGEST, arguments, None)
                continue
            _, ended = run_until(INGEST, arguments, part * longest)
            killed += not ended
            store.ingest(lines)
            check(store, range((number + 1) * STEP))
            if killed == KILLS:
                return
    pytest.fail(f"only {killed} of {number} were killed before their end")


def test_duplicate_and_reordered_lines_and_batches(url: str) -> None:
    chance = random.Random(4)
    batches = [batch(range(at, at + 60)) for at in range(0, 600, 40)]
    with open_store(url, create=True) as store:
        for _ in range(3):
            chance.shuffle(batches)
            for first, *others in batches:
                chance.shuffle(others)
                store.ingest([first, *others, *chance.sample(others, 20)])
        check(store, range(620))


def test_two_processes_ingest_overlapping_streams_at_once(url: str, tmp_path: Path) -> None:
    halves = [range(1_200), range(600, 1_800)]
    for number, idents in enumerate(halves):
        (tmp_path / f"{number}").mkdir()
        written(tmp_path / f"{number}", in_pieces(idents, 150))
    at_once([[url, str(tmp_path / f"{number}" / "stream.ndjson")] for number in range(2)])
    with open_store(url) as store:
        check(store, range(1_800))


def test_processes_register_different_headers_and_columns_at_once(url: str, tmp_path: Path) -> None:
    """Columns of one number with several kinds, or of names that are each other's objects."""
    kinds = ["number", "ip", "keyword", "time"]
    values: list[Any] = [7, "192.0.2.1", "x", "2024-01-01T00:00:00Z"]
    bodies: dict[str, dict[str, Any]] = {}
    streams = []
    for number in range(4):
        lines = []
        for step in range(6):
            paths = {f"own{number}.{step}": (number + step) % 4, f"shared{step}": number}
            paths |= {f"a{step}" + ".b" * number: 2}
            profile = encode_bytes(bytes([number]) * 16)
            lines.append(header([(p, kinds[k]) for p, k in paths.items()], profile=profile))
            for i in range(20):
                ident = (number, step, i)
                bodies[name16(ident)] = {path: values[kind] for path, kind in paths.items()}
                lines.append(event(bodies[name16(ident)], ident, profile=profile))
        (tmp_path / f"{number}").mkdir()
        streams.append([url, written(tmp_path / f"{number}", lines)])
    at_once(streams)
    with open_store(url) as store:
        found = [json.loads(line) for line in store.events(list(bodies))]
        assert {one["zt"]["id"]: {k: one[k] for k in one if k != "zt"} for one in found} == bodies
        assert sum(epoch.events for epoch in store.epochs()) == len(bodies)


def test_an_event_is_known_whatever_month_another_profile_gives_it(url: str) -> None:
    """Profiles round times, or hide them; the id of an event stays."""
    bodies = [{"time": "2024-02-01T05:00:00Z"}, {"time": "2024-01-28T00:00:00Z"}, {}]
    for first in range(3):
        with open_store(f"{url}{first}", create=True) as store:
            for number in (first, (first + 1) % 3, (first + 2) % 3):
                profile = encode_bytes(bytes([number]) * 16)
                named = header([("time", "time")], profile=profile)
                own = [event(bodies[number], ident, profile=profile) for ident in (1, 2 + number)]
                store.ingest([named, *own])
            assert sum(epoch.events for epoch in store.epochs()) == 4


def test_an_event_ahead_of_the_clock_is_known_when_its_month_has_come(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(url, create=True) as store:
        with monkeypatch.context() as earlier:
            earlier.setattr(indices, "_AHEAD", timedelta(days=-10_000))
            store.ingest(batch(range(30)))
        report = store.ingest(batch(range(60)))
        assert (report.events, report.known_events) == (30, 30)
        check(store, range(60))


def at_once(arguments: list[list[str]]) -> None:
    """Ingest in processes of their own that begin together; all end well."""
    running = [child(INGEST, one) for one in arguments]
    for process in running:
        process.stdout.readline()  # type: ignore[union-attr]
    assert [process.wait(120) for process in running] == [0] * len(running)
    for process in running:
        process.stdout.close()  # type: ignore[union-attr]
