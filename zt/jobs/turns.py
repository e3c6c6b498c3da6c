"""Taking turns at a store: it is open only during a look, so that others can use it.

A store in a file has one owner at a time. A follower that kept it open would shut out those that
bring events and run jobs; so it opens the file for each look, and only when it was written since
the last one. What it costs to open and look sets how long it then leaves the store alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, Protocol, TypeVar

from analytics.store import Store, open_store, store_mark
from analytics.wire import StoreBusyError, StoreError
from keys import KeyCheckError, KeysError

T_co = TypeVar("T_co", covariant=True)

SHARE: Final = 2.0
"""Pauses are at least this many times as long as the last look: others get two thirds."""

LONGEST: Final = 1.0
"""Seconds between two attempts at most, while a store is busy or fails."""

SAFETY: Final = 5.0
"""Seconds after which a look is taken even if the file seems unchanged: clocks of file systems
may tick coarsely."""

LONG_BUSY: Final = 5.0
"""Seconds after which it is said that the store is busy."""


class Looker(Protocol[T_co]):
    """What takes turns: a `zt.jobs.Follower` of findings, a `zt.query.tail.Tail` of events."""

    def look(self, store: Store) -> T_co:
        """What is new since the last look; one that fails changes nothing, and is repeated."""
        ...


class Turns(Generic[T_co]):
    """Looks at a store by turns.

    Args:
        url: of the store.
        follower: looks at it.
        every: seconds between two turns.
        say: is given what hinders it, once for each time that it begins.
        clock: steady, in seconds.

    Attributes:
        pause: seconds to wait before the next turn.
    """

    def __init__(
        self,
        url: str,
        follower: Looker[T_co],
        every: float,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pause = every
        self._url = url
        self._follower = follower
        self._every = every
        self._say = say
        self._clock = clock
        self._mark: Hashable | None = None
        self._looked: float | None = None
        self._busy_since: float | None = None
        self._trouble = ""

    def take(self) -> T_co | None:
        """One turn: what is new, None if the store was busy, failed, or was not written.

        The store is closed again when it returns.

        Raises:
            KeyCheckError: the store has a key under the name of one of the ring's.
            IntegrityError: no header of some epoch and profile verifies.
            StoreError, KeysError: what else fails, before the first look succeeded; later it is
                said and tried again, since stores come back and newer rings arrive.
        """
        # Before it is opened: what is written afterwards shows at the next turn.
        mark, began = store_mark(self._url), self._clock()
        if not self._is_due(mark, began):
            self.pause = self._every
            return None
        news: T_co | None = None
        try:
            with open_store(self._url) as store:
                news = self._follower.look(store)
        except StoreBusyError as error:
            self._be_patient(error, began)
            return None
        except (StoreError, KeysError) as error:
            # What was found must be said, even if closing the store failed.
            if news is None and (self._looked is None or isinstance(error, KeyCheckError)):
                raise
            self._back_off(error)
            return news
        if self._trouble:
            self._say("the store can be read again")
        self._busy_since, self._trouble = None, ""
        self._mark, self._looked = mark, began
        self.pause = max(self._every, SHARE * (self._clock() - began))
        return news

    def _is_due(self, mark: Hashable | None, now: float) -> bool:
        if self._looked is None or mark is None or mark != self._mark:
            return True
        return now - self._looked >= SAFETY

    def _be_patient(self, error: StoreBusyError, now: float) -> None:
        if self._busy_since is None:
            self._busy_since, self.pause = now, self._every / 2
        self.pause = min(2 * self.pause, max(LONGEST, self._every))
        if now - self._busy_since >= LONG_BUSY:
            self._hinder(error, "busy")  # whoever has it then

    def _back_off(self, error: StoreError | KeysError) -> None:
        self._looked = self._looked if self._looked is not None else self._clock()
        self._mark = None  # whatever was seen, look again
        self.pause = min(2 * self.pause, max(LONGEST, self._every))
        self._hinder(error, str(error))

    def _hinder(self, error: StoreError | KeysError, trouble: str) -> None:
        """Say it once, not every second."""
        if trouble != self._trouble:
            self._say(f"{error.diagnostics()}; trying again")
        self._trouble = trouble


__all__ = ["Turns"]
