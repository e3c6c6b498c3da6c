"""Workers: work comes back in order, and nothing is left behind, whatever ends it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keys import GrantError, Ring, RingError, make_reader_ring
from keys.files import write_private
from zt.encoder import Encoder
from zt.encoder.workers import in_order
from zt.errors import EventError, WorkerError
from zt.profile import Profile

LINES = [b'{"type":"a","n":%d}\n' % n for n in range(60)]
BATCHES = [LINES[start : start + 6] for start in range(0, 60, 6)]


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def never(job: object) -> bool:
    return False


def slow_where_odd(job: int) -> tuple[int, int]:
    time.sleep(0.05 * (job % 2))
    return job, os.getpid()


def test_results_come_in_order_from_all_workers() -> None:
    done = list(in_order(slow_where_odd, range(20), 3, never))
    assert [job for job, _ in done] == list(range(20))
    assert len({process for _, process in done} - {os.getpid()}) == 3


@pytest.mark.parametrize("jobs", [0, 1, 2])
def test_fewer_jobs_than_workers(jobs: int) -> None:
    assert [job for job, _ in in_order(slow_where_odd, range(jobs), 3, never)] == list(range(jobs))


def test_an_idle_stream_lets_results_out() -> None:
    def jobs() -> Iterator[int | None]:
        yield 2
        deadline = time.monotonic() + 30
        while not done and time.monotonic() < deadline:
            time.sleep(0.01)
            yield None
        assert done, "the result waited for the next job"
        yield 4

    done: list[int] = []
    for job, _ in in_order(slow_where_odd, jobs(), 2, lambda job: job is None):  # type: ignore[arg-type]
        done.append(job)
    assert done == [2, 4]


def test_at_most_one_job_a_worker_is_taken() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for n in range(10):
            taken.append(n)
            yield n

    results = in_order(slow_where_odd, jobs(), 2, never)
    next(results)
    assert len(taken) <= 3
    results.close()


def fails(job: int) -> int:
    if job == 3:
        raise EventError("no such job", "ask for another")
    return job


def test_an_error_arrives_as_it_was_after_what_came_before() -> None:
    results = in_order(fails, range(9), 2, never)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(EventError, match="no such job") as caught:
        next(results)
    assert caught.value.hint == "ask for another"


def ends(how: Callable[[], object]) -> Callable[[int], int]:
    def work(job: int) -> int:
        if job == 2:
            how()
        return job

    return work


@pytest.mark.parametrize(
    "how",
    [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0)],
    ids=["killed", "gone"],
)
def test_a_worker_that_ends_is_missed(
    how: Callable[[], object], capfd: pytest.CaptureFixture[str]
) -> None:
    results = in_order(ends(how), range(9), 2, never)
    assert [next(results) for _ in range(2)] == [0, 1]
    with pytest.raises(WorkerError, match="ended before its work was done"):
        list(results)


def test_a_defect_quotes_nothing_of_the_input(capfd: pytest.CaptureFixture[str]) -> None:
    results = in_order(ends(lambda: int("s3cret")), range(9), 2, never)
    with pytest.raises(WorkerError, match="ValueError") as caught:
        list(results)
    assert "s3cret" not in str(caught.value) + "".join(capfd.readouterr())


def test_an_interrupt_is_the_parents_to_answer() -> None:
    results = in_order(slow_where_odd, range(8), 2, never)
    first = next(results)
    os.kill(first[1], signal.SIGINT)
    assert [job for job, _ in results] == list(range(1, 8))


def test_a_stream_that_nobody_reads_on_leaves_no_process(ring: Ring, profile: Profile) -> None:
    wire = Encoder(ring, profile, stream="s", workers=2).encrypt_batches(BATCHES)
    assert next(wire)
    assert len(multiprocessing.active_children()) == 2
    wire.close()  # type: ignore[attr-defined]


def test_a_ring_that_cant_encrypt_stops_workers_too(
    ring: Ring, profile: Profile, tmp_path: Path
) -> None:
    reader = make_reader_ring(ring, tmp_path / "r.json", "file:r.key", ["address"])

    def batches() -> Iterator[list[bytes]]:
        yield from BATCHES[:2]
        write_private(ring.path, reader.path.read_bytes(), replace=True)
        yield from BATCHES[2:]

    with pytest.raises((GrantError, RingError)):
        list(Encoder(ring, profile, stream="s", workers=2).encrypt_batches(batches()))
