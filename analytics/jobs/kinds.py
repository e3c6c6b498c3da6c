"""The kinds of detection: what a window of events measures, and which events prove it.

A kind joins as one class in `_KINDS`. Every kind here is *monotone*: one event more never lowers
its metric. `find_detections` and the runner rely on it (a window that reaches the threshold on
some of its events reaches it on all of them), so a kind that is not (ratio, absence) needs a
search of its own besides. Texts are compared as they are: what looks equal only after opening is
the edge's to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest
from typing import Protocol

from analytics.store.base import JobEvent
from analytics.wire import MAX_FINDING_EVENTS, JobSpec, Metric, UnsupportedError


class Tally(Protocol):
    """The metric of a window while it slides: events join at its end and leave at its start."""

    @property
    def metric(self) -> int: ...

    def add(self, event: JobEvent) -> None: ...

    def remove(self, event: JobEvent) -> None:
        """Take out an event that was added."""
        ...


class Kind(Protocol):
    """One kind of detection."""

    def tally(self) -> Tally:
        """An empty window."""
        ...

    def metric(self, job: JobSpec) -> Metric:
        """The figure by which a store gives the same metric of a span of time."""
        ...

    def evidence(self, events: Sequence[JobEvent], threshold: int) -> tuple[str, ...]:
        """Ids of the window's events that suffice to reach the threshold, in their order.

        At most `MAX_FINDING_EVENTS`, so evidence for a higher threshold may fall short of it.
        """
        ...


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        UnsupportedError: no such kind is evaluated; a job must not look alive and find nothing.
    """
    if kind := _KINDS.get(name):
        return kind
    raise UnsupportedError(
        f"jobs of the kind `{name}` are not evaluated by this version",
        f"kinds that are: {', '.join(_KINDS)}; remove the job or update zt-analytics",
    )


class EventCount:
    """Adds up what the events weigh."""

    def tally(self) -> Tally:
        return _Weight()

    def metric(self, job: JobSpec) -> Metric:
        return Metric(kind="count")

    def evidence(self, events: Sequence[JobEvent], threshold: int) -> tuple[str, ...]:
        """The earliest events; the heaviest where as many as fit of the earliest fall short."""
        chosen = _earliest_rises(self, events, threshold)
        if sum(event.weight for event in chosen) < threshold:
            chosen = nsmallest(MAX_FINDING_EVENTS, events, key=lambda event: -event.weight)
            chosen.sort()
        return tuple(event.id for event in chosen)


class ValueCount:
    """Counts the distinct texts of the job's value."""

    def tally(self) -> Tally:
        return _Texts()

    def metric(self, job: JobSpec) -> Metric:
        return Metric(kind="distinct", path=job.value)

    def evidence(self, events: Sequence[JobEvent], threshold: int) -> tuple[str, ...]:
        """The earliest event of each distinct text until there are enough of them."""
        return tuple(event.id for event in _earliest_rises(self, events, threshold))


_KINDS: dict[str, Kind] = {"event_count": EventCount(), "value_count": ValueCount()}


class _Weight:
    def __init__(self) -> None:
        self.metric = 0

    def add(self, event: JobEvent) -> None:
        self.metric += event.weight

    def remove(self, event: JobEvent) -> None:
        self.metric -= event.weight


class _Texts:
    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    @property
    def metric(self) -> int:
        return len(self._seen)

    def add(self, event: JobEvent) -> None:
        for text in event.values:
            self._seen[text] += 1

    def remove(self, event: JobEvent) -> None:
        for text in event.values:
            self._seen[text] -= 1
            if not self._seen[text]:
                del self._seen[text]


def _earliest_rises(kind: Kind, events: Sequence[JobEvent], threshold: int) -> list[JobEvent]:
    """The events that raise the metric, from the first until the threshold or the limit."""
    tally, chosen = kind.tally(), list[JobEvent]()
    for event in events:
        before = tally.metric
        if before >= threshold or len(chosen) == MAX_FINDING_EVENTS:
            break
        tally.add(event)
        if tally.metric > before:
            chosen.append(event)
    return chosen
