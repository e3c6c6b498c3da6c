"""A job runner beside writers that come, go and die: no event is skipped by a watermark."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from stores.faults import INGEST, batch, check, child, in_pieces, written
from stores.test_store_jobs import PART, job

from analytics.store import open_store
from analytics.store.opensearch import positions
from analytics.store.opensearch.cluster import PATIENCE
from analytics.wire import StoreError

pytestmark = pytest.mark.opensearch

JOB = job(group_by=("n",))
"""Each event is a group of its own, so every event that the runner is shown has a name."""

HELD = 5.0

HASTY = f"""
import analytics.store.opensearch.positions as positions
positions.HELD, positions.MARGIN, positions.PATIENCE = {HELD}, 0.5, 0.5
{INGEST}
"""
"""Writers that give up, and are given up, in seconds instead of minutes."""

DYING = """
import os, sys
from analytics.store import open_store
import analytics.store.opensearch.ingest as ingest
import analytics.store.opensearch.positions as positions
positions.HELD, positions.MARGIN, positions.PATIENCE = float(sys.argv[2]), 1.0, 1.0
ingest.Cluster.bulk_all = lambda self, pieces, check: [os._exit(3) for _ in pieces]
with open_store(sys.argv[1]) as store:
    store.ingest([])
    ingest.Ingest._write_records = lambda *_: None
    from stores.faults import batch
    store.ingest(batch(range(100, 130)))
"""
"""A writer that dies when it has taken numbers for its events, before it sends them."""


@pytest.mark.slow
def test_a_runner_beside_writers_that_are_killed_skips_no_event(url: str, tmp_path: Path) -> None:
    chance, events, seen, marks = random.Random(5), 4_000, set[str](), set[int]()
    files = []
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
        idents = range(number * events // 2, (number + 1) * events // 2)
        files.append(written(tmp_path / f"{number}", in_pieces(idents, 150)))
    with open_store(url, create=True) as store:
        store.put_job(JOB)
        for attempt in range(4):
            writers = [child(HASTY, [url, file]) for file in files]
            for writer in writers:
                assert writer.stdout is not None
                writer.stdout.readline()
            # Killed by what the runner saw, not by the clock: a slow machine's are as far as that.
            enough = events if attempt == 3 else len(marks) + chance.randint(2, 4)
            until = time.monotonic() + 60
            while time.monotonic() < until and len(marks) < enough:
                if None not in [writer.poll() for writer in writers]:
                    break
                reached = store.position()
                after = store.watermark(JOB, PART)
                seen |= {change.group[0] for change in store.changed_groups(JOB, PART, after)}
                store.write_findings(JOB, PART, [], reached)
                marks.add(reached)
            for writer in writers:
                writer.kill()
                writer.communicate()
        for file in files:
            store.ingest(Path(file).read_bytes().splitlines(keepends=True))
        after = store.watermark(JOB, PART)
        seen |= {change.group[0] for change in store.changed_groups(JOB, PART, after)}
        check(store, range(events))
    assert seen == {str(n) for n in range(events)}
    assert len(marks) > 5


def test_a_writer_that_died_holds_the_runner_up_for_a_time_only(url: str) -> None:
    with open_store(url, create=True) as store:
        store.ingest(batch(range(100)))
        settled = store.position()
        with child(DYING, [url, str(HELD)]) as process:
            assert process.wait(60) == 3
        died = time.monotonic()
        store.ingest(batch(range(200, 230)))
        assert store.position() == settled
        while store.position() == settled:
            assert time.monotonic() < died + HELD + 5
            time.sleep(0.2)
        assert store.position() == settled + 60
        store.ingest(batch(range(100, 130)))  # the dead one's, under other numbers
        assert store.position() == settled + 90
        check(store, [*range(130), *range(200, 230)])


def test_a_writer_that_is_too_late_sends_nothing_more(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its numbers may count as settled already: an event under them would be skipped."""
    with open_store(url, create=True) as store:
        store.ingest(batch(range(30)))
        with monkeypatch.context() as late:
            late.setattr(positions, "HELD", positions.MARGIN + PATIENCE - 1)
            with pytest.raises(StoreError, match="too slow"):
                store.ingest(batch(range(30, 60)))
        check(store, range(30))
        store.ingest(batch(range(30, 60)))
        check(store, range(60))
