"""Proving findings: a finding is a hint from a cloud that may be wrong, broken or hostile.

Before anything is blocked, the edge fetches the events behind a finding, checks their seals,
and evaluates its own copy of the job on them: condition, plaintext group, window and threshold.
The events may be of several epochs and profiles. The cloud can withhold a finding; it can't make
one up, point one at somebody else, or stretch one event into many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from analytics.jobs import find_detections
from analytics.wire import MAX_FINDING_EVENTS, MICROSECONDS
from zt.errors import IntegrityError
from zt.jobs import JobEvents, OpenedFinding, fits, job_event
from zt.policy.rules import Rule
from zt.query import Found, Session
from zt.query.evaluate import texts_at

PROVEN = "client.proven"
"""The field that says whether an event's sender proved its address."""

CLOCK_SKEW = 60 * MICROSECONDS
"""How far in the future an event may lie: clocks of probes and edges differ."""


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
        self._events: dict[str, JobEvents] = {}

    def prove(self, opened: OpenedFinding, rule: Rule) -> Proof:
        """Evaluate the finding's job on its events.

        Raises:
            EvidenceError: they do not prove it; says why.
            GrantError: the ring is a reader ring that does not open the job's fields, or the
                weights of events, or whether their senders are proven where the rule wants that.
        """
        found = self._fetch(opened, rule)
        if not found:
            raise EvidenceError("none of its events is there and genuine")
        fitting = [item for item in found if fits(opened.job, opened.group, item)]
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

    def _fetch(self, opened: OpenedFinding, rule: Rule) -> list[Found]:
        """The genuine events behind a finding, each once."""
        finding, job = opened.finding, opened.job
        if (events := self._events.get(job.id)) is None:
            # first of all: a reader ring that does not open all of the job's fields is refused
            events = self._events[job.id] = JobEvents(job, self._session)
        if not rule.admit_unproven:
            events.require(PROVEN)
        if job.threshold <= MAX_FINDING_EVENTS:
            return list(self._session.open(self._session.store.events(finding.events)))
        return events.of_group(opened.group, finding.start, finding.end)

    def _is_fresh(self, found: Found, rule: Rule) -> bool:
        age = self._now - (found.time or 0)
        return -CLOCK_SKEW <= age <= rule.max_age

    def _evaluate(self, opened: OpenedFinding, evidence: list[Found]) -> Proof:
        job = opened.job
        events = sorted(job_event(job, found) for found in evidence)
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
    return texts_at(event, PROVEN) == ["true"]
