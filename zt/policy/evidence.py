"""Proving findings: a finding is a hint from a cloud that may be wrong, broken or hostile.

Before anything is blocked, the edge fetches the events behind a finding, checks their seals,
and evaluates its own copy of the job on them: condition, plaintext group, window and threshold.
The cloud can withhold a finding; it can't make one up, point one at somebody else, or stretch
one event into many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from analytics.jobs import find_detections
from analytics.store.base import JobEvent
from analytics.wire import MAX_FINDING_EVENTS, MICROSECONDS, Eq, Selection
from zt.errors import IntegrityError
from zt.jobs import OpenedFinding
from zt.policy.rules import Rule
from zt.query import Found, Session, matches
from zt.query.evaluate import texts_at

CLOCK_SKEW = 60 * MICROSECONDS
"""How far in the future an event may lie: clocks of probes and edges differ."""

MAX_EVIDENCE = 100_000
"""Events fetched for one finding at most."""

MAX_DIGITS = 15
"""Of a count of suppressed events that is believed: as far as stores count exactly."""


class EvidenceError(IntegrityError):
    """A finding is not proven by the events behind it; nobody is blocked for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "nobody was blocked for it; look at it with: zt findings")


class Proof(NamedTuple):
    """What the edge found itself: microseconds since 1970, the metric, the events' ids."""

    start: int
    newest: int
    metric: int
    events: tuple[str, ...]


class Verifier:
    """Proves findings, and remembers which events were used up by an earlier proof.

    Args:
        session: the store and the keys.
        now: microseconds since 1970; the age of evidence is counted from it.
        used: (job, event id) of evidence that has led to a block before; grows with each proof.
    """

    def __init__(self, session: Session, now: int, used: set[tuple[str, str]]) -> None:
        self._session = session
        self._now = now
        self._used = used

    def prove(self, opened: OpenedFinding, rule: Rule) -> Proof:
        """Evaluate the finding's job on its events.

        Raises:
            EvidenceError: they do not prove it; says why.
        """
        found = self._fetch(opened)
        if not found:
            raise EvidenceError("none of its events is there and genuine")
        fitting = [item for item in found if self._fits(opened, item)]
        if not fitting:
            raise EvidenceError("its events are of another group or kind")
        proven = [item for item in fitting if rule.admit_unproven or is_proven(item.event)]
        if not proven:
            raise EvidenceError("its sender never proved its address")
        fresh = [item for item in proven if self._is_fresh(item, rule)]
        if not fresh:
            raise EvidenceError("its events are too old, or in the future")
        unused = [item for item in fresh if (opened.job.id, item.id) not in self._used]
        if not unused:
            raise EvidenceError("its events have led to a block already")
        proof = self._evaluate(opened, unused)
        self._used.update((opened.job.id, event_id) for event_id in proof.events)
        return proof

    def _fetch(self, opened: OpenedFinding) -> list[Found]:
        """The genuine events behind a finding, each once."""
        finding, job = opened.finding, opened.job
        if job.threshold <= MAX_FINDING_EVENTS:
            return list(self._session.open(self._session.store.events(finding.events)))
        selection = Selection(
            kid=finding.kid,
            profile=finding.profile,
            since=finding.start,
            until=finding.end,
            filter=Eq(path=job.group_by[0], value=finding.group[0]),
            limit=MAX_EVIDENCE,
        )
        return list(self._session.open(self._session.store.scan(selection)))

    def _fits(self, opened: OpenedFinding, found: Found) -> bool:
        return (
            found.time is not None
            and matches(opened.job.question, found.view, found.plan)
            and all(text in texts_at(found.view, path) for path, text in opened.group.items())
        )

    def _is_fresh(self, found: Found, rule: Rule) -> bool:
        age = self._now - (found.time or 0)
        return -CLOCK_SKEW <= age <= rule.max_age

    def _evaluate(self, opened: OpenedFinding, evidence: list[Found]) -> Proof:
        job = opened.job
        events = sorted(
            JobEvent(
                found.time or 0,
                found.id,
                weight(found.event),
                tuple(texts_at(found.view, job.value)) if job.value else (),
            )
            for found in evidence
        )
        detections = find_detections(events, job.kind, job.threshold, job.window)
        if not detections:
            raise EvidenceError("its events do not reach the job's threshold within its window")
        last = detections[-1]
        times = {event.id: event.time for event in events}
        used = tuple(event_id for detection in detections for event_id in detection.events)
        return Proof(last.start, max(times[i] for i in last.events), last.metric, used)


def is_proven(event: dict[str, Any]) -> bool:
    """Whether the event's sender proved that it receives at its address.

    It answered a challenge, or spoke over a connection; see `zt.sip`.
    """
    return texts_at(event, "client.proven") == ["true"]


def weight(event: dict[str, Any]) -> int:
    """How many events this one stands for: itself and those that the probe suppressed."""
    suppressed = texts_at(event, "rate.ex_diff")
    if len(suppressed) != 1 or not suppressed[0].isdecimal() or len(suppressed[0]) > MAX_DIGITS:
        return 1
    return 1 + int(suppressed[0])
