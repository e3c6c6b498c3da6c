"""Outlets that can be away, and waiting for what threads do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from analytics.store import Store, open_store
from analytics.wire import StoreError
from keys import Ring
from zt.shipping import StoreOutlet
from zt.shipping.outlets import Delivered

BOUND = 60.0  # seconds; for what takes a moment, on a machine that does something else too


class AwayError(StoreError):
    """The store can't be reached."""

    def __init__(self) -> None:
        super().__init__("nobody answers", "wait until somebody does")


class FlakyStore(StoreOutlet):
    """A real store in a file, which can be away; notes what it was given.

    Attributes:
        is_away: whether it is.
        given: the batches of each attempt, successful or not.
        taken: the batches that were stored.
        takes_then_breaks: deliveries after which the connection breaks, so that the sender can't
            know that they came through.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, self._open)
        self._url = url
        self.is_shared = True  # as a cluster: away is no mistake
        self.is_away = False
        self.takes_then_breaks = 0
        self.given: list[bytes] = []
        self.taken: list[bytes] = []

    def _open(self) -> Store:
        if self.is_away:
            raise AwayError
        return open_store(self._url, create=True)

    def deliver(self, batches: Sequence[bytes], ring: Ring) -> Delivered:
        self.given += batches
        if self.is_away:
            self.close()
            raise AwayError
        delivered = super().deliver(batches, ring)
        self.close()  # so that a test can look into it
        self.taken += batches
        if self.takes_then_breaks:
            self.takes_then_breaks -= 1
            raise AwayError
        return delivered


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)
