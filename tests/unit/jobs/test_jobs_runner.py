"""Running jobs on a real store: what is found doesn't depend on when it was looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.job_lines import KID, PROFILE, Event, b16, batch, job
from support.thorough import examples

from analytics.jobs import find_detections, kind_of, run_jobs
from analytics.jobs.candidates import candidates
from analytics.jobs.groups import GroupSearch
from analytics.store import GroupChange, JobEvent, JobState, open_store
from analytics.wire import (
    MAX_FINDING_EVENTS,
    MICROSECONDS,
    Eq,
    Finding,
    JobPart,
    JobSpec,
    StoreError,
    finding_id,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path / 'store.db'}", create=True) as opened:
        yield opened


def ingest(store: JobState, events: Sequence[Event], first: int = 0) -> None:
    report = store.ingest(batch(enumerate(events, first)))
    assert report.rejected == 0


def run(store: JobState) -> list[Finding]:
    assert run_jobs(store).failures == []
    return list(store.findings())


def seconds(finding: Finding) -> tuple[str, float, float, int]:
    return (
        finding.group[0],
        finding.start / MICROSECONDS,
        finding.end / MICROSECONDS,
        finding.metric,
    )


def calls(*times: float, source: str = "a") -> list[Event]:
    return [Event(time, source) for time in times]


def test_a_finding_says_what_was_found_where_and_by_which_events(store: JobState) -> None:
    spec = job(severity="high")
    store.put_job(spec)
    ingest(store, [*calls(1, 2, 3), *calls(1, 2, source="b"), Event(2, kind="else")])
    [finding] = run(store)
    assert finding == Finding(
        id=finding_id("flood", spec.version, KID, PROFILE, ("a",), MICROSECONDS),
        job="flood",
        version=spec.version,
        kid=KID,
        profile=PROFILE,
        group=("a",),
        start=1 * MICROSECONDS,
        end=11 * MICROSECONDS,
        metric=3,
        severity="high",
        events=tuple(b16(f"event {number}") for number in range(3)),
        sequence=finding.sequence,
    )


def test_weights_count(store: JobState) -> None:
    store.put_job(job(threshold=10))
    ingest(store, [Event(1, weight=8), Event(2, weight=2), Event(1, "b", weight=9)])
    assert [seconds(finding) for finding in run(store)] == [("a", 1, 11, 10)]


def test_value_count_counts_distinct_values(store: JobState) -> None:
    store.put_job(job(kind="value_count"))
    ingest(store, [Event(time, "a", target) for time, target in enumerate("xyxz")])
    ingest(store, [Event(time, "b", target) for time, target in enumerate("xyxy")], first=10)
    [finding] = run(store)
    assert seconds(finding) == ("a", 0, 10, 3)
    assert finding.events == (b16("event 0"), b16("event 1"), b16("event 3"))


def test_a_run_without_news_looks_at_nothing(store: JobState) -> None:
    store.put_job(job())
    ingest(store, calls(1, 2, 3))
    before = run(store)
    report = run_jobs(store)
    assert (report.jobs, report.parts, report.groups, report.findings) == (1, 1, 0, 0)
    assert list(store.findings()) == before


def test_a_window_that_straddles_two_runs_is_found(store: JobState) -> None:
    store.put_job(job())
    ingest(store, calls(1, 2))
    assert run(store) == []
    ingest(store, calls(10.999999), first=2)
    assert [seconds(finding) for finding in run(store)] == [("a", 1, 11, 3)]


def test_a_window_that_grows_keeps_its_place_and_comes_again(store: JobState) -> None:
    store.put_job(job())
    ingest(store, calls(1, 2, 3))
    [before] = run(store)
    ingest(store, calls(4, 10, 12), first=3)
    [after] = run(store)
    assert after == before.model_copy(update={"metric": 5, "sequence": after.sequence})
    assert after.sequence > before.sequence


def test_an_event_that_comes_late_is_counted_where_it_belongs(store: JobState) -> None:
    store.put_job(job())
    ingest(store, calls(100, 101, 102))
    run(store)
    ingest(store, calls(105, 99), first=3)
    assert [seconds(finding) for finding in run(store)] == [("a", 100, 110, 4)]
    ingest(store, calls(97, 98), first=5)
    assert sorted(seconds(finding) for finding in run(store)) == [
        ("a", 97, 100, 3),
        ("a", 100, 110, 4),
    ]


def test_a_new_version_starts_over(store: JobState) -> None:
    store.put_job(job())
    ingest(store, calls(1, 2, 3))
    run(store)
    store.put_job(job(threshold=2, version=b16("second")))
    assert {finding.version for finding in run(store)} == {b16("flood"), b16("second")}


@pytest.mark.parametrize("spread", [0, 1_000])
def test_of_many_groups_only_those_that_may_reach_are_looked_at(
    store: JobState, spread: float
) -> None:
    store.put_job(job(threshold=4))
    ingest(store, [Event(spread * number, f"{number}") for number in range(50)])
    ingest(store, calls(1, 2, 3, 4), first=50)
    report = run_jobs(store)
    assert (report.groups, report.candidates, report.findings) == (51, 1, 1)


def test_more_evidence_than_a_finding_holds_is_cut(store: JobState) -> None:
    many = MAX_FINDING_EVENTS + 10
    store.put_job(job(threshold=many))
    ingest(store, calls(*(number / 1000 for number in range(many))))
    [finding] = run(store)
    assert (finding.metric, len(finding.events)) == (many, MAX_FINDING_EVENTS)


def test_a_job_that_fails_is_reported_and_the_others_run(store: JobState) -> None:
    bad = job("a-bad-one", kind="ratio")
    twice = job("b-twice", parts=job().parts * 2)
    store.put_job(bad)
    store.put_job(twice)
    store.put_job(job())
    ingest(store, calls(1, 2, 3))
    report = run_jobs(store)
    assert [failure.job for failure in report.failures] == ["a-bad-one", "b-twice"]
    assert "`ratio`" in str(report.failures[0].error)
    assert {finding.job for finding in store.findings()} == {"b-twice", "flood"}


class Crashing:
    """A store that dies at its first attempt to write findings, before or after the write."""

    def __init__(self, store: JobState, *, after: bool) -> None:
        self._store = store
        self._after = after
        self._crashed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write_findings(
        self, job: JobSpec, part: JobPart, findings: Sequence[Finding], watermark: int
    ) -> None:
        if self._crashed:
            self._store.write_findings(job, part, findings, watermark)
            return
        self._crashed = True
        if self._after:  # the findings are there, the watermark is not
            self._store.write_findings(job, part, findings, self._store.watermark(job, part))
        raise StoreError("crashed", "run again")


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_replays_harmlessly(store: JobState, after: bool) -> None:
    store.put_job(job())
    ingest(store, [*calls(1, 2, 3, 20, 21, 22), *calls(5, 6, 7, source="b")])
    crashing = cast(JobState, Crashing(store, after=after))
    assert len(run_jobs(crashing).failures) == 1
    assert len(list(store.findings())) == (3 if after else 0)
    assert run_jobs(crashing).failures == []
    found = list(store.findings())
    assert sorted(map(seconds, found)) == [("a", 1, 11, 3), ("a", 20, 30, 3), ("b", 5, 15, 3)]
    assert [finding.sequence for finding in found] == [1, 2, 3]


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from("ab"),
        st.sampled_from(["u", "v", "w", "x", None]),
        st.integers(1, 3),
    ).map(lambda row: Event(row[0] / 8, row[1], row[2], row[3])),
    min_size=1,
    max_size=40,
)
JOBS = st.builds(
    job,
    kind=st.sampled_from(["event_count", "value_count"]),
    threshold=st.integers(1, 6),
    window=st.sampled_from([0.25, 1, 4, 30]),
)
EXAMPLES = settings(max_examples=examples(10), deadline=None)


class Bench:
    """A store for all examples, each with events and a job of its own."""

    def __init__(self, store: JobState) -> None:
        self.store = store
        self._events = self._jobs = 0

    def start(self, events: Sequence[Event], spec: JobSpec) -> tuple[list[Event], JobSpec]:
        """The same events and job under new names; the job is the only one."""
        self.store.remove_job("flood")
        self._jobs += 1
        kind = f"call {self._jobs}"
        own = job(
            kind=spec.kind,
            threshold=spec.threshold,
            window=spec.window / MICROSECONDS,
            version=b16(kind),
            where=Eq(path="kind", value=kind),
        )
        self.store.put_job(own)
        return [event._replace(kind=kind) for event in events], own

    def ingest(self, events: Sequence[Event]) -> list[tuple[int, Event]]:
        numbered = list(enumerate(events, self._events))
        self._events += len(events)
        assert self.store.ingest(batch(numbered)).rejected == 0
        return numbered

    def findings(self, spec: JobSpec) -> list[Finding]:
        assert run_jobs(self.store).failures == []
        return [item for item in self.store.findings() if item.version == spec.version]

    def findings_anew(self, spec: JobSpec) -> list[Finding]:
        """What a run finds that starts from nothing: another version forgets the watermark."""
        self.store.put_job(spec.model_copy(update={"version": b16("other")}))
        self.store.put_job(spec)
        return self.findings(spec)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    path = tmp_path_factory.mktemp("bench") / "store.db"
    with open_store(f"duckdb:{path}", create=True) as store:
        yield Bench(store)


def group_events(events: Sequence[tuple[int, Event]], source: str) -> list[JobEvent]:
    return sorted(
        JobEvent(
            round(event.time * MICROSECONDS),
            b16(f"event {number}"),
            event.weight,
            (event.target,) if event.target else (),
        )
        for number, event in events
        if event.source == source
    )


def measure(events: Sequence[JobEvent], kind: str) -> int:
    tally = kind_of(kind).tally()
    for event in events:
        tally.add(event)
    return tally.metric


Window = tuple[str, int, int, int, tuple[str, ...]]


def expected(events: Sequence[tuple[int, Event]], spec: JobSpec) -> set[Window]:
    return {
        (source, *found)
        for source in "ab"
        for found in find_detections(
            group_events(events, source), spec.kind, spec.threshold, spec.window
        )
    }


def windows(findings: Sequence[Finding]) -> set[Window]:
    return {(item.group[0], item.start, item.end, item.metric, item.events) for item in findings}


def pieces_of(events: Sequence[Event], data: st.DataObject) -> list[Sequence[Event]]:
    cuts = sorted(data.draw(st.lists(st.integers(1, len(events)), max_size=4)))
    return [events[low:high] for low, high in pairwise([0, *cuts, len(events)])]


@EXAMPLES
@given(EVENTS, JOBS, st.data())
def test_events_in_order_give_the_same_windows_in_any_pieces(
    bench: Bench, events: list[Event], spec: JobSpec, data: st.DataObject
) -> None:
    events, spec = bench.start(sorted(events, key=lambda event: event.time), spec)
    numbered: list[tuple[int, Event]] = []
    found: list[Finding] = []
    for piece in pieces_of(events, data):
        numbered += bench.ingest(piece)
        found = bench.findings(spec)
    assert {item[:4] for item in windows(found)} == {item[:4] for item in expected(numbered, spec)}
    assert bench.findings_anew(spec) == found


@EXAMPLES
@given(EVENTS, JOBS, st.data())
def test_events_in_any_order_give_the_same_groups_and_true_metrics(
    bench: Bench, events: list[Event], spec: JobSpec, data: st.DataObject
) -> None:
    events, spec = bench.start(events, spec)
    numbered: list[tuple[int, Event]] = []
    found: list[Finding] = []
    for piece in pieces_of(events, data):
        numbered += bench.ingest(piece)
        found = bench.findings(spec)
    assert {item.group[0] for item in found} == {item[0] for item in expected(numbered, spec)}
    assert bench.findings_anew(spec) == found
    for item in found:
        of_group = group_events(numbered, item.group[0])
        inside = [event for event in of_group if item.start <= event.time < item.end]
        assert inside[0].time == item.start
        assert item.metric == measure(inside, spec.kind)
        proof = [event for event in inside if event.id in item.events]
        assert len(proof) == len(item.events)
        assert measure(proof, spec.kind) >= spec.threshold


@EXAMPLES
@given(EVENTS, JOBS, st.integers(1, 9))
def test_reading_in_pages_finds_the_same(
    bench: Bench, events: list[Event], spec: JobSpec, page: int
) -> None:
    events, spec = bench.start(events, spec)
    numbered = bench.ingest(events)
    for source in "ab":
        if there := group_events(numbered, source):
            search = GroupSearch(bench.store, spec, spec.parts[0], (source,), page)
            found = search.evaluate(GroupChange((source,), there[0].time, there[-1].time))
            assert windows(found) == {
                item for item in expected(numbered, spec) if item[0] == source
            }


@EXAMPLES
@given(EVENTS, JOBS, st.integers(0, 4))
def test_asking_first_leaves_out_no_group_that_reaches(
    bench: Bench, events: list[Event], spec: JobSpec, others: int
) -> None:
    more = [Event(event.time, f"other {n}") for n in range(8 * others) for event in events[:1]]
    events, spec = bench.start([*events, *more], spec)
    numbered = bench.ingest(events)
    changes = list(bench.store.changed_groups(spec, spec.parts[0], 0))
    able = {change.group[0] for change in candidates(bench.store, spec, spec.parts[0], changes)}
    assert able >= {item[0] for item in expected(numbered, spec)}
