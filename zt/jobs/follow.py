"""Following a store's findings: what is new since the last look, opened, and each said once.

A look either succeeds as a whole or changes nothing here, so after one that failed the next one
finds all that it would have found: nothing is lost, and nothing comes twice.

A detection is news when it is first found, and again, under the same id, when its metric has
risen. What straddles a rotation is put together from all findings of its group (see
`zt.jobs.straddling`), as far as they are kept (see `zt.jobs.kept`), and is looked at again when
events come, for the cloud doesn't write a finding again because of events of another part. An
event that comes late, before a window that was said, can move that window: then the one that is
right now is news too, and the former is not taken back.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from analytics.store import EpochInfo, Store
from analytics.wire import Finding
from keys import Ring
from zt.jobs.findings import OpenedFinding, open_each
from zt.jobs.joining import join_findings
from zt.jobs.kept import KeptGroup, KeptGroups
from zt.jobs.pack import Job
from zt.jobs.push import add_missing_parts
from zt.query import Session
from zt.query.sessions import Sessions


@dataclass(slots=True)
class News:
    """What one look found.

    Attributes:
        findings: in the order of the store.
        refused: findings that did not open, by reason.
        refused_events: events of the store that were refused, by reasons that are new.
        added: the jobs that got parts for new epochs or profiles.
    """

    findings: list[OpenedFinding] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    refused_events: Counter[str] = field(default_factory=Counter)
    added: list[str] = field(default_factory=list)


class Follower:
    """Looks at a store again and again, which may be opened anew for each look.

    Args:
        ring: is refreshed when its file changes.
        jobs: the edge's own copies.
        clock: steady, in seconds.
    """

    def __init__(
        self, ring: Ring, jobs: Iterable[Job], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sessions = Sessions(ring)
        self._session: Session | None = None
        self._jobs = {job.id: job for job in jobs}
        self._clock = clock
        self._lacks_parts = True
        self._last = 0
        self._epochs: Sequence[EpochInfo] = ()
        self._kept = KeptGroups()
        self._told: set[str] = set()

    def look(self, store: Store) -> News:
        """What is new.

        Raises:
            StoreError: the store can't answer.
            WrongKeyError, RingError, ProviderError, IntegrityError: see `Session` and
                `Ring.refreshed`.
        """
        # Findings first: whatever they are of is there when the rest is read.
        new = self._read(store)
        epochs = store.epochs()
        session = self._sessions.at(store, epochs)
        if session is not self._session:
            self._session, self._lacks_parts = session, True
        news = News()

        def refuse(finding: Finding, error: Exception) -> None:
            news.refused[str(error)] += 1

        now = self._clock()
        for opened in open_each(new, self._jobs, session, refuse):
            self._kept.take(opened.job, opened.group, opened.finding, now)
        joined = self._join(session, refuse, has_moved=epochs != self._epochs)
        if self._lacks_parts:
            news.added = add_missing_parts(self._jobs.values(), session)
        # From here on nothing can fail: what was found is said.
        self._lacks_parts = False
        self._epochs = epochs
        self._last = max((finding.sequence for finding in new), default=self._last)
        for kept, found in joined:
            news.findings += [
                OpenedFinding(finding, kept.job, kept.group) for finding in kept.news(found)
            ]
        news.findings.sort(key=attrgetter("finding.sequence"))
        self._kept.drop(now)
        for reason in session.refused.keys() - self._told:
            news.refused_events[reason] = session.refused[reason]
        self._told.update(session.refused)
        return news

    def _read(self, store: Store) -> list[Finding]:
        """The findings that were written or changed since the last look.

        The greatest sequence of a store stays in use. If none is as great as the last one seen,
        an older copy of the store was put in its place, and all of it is looked at.
        """
        found = list(store.findings(max(self._last - 1, 0)))
        if self._last and not found:
            return list(store.findings())
        return [finding for finding in found if finding.sequence > self._last]

    def _join(
        self, session: Session, refuse: Callable[[Finding, Exception], None], *, has_moved: bool
    ) -> list[tuple[KeptGroup, list[Finding]]]:
        """What the findings of groups amount to, where that may have changed."""
        is_joint = has_moved and len(session.decoder.plans()) > 1
        joined: list[tuple[KeptGroup, list[Finding]]] = []
        for job in self._jobs.values():
            groups = [kept for kept in self._kept.of_job(job) if kept.is_new or is_joint]
            if not groups:
                continue
            found: dict[tuple[str, ...], list[Finding]] = {}
            gathered = [item for kept in groups for item in kept.gathered()]
            for group, finding in join_findings(job, gathered, session, refuse):
                found.setdefault(tuple(group.values()), []).append(finding)
            joined += [(kept, found.get(tuple(kept.group.values()), [])) for kept in groups]
        return joined


__all__ = ["Follower", "News"]
