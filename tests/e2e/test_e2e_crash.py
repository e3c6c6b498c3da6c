"""Killing `zt-analytics ingest` at any moment and running it again loses and doubles nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analytics.store import open_store
from analytics.wire import EventLine, Lookup, Metric, Query, ValueLine, parse_line
from keys import Ring
from zt.encoder import Encoder
from zt.profile import Profile

KILLS = 30
MAX_ATTEMPTS = 120
EVENTS = 24_000


@pytest.fixture(scope="module")
def wire(
    tmp_path_factory: pytest.TempPathFactory,
    shared_ring: Ring,
    profile: Profile,
    demo_events: list[dict[str, Any]],
) -> Path:
    """A wire file of a few batches."""
    lines = [
        msgspec.json.encode({**demo_events[n % len(demo_events)], "number": n}) + b"\n"
        for n in range(EVENTS)
    ]
    path = tmp_path_factory.mktemp("crash") / "events.zt"
    path.write_bytes(b"".join(Encoder(shared_ring, profile).encrypt(lines)))
    return path


def ingest(wire: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "analytics.cli",
        "ingest",
        "-s",
        "duckdb:cloud.duckdb",
        str(wire),
    ]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)


def contents(folder: Path, wire: Path) -> dict[str, Any]:
    """Everything that the store gives back."""
    lines = [parse_line(raw) for raw in wire.read_bytes().splitlines()]
    with open_store(f"duckdb:{folder / 'cloud.duckdb'}") as store:
        (header,) = store.headers()
        ids = [line.meta.id for line in lines if isinstance(line, EventLine)]
        records = {line.record for line in lines if isinstance(line, ValueLine)}
        by = Query(
            kid=header.kid,
            profile=header.profile,
            group_by=("client.ip", "type"),
            metrics=(Metric(kind="count"), Metric(kind="distinct", path="sip.from")),
        )
        cts = tuple(sorted({record.ct for record in records}))
        keyspaces = sorted({record.keyspace for record in records})
        return {
            "position": store.position(),
            "events": sorted(store.events(ids)),
            "groups": sorted((row.key, row.metrics) for row in store.query(by)),
            "records": sorted(
                record.model_dump_json()
                for keyspace in keyspaces
                for record in store.values(Lookup(kid=header.kid, keyspace=keyspace, cts=cts))
            ),
        }


@pytest.mark.slow
def test_killed_ingests_lose_and_double_nothing(wire: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    start = time.monotonic()
    assert ingest(wire, tmp_path / "whole").wait(120) == 0
    whole_run = time.monotonic() - start
    expected = contents(tmp_path / "whole", wire)
    assert expected["position"] == len(expected["events"]) == EVENTS

    chance = random.Random(20261123)
    folder = tmp_path / "killed"
    folder.mkdir()
    killed = 0
    for attempt in range(MAX_ATTEMPTS):
        if attempt % 5 == 0:  # a fresh store now and then, or all the work were soon done
            for path in folder.iterdir():
                path.unlink()
        process = ingest(wire, folder)
        time.sleep(chance.uniform(0.1, 0.8 * whole_run))
        process.kill()
        killed += process.wait(60) != 0
        if attempt % 5 == 4:
            assert ingest(wire, folder).wait(120) == 0
            assert contents(folder, wire) == expected
            if killed >= KILLS:
                return
    pytest.fail(f"only {killed} of {MAX_ATTEMPTS} ingests were caught while they ran")
