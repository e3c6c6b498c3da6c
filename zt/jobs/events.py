"""A job's events as the edge sees them: fetched from every epoch and profile, opened and judged.

Nothing that a store says of an event is believed: seal, condition, group and time are looked at
again. That these are all events, nothing proves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from analytics.store.base import JobEvent
from analytics.wire import RATE_PATH, AllOf, In, JobPart, Selection
from zt.errors import QueryError
from zt.jobs.compile import compile_job
from zt.jobs.pack import Job
from zt.query import Found, Session, matches
from zt.query.compile import equal_ciphertexts, visible_field
from zt.query.evaluate import texts_at, weight

MAX_EVENTS = 100_000
"""Events of a group fetched at once, of each part; of more, the oldest."""

_MIN_TIME, _MAX_TIME = -(2**63), 2**63 - 1

Group = dict[str, str]
"""A group in plaintext, by field path."""


class JobEvents:
    """Fetches a job's events from all parts of a store.

    Attributes:
        parts: the job compiled for each epoch and profile; none where the store can't serve it.

    Raises:
        GrantError: the ring is a reader ring that does not open all that the job looks at.
    """

    def __init__(self, job: Job, session: Session) -> None:
        self._job = job
        self._session = session
        try:
            self.parts = compile_job(job, session).parts
        except QueryError:
            self.parts = ()
        for path in (RATE_PATH, *([job.value] if job.value else [])):
            self.require(path)

    def require(self, path: str) -> None:
        """Stop here if a reader ring might leave values of a field out of the job's events.

        Raises:
            GrantError: it might; what is judged by that field would be judged wrongly.
        """
        for part in self.parts:
            self._session.decoder.plan(part.kid, part.profile).require(path)

    def of_group(self, group: Group, since: int, until: int) -> list[Found]:
        """The group's events within `[since, until)`, genuine and each once, in no order.

        Of more than `MAX_EVENTS` in a part, the oldest.

        Raises:
            StoreError: the store can't answer.
        """
        [events], _ = self._read([group], since, until, MAX_EVENTS)
        return events

    def of_groups(
        self, groups: Sequence[Group], since: int, until: int, limit: int
    ) -> list[list[Found]] | None:
        """The events of each group, as `of_group` gives them; None if a part has too many.

        Raises:
            StoreError: the store can't answer.
        """
        events, is_whole = self._read(groups, since, until, limit)
        return events if is_whole else None

    def _read(
        self, groups: Sequence[Group], since: int, until: int, limit: int
    ) -> tuple[list[list[Found]], bool]:
        """The events of each group, and whether no part had as many as the limit."""
        paths = self._job.group_by
        events: list[list[Found]] = [[] for _ in groups]
        places = {tuple(group[path] for path in paths): i for i, group in enumerate(groups)}
        seen: set[str] = set()
        is_whole = True
        for part in self.parts:
            selection = self._selection(part, groups, since, until, limit)
            lines = _Counted(self._session.store.scan(selection))
            for found in self._session.open(lines, seen):
                if found.time is None or not since <= found.time < until:
                    continue
                if not matches(self._job.question, found.view, found.plan):
                    continue
                texts = [dict.fromkeys(texts_at(found.view, path)) for path in paths]
                for key in product(*texts):
                    if (place := places.get(key)) is not None:
                        events[place].append(found)
            is_whole = is_whole and lines.number < limit
        return events, is_whole

    def _selection(
        self, part: JobPart, groups: Sequence[Group], since: int, until: int, limit: int
    ) -> Selection:
        plan = self._session.decoder.plan(part.kid, part.profile)
        members = []
        for path in self._job.group_by:
            field = visible_field(plan, path)
            texts = dict.fromkeys(group[path] for group in groups)
            values = tuple(ct for text in texts for ct in equal_ciphertexts(field, text))
            members.append(In(path=path, values=values))
        return Selection(
            kid=part.kid,
            profile=part.profile,
            since=max(since, _MIN_TIME),
            until=min(until, _MAX_TIME),
            filter=AllOf(parts=(part.filter, *members)),
            limit=limit,
            newest_first=False,
        )


class _Counted:
    """Lines, and how many came."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.number = 0
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.number += 1
            yield line


def fits(job: Job, group: Group, found: Found) -> bool:
    """Whether an opened event counts for a group of a job."""
    return (
        found.time is not None
        and matches(job.question, found.view, found.plan)
        and all(text in texts_at(found.view, path) for path, text in group.items())
    )


def job_event(job: Job, found: Found) -> JobEvent:
    """An opened event as detections see it: distinct values by their texts in plaintext."""
    values = tuple(texts_at(found.view, job.value)) if job.value else ()
    return JobEvent(found.time or 0, found.id, weight(found.event), values)
