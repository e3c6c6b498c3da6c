"""Reading the events of many groups with few questions.

Around a rotation many groups may have to be looked at, most of which hold little: asked for one
by one they cost a question for each part and finding, together one for each part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from analytics.store.base import JobEvent
from zt.jobs.events import Group, JobEvents, job_event
from zt.jobs.pack import Job

TOGETHER = 500
"""Needs that are read together at most."""

LONGEST = 8
"""Windows of the job that are read together at most."""

MAX_TOGETHER = 20_000
"""Events that are read together at most, of each part; of more, fewer groups are."""


class Need(NamedTuple):
    """Events of a group within `[since, until)` that will be asked for."""

    group: Group
    since: int
    until: int


class GroupReader:
    """The events of a job's groups as detections see them, by time, from all parts."""

    def __init__(self, job: Job, events: JobEvents) -> None:
        self._job = job
        self._source = events
        self._kept: dict[tuple[str, ...], list[tuple[int, int, list[JobEvent]]]] = {}

    def expect(self, needs: Iterable[Need]) -> None:
        """Read what will be asked for; what is asked for besides is read then.

        Raises:
            StoreError: the store can't answer.
        """
        by_start = sorted(needs, key=lambda need: need.since)
        for chunk in _chunks(by_start, LONGEST * self._job.window):
            self._read(sorted(chunk, key=lambda need: tuple(need.group.values())))

    def _read(self, chunk: Sequence[Need]) -> None:
        """Read what needs, sorted by group, ask for; of what is too much together, each half."""
        groups = {tuple(need.group.values()): need.group for need in chunk}
        since, until = min(need.since for need in chunk), max(need.until for need in chunk)
        found = self._source.of_groups(list(groups.values()), since, until, MAX_TOGETHER)
        if found is not None:
            for key, events in zip(groups, found, strict=True):
                ordered = sorted(job_event(self._job, item) for item in events)
                self._kept.setdefault(key, []).append((since, until, ordered))
        elif len(chunk) > 1:
            half = len(chunk) // 2
            self._read(chunk[:half])
            self._read(chunk[half:])

    def events(self, group: Group, since: int, until: int) -> list[JobEvent]:
        """The group's events within `[since, until)`, by time, then id.

        Raises:
            StoreError: the store can't answer.
        """
        for low, high, events in self._kept.get(tuple(group.values()), ()):
            if low <= since and until <= high:
                return [event for event in events if since <= event.time < until]
        found = self._source.of_group(group, since, until)
        return sorted(job_event(self._job, item) for item in found)


def _chunks(needs: Iterable[Need], longest: int) -> Iterator[list[Need]]:
    """Needs that lie close together; they come in the order in which they start."""
    chunk: list[Need] = []
    for need in needs:
        if chunk and (len(chunk) == TOGETHER or need.until > chunk[0].since + longest):
            yield chunk
            chunk = []
        chunk.append(need)
    if chunk:
        yield chunk
