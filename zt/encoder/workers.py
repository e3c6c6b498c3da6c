"""Work spread over processes, its results in the order of the work.

The processes are forked, so what they work with, keys among it, reaches them by inheritance and
through no pipe or file; jobs and results do pass through pipes, which nobody else can open.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from keys import KeysError
from zt.errors import WorkerError, ZtError

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int,
    is_idle: Callable[[Job], bool],
) -> Generator[Result]:
    """The result of each job, in order, from as many processes as there are workers.

    Each worker has one job at a time, so at most so many are held.

    Args:
        work: done in the workers; what it keeps, each of them keeps for itself.
        jobs: what there is to do; pickled.
        workers: how many processes.
        is_idle: whether a job is none but a sign that no other will come soon: then the results
            that are there are passed on at once.

    Raises:
        WorkerError: a worker ended, as one does that the system has taken the memory from.
        ZtError, KeysError: what `work` raised.
    """
    with ExitStack() as stack:
        team = [stack.enter_context(closing(_Worker(work))) for _ in range(workers)]
        at_work: deque[_Worker[Job, Result]] = deque()
        idle = deque(team)
        for job in jobs:
            if is_idle(job):
                while at_work and at_work[0].is_done():
                    yield _take(at_work, idle)
                continue
            if not idle:
                yield _take(at_work, idle)
            worker = idle.popleft()
            worker.give(job)
            at_work.append(worker)
        while at_work:
            yield _take(at_work, idle)


def _take(at_work: deque[_Worker[Job, Result]], idle: deque[_Worker[Job, Result]]) -> Result:
    worker = at_work.popleft()
    result = worker.take()
    idle.append(worker)
    return result


class _Worker(Generic[Job, Result]):
    """A process that does one job at a time."""

    def __init__(self, work: Callable[[Job], Result]) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(work, theirs, self._pipe), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, job: Job) -> None:
        """Begin a job; the last one's result was taken."""
        try:
            self._pipe.send(job)
        except OSError:
            raise _ended() from None

    def is_done(self) -> bool:
        """Whether `take` would not wait."""
        return self._pipe.poll()

    def take(self) -> Result:
        """The result of the job; waits for it."""
        try:
            error, result = self._pipe.recv()
        except (EOFError, OSError):
            raise _ended() from None
        if error is not None:
            kind, *parts = error
            raise kind(*parts)
        done: Result = result
        return done

    def close(self) -> None:
        """End the process, whatever it does."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()
        self._process.close()


def _serve(work: Callable[[Job], Result], pipe: Connection, theirs: Connection) -> None:
    """What a worker does until its parent closes the pipe, or ends."""
    theirs.close()  # or the end of the parent would not show
    # the parent alone decides what an interrupt means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send((None, work(job)))
        except (ZtError, KeysError) as error:
            pipe.send(((type(error), str(error), error.hint), None))
        except Exception as error:  # noqa: BLE001  # its message may quote what was encrypted
            what = f"a worker failed by a defect of this program: {type(error).__name__}"
            pipe.send(((WorkerError, what, "please report it, and what the input is like"), None))


def _ended() -> WorkerError:
    return WorkerError(
        "a worker ended before its work was done",
        "look whether the system ran out of memory; fewer workers need less",
    )
