"""Findings of the honeynet's jobs as sightings for the collector.

Honeypots can report what they see themselves, or send their events, encrypted, to a cloud whose
jobs find who attacks: then this opens the findings where the honeynet's ring is, proves them, and
tells the collector. A finding is a hint of a cloud that may lie: each is proven by events, of
senders that have proven their addresses. So the cloud can keep silent on an attacker, or have it
counted again by windows that overlap, and can't have anybody banned.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from analytics.store import Store
from analytics.wire import MICROSECONDS, Finding
from keys import Ring, WrongKeyError
from zt.errors import InputError, ZtError
from zt.honeynet.sighting import MAX_SIGHTINGS, MAX_TOOL, Kind, Sighting, SightingBatch
from zt.honeynet.told import Told
from zt.jobs import Follower, Job, JobEvents, OpenedFinding, fits
from zt.policy.evidence import CLOCK_SKEW, PROVEN, EvidenceError, is_proven
from zt.query import Found, Session
from zt.query.evaluate import texts_at, weight
from zt.query.sessions import Sessions
from zt.values.address import parse_address

T = TypeVar("T")

PREFIX: Final = "honeynet-"
"""The ids of jobs are this and a kind of sighting."""

ADDRESS: Final = "client.ip"
"""What they group by."""

OLDEST: Final = 7 * 86_400 * MICROSECONDS
"""Evidence that is older tells nothing: the collector would let the address go at once."""

MAX_PROOFS: Final = 2_000
"""Findings that are proven in one look, so that the store is not kept from others for long."""

MAX_EVIDENCE: Final = 10_000
"""Events of one group and window that are looked at together."""

_TOOL_FIELDS: Final = ("event.signature", "user_agent.original")


@dataclass(slots=True)
class Gathered:
    """What one look found.

    Attributes:
        batches: for the collector; once it has them all, `Gatherer.confirm`.
        findings, counts: what they were made of.
        refused: findings that are not proven, by reason.
        refused_events: events of the store that were refused, by reason.
        added: the jobs that got parts for new epochs or profiles.
        waiting: findings that wait for the next look.
    """

    batches: list[SightingBatch] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    refused_events: Counter[str] = field(default_factory=Counter)
    added: list[str] = field(default_factory=list)
    waiting: int = 0


class Gatherer:
    """Looks at a store for findings, and proves them; see `zt.jobs.Turns`.

    What a look gathered is given again, the same, until it is confirmed: the collector counts a
    batch that comes twice once.

    Args:
        ring: of the honeynet's tenant; refreshed when its file changes.
        jobs: the edge's own copies.
        told: what the collector was told before.
        clock: microseconds since 1970.

    Raises:
        InputError: a job is none whose findings are sightings.
    """

    def __init__(
        self, ring: Ring, jobs: Iterable[Job], told: Told, clock: Callable[[], int]
    ) -> None:
        known = list(jobs)
        self._kinds = {job.id: _kind(job) for job in known}
        self._follower = Follower(ring, known)
        self._sessions = Sessions(ring)
        self._told = told
        self._clock = clock
        self._boot = os.urandom(8).hex()  # so that no name of a batch is used again after a start
        self._number = 0
        self._is_first = True
        self._pending: dict[str, OpenedFinding] = {}
        self._said = Gathered()  # of news that a look which failed had found already
        self._under_way: Gathered | None = None

    def look(self, store: Store) -> Gathered:
        """What the collector is to be told; what was not confirmed comes first.

        Raises:
            StoreError, KeysError, IntegrityError: see `zt.jobs.Follower.look`. Nothing is lost.
        """
        if self._under_way is not None:
            return self._under_way
        self._take_news(store)
        session = self._sessions.at(store, store.epochs())
        gathered = Gathered()
        sums = _Sums()
        verifier = _Verifier(session, self._clock())
        chosen = list(self._pending.values())[:MAX_PROOFS]
        for opened in chosen:
            count = 0
            try:
                address = _address(opened)
                proof = verifier.prove(opened)
                count = proof.attempts
            except (ZtError, WrongKeyError) as error:
                gathered.refused[f"{opened.job.id}: {error}"] += 1
            else:
                if (new := count - self._told.count(opened.finding)) > 0:
                    sums.add(address, self._kinds[opened.job.id], proof, new)
            gathered.findings.append(opened.finding)
            gathered.counts.append(count)
        # From here on nothing can fail.
        gathered.batches = [self._batch(some) for some in _parts(sums.sightings())]
        gathered.refused.update(self._said.refused)
        gathered.refused_events.update(self._said.refused_events)
        gathered.refused_events.update(session.refused)
        gathered.added = self._said.added
        self._said = Gathered()
        for opened in chosen:
            del self._pending[opened.finding.id]
        gathered.waiting = len(self._pending)
        self._under_way = gathered
        return gathered

    def confirm(self) -> None:
        """The collector has all that the last look gathered.

        Raises:
            RingError: that can't be kept on the disk.
        """
        if (gathered := self._under_way) is None:
            return
        if gathered.findings:
            self._told.note(gathered.findings, gathered.counts, self._clock())
        self._under_way = None

    def _take_news(self, store: Store) -> None:
        """Have what is new wait to be proven."""
        news = self._follower.look(store)
        self._said.refused.update(news.refused)
        self._said.refused_events.update(news.refused_events)
        self._said.added += news.added
        newest = max((opened.finding.sequence for opened in news.findings), default=0)
        if self._is_first and 0 < newest < self._told.sequence:
            self._told.begin_anew()
        for opened in news.findings:
            # later the follower knows best: what it puts together itself has an old sequence
            if not (self._is_first and self._told.knows(opened.finding)):
                self._pending.pop(opened.finding.id, None)  # to the end: they stay in order
                self._pending[opened.finding.id] = opened
        self._is_first = False

    def _batch(self, sightings: Iterable[Sighting]) -> SightingBatch:
        self._number += 1
        return SightingBatch(f"{self._boot}-{self._number}", tuple(sightings))


class _Proof(NamedTuple):
    """What events prove of one address: microseconds since 1970, their weight, the tool."""

    first: int
    last: int
    attempts: int
    tool: str


class _Verifier:
    """Proves findings of one look by the events of their windows.

    As `zt.policy.evidence`, but all events of the window count, not as many as suffice.
    """

    def __init__(self, session: Session, now: int) -> None:
        self._session = session
        self._now = now
        self._events: dict[str, JobEvents] = {}

    def prove(self, opened: OpenedFinding) -> _Proof:
        """Evaluate a finding's job on genuine events.

        Raises:
            EvidenceError: they do not prove it; says why.
            GrantError: the ring is a reader ring that does not open what is looked at.
            StoreError: the store can't answer.
        """
        found = self._fetch(opened)
        if not found:
            raise EvidenceError("none of its events is there and genuine")
        proven = [item for item in found if is_proven(item.event)]
        if not proven:
            raise EvidenceError("its sender never proved its address")
        fresh = [item for item in proven if -CLOCK_SKEW <= self._now - (item.time or 0) <= OLDEST]
        if not fresh:
            raise EvidenceError("its events are too old, or in the future")
        count = sum(weight(item.event) for item in fresh)
        if count < opened.job.threshold:
            raise EvidenceError("its events do not reach the job's threshold")
        times = [item.time or 0 for item in fresh]
        return _Proof(min(times), max(times), count, _tool(fresh))

    def _fetch(self, opened: OpenedFinding) -> list[Found]:
        """The genuine events of a finding's group and window, whatever events it names.

        Of very many only those that it names, if they are of its group.
        """
        job, finding = opened.job, opened.finding
        if (events := self._events.get(job.id)) is None:
            events = self._events[job.id] = JobEvents(job, self._session)
            events.require(PROVEN)
        found = events.of_groups([opened.group], finding.start, finding.end, MAX_EVIDENCE)
        if found is not None:
            return found[0]
        named = self._session.open(self._session.store.events(finding.events))
        return [item for item in named if fits(job, opened.group, item)]


class _Sums:
    """What was proven of each address and kind, added up."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, Kind], Sighting] = {}

    def add(self, address: str, kind: Kind, proof: _Proof, count: int) -> None:
        """Add what is new of a proof; the tool is that of the newest event."""
        first, last, tool = proof.first, proof.last, proof.tool
        if known := self._sums.get((address, kind)):
            count += known.count
            tool = tool if last >= known.last and tool else known.tool
            first, last = min(first, known.first), max(last, known.last)
        self._sums[address, kind] = Sighting(address, kind, True, first, last, count, tool)

    def sightings(self) -> list[Sighting]:
        """All of them."""
        return list(self._sums.values())


def _tool(found: Sequence[Found]) -> str:
    """The scanner that the newest event with a name names, or its User-Agent."""
    for item in sorted(found, key=lambda item: item.time or 0, reverse=True):
        for path in _TOOL_FIELDS:
            if texts := texts_at(item.event, path):
                return texts[0][:MAX_TOOL]
    return ""


def _kind(job: Job) -> Kind:
    kinds = {f"{PREFIX}{kind}": kind for kind in Kind}
    if job.id not in kinds or job.group_by != (ADDRESS,):
        raise InputError(
            f"the job {job.id} is none whose findings the collector takes",
            f"give a pack with jobs of these ids, which group by {ADDRESS}: {', '.join(kinds)}",
        )
    return kinds[job.id]


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as fit into a batch."""
    for start in range(0, len(items), MAX_SIGHTINGS):
        yield items[start : start + MAX_SIGHTINGS]


def _address(opened: OpenedFinding) -> str:
    address = parse_address(opened.group[ADDRESS])
    if address is None:
        raise EvidenceError(f"its {ADDRESS} is no address")
    return str(address)
