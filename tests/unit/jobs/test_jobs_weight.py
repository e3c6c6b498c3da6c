"""Cloud and edge agree on what an event weighs, whatever stands where its count should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from unit.jobs.rotated import PROFILES, Call

from analytics.store import JobState, open_store
from keys import Ring
from zt.encoder import Encoder
from zt.query import Session
from zt.query.evaluate import weight

CLAIMS: list[Any] = [0, 3, 2**53 - 1, 2**53, -1, 3.0, "3", True, None, [3], [3, 4], {"x": 3}, {}]
COUNTED = {0: 1, 3: 4, 2**53 - 1: 2**53}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as opened:
        yield opened


@pytest.mark.parametrize("claim", CLAIMS, ids=repr)
def test_both_sides_weigh_alike(store: JobState, shared_ring: Ring, claim: Any) -> None:
    event = msgspec.json.decode(Call(1).line) | {"rate": {"ex_diff": claim}}
    encoder = Encoder(shared_ring, PROFILES[0])
    store.ingest(encoder.encrypt([msgspec.json.encode(event)]))
    session = Session(shared_ring, store)
    [count] = session.top("kind")
    [found] = session.search()
    expected = COUNTED[claim] if type(claim) is int and claim in COUNTED else 1
    assert (count.count, weight(found.event)) == (expected, expected)
