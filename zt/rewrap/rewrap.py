"""The run over a store: epoch by epoch, batch by batch, to be stopped at any moment.

Invariants:
- What is left to do is what the store still holds under old epochs, and nothing else remembers
  it: a run that was killed goes on where it was, and one more changes nothing.
- Each batch is swapped by the store, event by event or all at once, never half an event; ids
  stay. An event that fails any check stays as it is and is counted.
- An epoch leaves the store when no event has it. One that waits for its time is left alone.
- Memory is bounded by the batch, whatever the store holds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from analytics.wire import BadLine, Metric, Query
from keys import RingError
from zt.query import Session
from zt.rewrap.again import Again
from zt.rewrap.findings import move_findings

BATCH = 5_000
"""Events that are encrypted and swapped at once."""

SAMPLE = 2_000
"""Events that a dry run encrypts to see how long it takes."""


@dataclass(frozen=True, slots=True)
class Stock:
    """The events that a store holds of one old epoch and profile."""

    kid: str
    profile: str
    events: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would do, and how long that takes.

    `seconds` was measured on a few events, which were encrypted, checked and thrown away: the
    store's own share is not in it. `sampled` of them were tried and `failed` counts by reason
    those that would stay as they are.
    """

    kid: str
    stock: tuple[Stock, ...]
    seconds: float
    sampled: int
    failed: Counter[str]

    @property
    def events(self) -> int:
        """How many events are to be encrypted again."""
        return sum(stock.events for stock in self.stock)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: events looked at, of how many, and seconds that are left as it seems."""

    kid: str
    done: int
    total: int
    seconds_left: float


@dataclass(slots=True)
class RewrapReport:
    """What a run did.

    `kid` is the epoch that encrypted, `events` and `findings` what it encrypted again, `failed`
    counts by reason what stays under an old epoch. `changed` events were replaced or removed by
    somebody else meanwhile. `stale_findings` are of jobs that the store has no more in that
    version; nobody could open them before either. `forgotten` are the epochs of which the store
    holds nothing any more, `left` the others with their events, and `unserved` the jobs that
    have no part for the epoch that encrypted.
    """

    kid: str
    events: int = 0
    findings: int = 0
    changed: int = 0
    stale_findings: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)
    forgotten: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    unserved: list[str] = field(default_factory=list)


class Rewrap:
    """Encrypts a store's history under the ring's active epoch.

    Args:
        session: the ring, checked against the store.
        rate: events a second at most.
        on_progress: called after each batch was stored; what it raises ends the run between two
            batches.

    Raises:
        RingError: no epoch of the ring is active.
    """

    def __init__(
        self,
        session: Session,
        *,
        rate: int | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._session = session
        self._again = Again(session)
        self._rate = rate
        self._on_progress = on_progress

    def stock(self) -> list[Stock]:
        """What there is to encrypt again, oldest epoch first."""
        found = []
        for kid in self._old_epochs():
            for plan in self._session.decoder.plans():
                if plan.kid == kid:
                    count = self._count(kid, plan.profile_id)
                    found.append(Stock(kid, plan.profile_id, count))
        return [stock for stock in found if stock.events]

    def estimate(self) -> Estimate:
        """Look what a run would do; nothing is written."""
        stock = tuple(self.stock())
        failed: Counter[str] = Counter()
        sampled, seconds = 0, 0.0
        for kid in dict.fromkeys(item.kid for item in stock):
            lines = list(islice(self._session.store.epoch_events(kid), SAMPLE - sampled))
            if not lines:
                break
            started = time.perf_counter()
            self._again.events(lines, kid, failed)
            seconds += time.perf_counter() - started
            sampled += len(lines)
        total = sum(item.events for item in stock)
        seconds *= total / max(sampled, 1)
        if self._rate is not None:
            seconds = max(seconds, total / self._rate)
        return Estimate(self._again.kid, stock, seconds, sampled, failed)

    def run(self) -> RewrapReport:
        """Encrypt again all that can be, and let the store forget epochs without events.

        Raises:
            StoreError: the store can't do it; what was done before stays done.
            RingError: the ring rotated meanwhile, or can't be read any more; as above.
        """
        report = RewrapReport(self._again.kid)
        clock = _Clock(self._rate, sum(item.events for item in self.stock()))
        for kid in self._old_epochs():
            # Again afterwards: the cloud may have found more while the events were on their way.
            self._move_findings(kid, report)
            failed: Counter[str] = Counter()
            self._move_events(kid, report, failed, clock)
            report.failed += failed
            self._move_findings(kid, report, last=True)
            self._finish(kid, report)
        report.unserved = self._unserved()
        report.seconds = clock.elapsed
        return report

    def _old_epochs(self) -> list[str]:
        newer = {e.kid for e in self._session.ring.epochs if e.state in ("active", "pre-active")}
        return [epoch.kid for epoch in self._session.store.epochs() if epoch.kid not in newer]

    def _count(self, kid: str, profile: str) -> int:
        metrics = (Metric(kind="events"),)
        [row] = self._session.store.query(Query(kid=kid, profile=profile, metrics=metrics))
        return int(row.metrics[0] or 0)

    def _move_events(
        self, kid: str, report: RewrapReport, failed: Counter[str], clock: _Clock
    ) -> None:
        store = self._session.store
        size = BATCH if self._rate is None else min(BATCH, self._rate)
        events = store.epoch_events(kid)

        def refused(line: BadLine) -> None:
            failed[f"the store refused it: {line.reason}"] += 1

        while lines := list(islice(events, size)):
            self._check_ring()
            if stream := self._again.events(lines, kid, failed):
                done = store.replace(stream, kid=kid, reject=refused)
                report.events += done.events
                report.changed += done.known_events + done.unknown_events + done.other_events
            self._on_progress(Progress(kid, *clock.note(len(lines))))
            clock.wait()

    def _check_ring(self) -> None:
        if self._session.ring.refreshed().active.kid.hex() != self._again.kid:
            raise RingError(
                f"epoch {self._again.kid} is not the active one any more: the ring rotated",
                "run it again: it goes on under the new epoch",
            )

    def _move_findings(self, kid: str, report: RewrapReport, *, last: bool = False) -> None:
        moved = move_findings(self._session, self._again, kid)
        report.findings += moved.moved
        if last:
            report.stale_findings += moved.stale
            report.failed += moved.failed

    def _finish(self, kid: str, report: RewrapReport) -> None:
        """Let an epoch go that no event has, or say how many have it."""
        events = next((e.events for e in self._session.store.epochs() if e.kid == kid), 0)
        if events:
            report.left[kid] = events
        elif self._session.store.forget(kid):
            report.forgotten.append(kid)

    def _unserved(self) -> list[str]:
        kid = self._again.kid
        jobs = self._session.store.jobs()
        return [job.id for job in jobs if all(part.kid != kid for part in job.parts)]


class _Clock:
    """The pace of a run."""

    def __init__(self, rate: int | None, total: int) -> None:
        self._rate = rate
        self._total = total
        self._done = 0
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def note(self, events: int) -> tuple[int, int, float]:
        """Count events; how many are done, of how many, and the seconds that are left."""
        self._done += events
        self._total = max(self._total, self._done)
        pace = self.elapsed / self._done
        if self._rate is not None:
            pace = max(pace, 1 / self._rate)
        return self._done, self._total, (self._total - self._done) * pace

    def wait(self) -> None:
        """Sleep until the rate allows more."""
        if self._rate is not None:
            time.sleep(max(0.0, self._done / self._rate - self.elapsed))
