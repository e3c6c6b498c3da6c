"""Batches on their way into the book: many at once, beside the loop that answers requests.

Making a batch durable waits for the disk. Each batch waits in a thread of its own, and the book
commits together what waits at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from zt.honeynet.collector.book.access import Honeypot
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import Taken
from zt.honeynet.sighting import SightingBatch

THREADS: Final = 32
"""Batches that can become durable together."""

PENDING: Final = 256
"""Batches that may wait; where there are more, honeypots are told to come again."""

Result = TypeVar("Result")


class FullError(Exception):
    """Too many batches wait; this one was not taken."""


class Intake:
    """Takes batches into the book.

    Args:
        now: microseconds since 1970.
    """

    def __init__(self, book: Book, now: Callable[[], int]) -> None:
        self._book = book
        self._now = now
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="intake")
        self.waiting = 0
        self.batches = 0
        self.sightings = 0

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return self.waiting >= PENDING

    async def take(self, honeypot: Honeypot, batch: SightingBatch) -> Taken:
        """Take a batch; returns once it is on the disk, now or before.

        Raises:
            FullError: too many wait.
            BookError: the book can't be written.
        """
        if self.is_full:
            raise FullError
        taken = await self.run(lambda: self._book.take(honeypot, batch, self._now()))
        self.batches += 1
        self.sightings += taken.taken
        return taken

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do something else with the book that waits for the disk."""
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self.waiting -= 1

    async def close(self) -> None:
        """Wait for what has begun."""
        await asyncio.to_thread(self._threads.shutdown)
