"""Who may ask or report, and how often.

A wrong secret costs the same work as a right one: it is hashed and looked up, and the answer says
neither how near it was nor whether it was right once. Secrets have 256 random bits, so that the
limit on failures is there to save work and logs, not to stop guessing; therefore it never keeps
a right secret out, or else anybody could lock out whoever shares an address with him.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.access import Honeypot, Key, Rate
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.web.rates import Limiter, network_of

FAILURES: Final = Rate(30, 120 * MICROSECONDS)
"""Wrong secrets of one source that are answered as such; more are told to wait."""

REPORTS: Final = Rate(1_200, 60 * MICROSECONDS)
"""Batches of one honeypot; one that is at work sends two a second."""

_CLIENTS: Final = 65_536
"""Keys, and sources of wrong ones, whose requests are counted."""

_MAX_SECRET: Final = 256  # characters; what is longer is wrong


Client = TypeVar("Client")


class DeniedError(Exception):
    """The secret is wrong."""


class TooFastError(Exception):
    """The secret is right, or was wrong too often.

    Attributes:
        wait: microseconds after which the client may ask again.
    """

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class Admission:
    """Checks the secret of each request.

    Args:
        clock: microseconds; never goes back.
    """

    def __init__(self, book: Book, clock: Callable[[], int]) -> None:
        self._book = book
        self._clock = clock
        self._keys = Limiter(_CLIENTS)
        self._failures = Limiter(_CLIENTS)
        self._reports = Limiter(_CLIENTS)
        self.wrong = 0  # secrets that nobody has
        self.hasty = 0  # requests that came too fast

    def key(self, secret: str, source: str) -> Key:
        """Whose key it is; counts the request.

        Raises:
            DeniedError: nobody's.
            TooFastError: it, or its source, asked too often.
        """
        key = self._book.find_key(secret[:_MAX_SECRET])
        if key is None or len(secret) > _MAX_SECRET:
            raise self._denied(source)
        return self._in_time(self._keys, key, key.number, key.rate)

    def honeypot(self, secret: str, source: str) -> Honeypot:
        """Whose token it is; counts the request.

        Raises:
            DeniedError, TooFastError: as above.
        """
        honeypot = self._book.find_honeypot(secret[:_MAX_SECRET])
        if honeypot is None or len(secret) > _MAX_SECRET:
            raise self._denied(source)
        return self._in_time(self._reports, honeypot, honeypot.number, REPORTS)

    def _in_time(self, limiter: Limiter, client: Client, number: int, rate: Rate) -> Client:
        if wait := limiter.wait(number, rate, self._clock()):
            self.hasty += 1
            raise TooFastError(wait)
        return client

    def _denied(self, source: str) -> DeniedError | TooFastError:
        self.wrong += 1
        wait = self._failures.wait(network_of(source), FAILURES, self._clock())
        return TooFastError(wait) if wait else DeniedError()
