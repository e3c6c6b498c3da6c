"""Where gathered sightings go: the collector's book on this machine, or a collector by HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from zt.honeynet.collector.book.access import Honeypot
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.errors import BookError, UnknownNameError
from zt.honeynet.honeypot.tell.posting import Mailbox, NotTakenError
from zt.honeynet.sighting import SightingBatch


class Outlet(Protocol):
    """Takes batches; one that comes twice is counted once."""

    def take(self, batch: SightingBatch) -> int:
        """Have a batch on the collector's disk.

        Returns:
            How many sightings it will never take.

        Raises:
            NotTakenError: it may be later.
            UnknownNameError: nobody of that name may report.
        """
        ...


class BookOutlet:
    """The book, beside a collector that may be serving it.

    Args:
        name: by which `zt honeynet honeypots add` knows who reports.
        clock: microseconds since 1970.

    Raises:
        UnknownNameError: nobody of that name may report.
    """

    def __init__(self, book: Book, name: str, clock: Callable[[], int]) -> None:
        self._book = book
        self._name = name
        self._clock = clock
        self._reporter()

    def take(self, batch: SightingBatch) -> int:
        """See `Outlet`."""
        try:
            return self._book.take(self._reporter(), batch, self._clock()).refused
        except UnknownNameError:
            raise
        except BookError as error:
            raise NotTakenError(str(error), error.hint) from None

    def _reporter(self) -> Honeypot:
        """Who reports, looked up each time: it may have been revoked."""
        reporter = self._book.honeypot_named(self._name)
        if reporter is None:
            raise UnknownNameError(
                f"nobody called {self._name} may report to this book",
                f"let it: zt honeynet honeypots add {self._name} --region cloud --owner OWNER",
            )
        return reporter


class PostOutlet:
    """A collector by HTTP."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def take(self, batch: SightingBatch) -> int:
        """See `Outlet`."""
        return len(batch.sightings) if self._mailbox.post(msgspec.json.encode(batch)) else 0
