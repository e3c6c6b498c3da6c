"""Sightings on their way to the collector: told again and again until it has them on its disk.

One batch is under way at a time, byte for byte the same until it is acknowledged, so that the
collector counts it once, by its name. Meanwhile everything else is added up in the table, whose
memory is bounded: a collector that is away for a day costs detail, not memory.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from zt.errors import InputError, WorkerError
from zt.honeynet.honeypot.tell.posting import LONGEST_PAUSE, Mailbox, NotTakenError
from zt.honeynet.honeypot.tell.sightings import Sightings
from zt.honeynet.sighting import MAX_SIGHTINGS, SightingBatch
from zt.metrics import Figure
from zt.shipping.trouble import Trouble

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

PACE: Final = 0.2
"""Seconds from one look at the table to the next: so long a new sighting waits at most."""

FIRST_PAUSE: Final = 0.25
"""Seconds between two attempts at first; `LONGEST_PAUSE` at most."""


class Reporter:
    """Reports what a table of sightings holds, in a thread of its own.

    Args:
        mailbox: of the collector.
        sightings: what is reported.
        say: is given what a person should know; called from the thread.

    Attributes:
        batches, sightings: that the collector acknowledged.
        refused: sightings that it will never take.
        failures: attempts that failed.

    Raises:
        InputError: the package that it needs is not installed.
    """

    def __init__(
        self, mailbox: Mailbox, sightings: Sightings, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.batches = self.sightings = self.refused = self.failures = 0
        self._mailbox = mailbox
        self._table = sightings
        self._say = say
        self._trouble = Trouble(say, "the collector takes sightings again")
        self._boot = os.urandom(8).hex()  # so that no name of a batch is used again after a start
        self._under_way = 0  # sightings of the batch that is not acknowledged
        self._hurry = threading.Event()
        self._is_ending = False
        self._failure = ""
        self._attempts = self._persistent()
        self._thread = threading.Thread(target=self._guarded, name="zt-reporting", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def check(self) -> None:
        """Refuse to go on as if sightings were reported.

        Raises:
            WorkerError: the thread ended by a defect.
        """
        if self._failure:
            raise WorkerError(
                f"reporting failed by a defect of this program: {self._failure}",
                "please report it; what was not reported is lost",
            )

    def reload(self) -> None:
        """Read the token again, and try now.

        Raises:
            InputError, RingError: it can't be used; the one before stays.
        """
        self._mailbox.reload()
        self._hurry.set()

    def close(self, seconds: float) -> None:
        """Report everything that is there, each batch tried once, and end.

        What the collector does not take by then is lost, and said: the next attack tells it again.

        Args:
            seconds: how long this may take.
        """
        self._is_ending = True
        self._hurry.set()
        if self._thread.ident is not None:  # it was started
            self._thread.join(seconds)
        if not self.is_alive:
            self._mailbox.close()
        if lost := self.waiting:
            self._say(f"{lost} sightings are lost: the collector did not take them")

    @property
    def is_alive(self) -> bool:
        """Whether it reports."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Sightings that are not acknowledged."""
        return self._under_way + len(self._table)

    def figures(self) -> list[Figure]:
        """What became of sightings, and how many wait."""
        return [
            Figure("report_batches", self.batches, "Batches that the collector took."),
            Figure("report_sightings", self.sightings, "Sightings that the collector took."),
            Figure("report_refused", self.refused, "Sightings that it will never take."),
            Figure("report_failures", self.failures, "Attempts to report that failed."),
            Figure("report_waiting", self.waiting, "Sightings not yet reported.", is_now=True),
        ]

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  # its message may quote the token
            self._failure = type(error).__name__

    def _run(self) -> None:
        number = 0
        while True:
            is_last = self._is_ending
            if batch := self._table.take(MAX_SIGHTINGS, everything=is_last):
                number += 1
                self._under_way = len(batch)
                body = msgspec.json.encode(SightingBatch(f"{self._boot}-{number}", tuple(batch)))
                if not self._deliver(body):
                    return
                self._under_way = 0
            elif is_last:
                return
            self._wait(PACE)

    def _deliver(self, body: bytes) -> bool:
        """Send a batch until it is taken, or refused for good; False if the end came before."""
        try:
            status = self._attempts(self._mailbox.post, body)
        except NotTakenError as error:
            self._note(error)
            return False
        if status:
            self.refused += self._under_way
            self._trouble.tell(
                str(status), f"the collector refused a batch of sightings for good ({status})"
            )
        else:
            self.batches += 1
            self.sightings += self._under_way
            self._trouble.is_over()
        return True

    def _persistent(self) -> Retrying:
        """What calls again until something is acknowledged, or the end was asked for."""
        try:
            from tenacity import Retrying, retry_if_exception_type
        except ModuleNotFoundError:
            raise InputError(
                "reporting to a collector needs the package tenacity",
                "install it: pip install 'zt-analytics[honeynet]'",
            ) from None
        return Retrying(
            retry=retry_if_exception_type(NotTakenError),
            wait=_pause,
            stop=lambda state: self._is_ending,
            sleep=self._wait,
            before_sleep=lambda state: self._note(_error(state)),
            reraise=True,
        )

    def _note(self, error: NotTakenError | None) -> None:
        if error is not None:
            self.failures += 1
            self._trouble.tell(str(error), f"{error}\n  {error.hint}")

    def _wait(self, seconds: float) -> None:
        if not self._is_ending and self._hurry.wait(seconds) and not self._is_ending:
            self._hurry.clear()


def _pause(state: RetryCallState) -> float:
    """Seconds to the next attempt: growing and random, or as long as the collector asks for."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(state.attempt_number - 1, 10))
    error = _error(state)
    return max(random.uniform(longest / 2, longest), error.after if error is not None else 0.0)


def _error(state: RetryCallState) -> NotTakenError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, NotTakenError) else None


__all__ = ["Reporter"]
