"""One changed group of a job's part: which findings it has now.

Only what the change can have touched is looked at: windows that hold a new event. A known
window keeps its place and gets its metric from one aggregate of the store; the events that
prove it go on proving it. New windows are searched in what known ones leave free, page by page,
and a window is closed as soon as the events read so far reach the threshold: a flood costs its
first events, not all of them. This rests on kinds being monotone (see `kinds`).

Partial findings (see `straddling`) are searched by the same means, with a share of the threshold,
in what all others leave free: of many groups together, and of one alone where that is too much to
read. They never stand in the way of a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analytics.jobs.candidates import half_of, is_long, rows_reaching, span_around
from analytics.jobs.kinds import kind_of
from analytics.jobs.windows import Detection, Span, find_detections, free_spans, measure
from analytics.store.base import GroupChange, JobEvent, JobState
from analytics.wire import AllOf, Eq, Finding, JobPart, JobSpec, Query, finding_id

PAGE = 10_000
"""Events read from a store at once."""


@dataclass(frozen=True, slots=True)
class GroupSearch:
    """The search for detections in one group, within a store.

    For partial findings `job.threshold` is the share of it that they reach.
    """

    store: JobState
    job: JobSpec
    part: JobPart
    group: tuple[str, ...]
    page: int = PAGE
    partial: bool = False

    def evaluate(self, change: GroupChange) -> list[Finding]:
        """New findings of the group, and known ones whose metric has grown.

        Raises:
            StoreError: the store can't answer.
            UnsupportedError: a kind that this version doesn't evaluate.
        """
        around = span_around(change.first, change.last, self.job.window)
        known = [finding for finding in self._known(around) if not finding.partial]
        spans = free_spans(around, [(finding.start, finding.end) for finding in known])
        touched = [span for span in spans if span.start <= change.last and span.end > change.first]
        met = (item for item in known if item.start <= change.last and item.end > change.first)
        return [*self._updated(met), *self._found(touched)]

    def evaluate_partial(self, within: Span) -> list[Finding]:
        """New partial findings of a span, and known ones whose metric has grown.

        Raises:
            StoreError, UnsupportedError: see `evaluate`.
        """
        known = self._known(within)
        spans = free_spans(within, [(finding.start, finding.end) for finding in known])
        return [*self._updated(item for item in known if item.partial), *self._found(spans)]

    def partial_of(
        self, events: Sequence[JobEvent], known: Sequence[Finding], within: Span
    ) -> list[Finding]:
        """What `evaluate_partial` gives, of all the group's events and findings of a span."""
        job = self.job
        taken = [(finding.start, finding.end) for finding in known]
        new = find_detections(
            events, job.kind, job.threshold, job.window, [*taken, (within.end, within.end)]
        )
        grown = []
        for finding in known:
            # One that reaches out of the span may hold more than is here, never less.
            metric = measure(events, job.kind, finding.start, finding.end) if finding.partial else 0
            if metric > finding.metric:
                grown.append(finding.model_copy(update={"metric": metric}))
        return [*grown, *map(self._finding, new)]

    def _known(self, span: Span) -> list[Finding]:
        return self.store.group_findings(self.job, self.part, self.group, *span)

    def _updated(self, known: Iterable[Finding]) -> Iterator[Finding]:
        for finding in known:
            metric = self._measure(Span(finding.start, finding.end))
            # Less means that its events are on their way to another epoch: see `Store.replace`.
            if metric > finding.metric:
                yield finding.model_copy(update={"metric": metric})

    def _found(self, spans: Iterable[Span]) -> Iterator[Finding]:
        return (self._finding(found) for span in spans for found in self._search(span))

    def _search(self, free: Span) -> Iterator[Detection]:
        """Detections in a span without known windows, which ends where one may start."""
        for span in self._hot_spans(free) if is_long(free, self.job.window) else [free]:
            yield from self._read(span, free.end)

    def _read(self, span: Span, limit: int) -> Iterator[Detection]:
        """Detections among the span's events, read in pages; windows end by `limit`.

        What is found on a page stands, though the rest of its window is still unread: a window
        that starts earlier has all its events on the pages read, or else it would have been
        found instead. `unread` is the time before which all events are here; a page is at least
        as long as what is kept of those before, so that reading on stays linear.
        """
        job, pending, unread = self.job, list[JobEvent](), span.start
        while unread < span.end:
            page, unread = self._page(Span(unread, span.end), max(self.page, len(pending)))
            pending += page
            needed = unread - job.window + 1
            for found in find_detections(
                pending, job.kind, job.threshold, job.window, [(limit, limit)]
            ):
                needed = max(needed, found.end)
                if found.end > unread:
                    unread = found.end
                    found = found._replace(metric=self._measure(Span(found.start, found.end)))
                yield found
            pending = [event for event in pending if event.time >= needed]

    def _page(self, span: Span, limit: int) -> tuple[list[JobEvent], int]:
        """About `limit` of the span's first events, and the time before which they are all."""
        while True:
            page = self.store.group_events(self.job, self.part, self.group, *span, limit=limit)
            if len(page) < limit:
                return page, span.end
            if page[-1].time > page[0].time:  # of the last time there may be more
                break
            limit *= 2
        until = page[-1].time
        return [event for event in page if event.time < until], until

    def _hot_spans(self, within: Span) -> list[Span]:
        """Where in a long span windows can reach the threshold, by the store's own histogram."""
        window = self.job.window
        query = self._question(within).model_copy(update={"interval": window})
        rows = rows_reaching(self.store, query, half_of(self.job.threshold))
        hot: list[Span] = []
        for bucket in sorted(row.bucket for row in rows if row.bucket is not None):
            start = max(bucket - window, within.start)
            end = min(bucket + 2 * window, within.end)
            if hot and start <= hot[-1].end:
                hot[-1] = Span(hot[-1].start, end)
            else:
                hot.append(Span(start, end))
        return hot

    def _measure(self, span: Span) -> int:
        [row] = self.store.query(self._question(span))
        return int(row.metrics[0] or 0)

    def _question(self, span: Span) -> Query:
        """What the job measures, of the group's events in a span."""
        job, own = self.job, self.part.filter
        members = [Eq(path=p, value=v) for p, v in zip(job.group_by, self.group, strict=True)]
        parts = own.parts if isinstance(own, AllOf) else (own,)
        return Query(
            kid=self.part.kid,
            profile=self.part.profile,
            since=span.start,
            until=span.end,
            filter=AllOf(parts=(*parts, *members)),
            metrics=(kind_of(job.kind).metric(job),),
        )

    def _finding(self, found: Detection) -> Finding:
        job, part = self.job, self.part
        return Finding(
            id=finding_id(job.id, job.version, part.kid, part.profile, self.group, found.start),
            job=job.id,
            version=job.version,
            kid=part.kid,
            profile=part.profile,
            group=self.group,
            start=found.start,
            end=found.end,
            metric=found.metric,
            severity=job.severity,
            events=found.events,
            partial=self.partial,
        )
