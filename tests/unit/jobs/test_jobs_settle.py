"""Findings of several parts made one, without keys or a store: against all events at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.job_lines import b16
from support.thorough import examples

from analytics.jobs import Detection, Zone, find_detections, find_zones
from analytics.jobs.windows import Span, free_spans
from analytics.store import JobEvent
from analytics.wire import Finding
from zt.jobs.straddling import settle

PROFILE = b16("profile")
EXAMPLES = settings(max_examples=examples(200), deadline=None)


class Job(NamedTuple):
    kind: str
    threshold: int
    window: int


KEYS = [(f"{number:08x}", PROFILE) for number in range(4)]
Parts = dict[tuple[str, str], list[JobEvent]]


def zones_of(times: dict[tuple[str, str], list[int]], window: int) -> list[Zone]:
    present: dict[tuple[str, str], list[Span]] = {}
    for key, ordered in times.items():
        spans = present.setdefault(key, [])
        for time in sorted(ordered):
            if spans and time - spans[-1].end < window:
                spans[-1] = Span(spans[-1].start, time + 1)
            else:
                spans.append(Span(time, time + 1))
    return find_zones(present, window)


def finding(key: tuple[str, str], found: Detection, *, partial: bool = False) -> Finding:
    return Finding(
        id=b16(f"{key} {found.start} {partial}"),
        job="flood",
        version=b16("flood"),
        kid=key[0],
        profile=key[1],
        group=("a",),
        start=found.start,
        end=found.end,
        metric=found.metric,
        severity="medium",
        events=(),
        partial=partial,
    )


def clouds(parts: Parts, zones: list[Zone], job: Job) -> list[Finding]:
    """What a runner would leave in the store: each part for itself, and shares near others."""
    found = []
    for key, events in parts.items():
        whole = find_detections(events, *job)
        found += [finding(key, item) for item in whole]
        known = [item[:2] for item in whole]
        for zone in zones:
            if key not in zone.parts:
                continue
            share = -(-job.threshold // len(zone.parts))
            for free in free_spans(Span(zone.start, zone.end + job.window - 1), sorted(known)):
                inside = [event for event in events if free.start <= event.time < free.end]
                for item in find_detections(
                    inside, job.kind, share, job.window, [(free.end, free.end)]
                ):
                    found.append(finding(key, item, partial=True))
                    known.append(item[:2])
    return found


def backed(finding: Finding) -> bool:
    return True


def slider(parts: Parts, job: Job, log: list[Span] | None = None) -> Callable[..., list[Detection]]:
    everything = sorted(event for events in parts.values() for event in events)

    def slide(since: int, before: int) -> list[Detection]:
        if log is not None:
            log.append(Span(since, before))
        read = [e for e in everything if since <= e.time < before + job.window - 1]
        return [item for item in find_detections(read, *job) if item.start < before]

    return slide


Result = list[tuple[int, int, int]]


def settled(
    parts: Parts, job: Job, others: dict[tuple[str, str], list[int]], log: list[Span] | None = None
) -> Result:
    """What the edge makes of the findings; `others` are the times of other groups' events."""
    times = {key: others.get(key, []) + [e.time for e in parts.get(key, [])] for key in KEYS}
    zones = zones_of(times, job.window)
    result = settle(clouds(parts, zones, job), zones, job.window, slider(parts, job, log), backed)
    windows = [item.detection or item.finding for item in result]
    return sorted((item.start, item.end, item.metric) for item in windows)


def plain(parts: Parts, job: Job) -> Result:
    everything = sorted(event for events in parts.values() for event in events)
    return [item[:3] for item in find_detections(everything, *job)]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 120), st.integers(1, 3), st.sampled_from(["u", "v", "w", "x", "y", ""])
    ),
    max_size=60,
)
JOBS = st.builds(
    Job, st.sampled_from(["event_count", "value_count"]), st.integers(1, 9), st.integers(1, 40)
)


def events_of(rows: list[tuple[int, int, str]]) -> list[JobEvent]:
    return sorted(
        JobEvent(time, f"e{index:03}", weight, (text,) if text else ())
        for index, (time, weight, text) in enumerate(rows)
    )


OTHERS = st.dictionaries(st.sampled_from(KEYS), st.lists(st.integers(0, 120), max_size=5))


COUNT = Job("event_count", 4, 10)


def at(*times: int) -> list[JobEvent]:
    return [JobEvent(time, f"e{time:03}", 1, ()) for time in times]


CASES: dict[str, tuple[list[list[int]], Result]] = {
    "no part reaches it alone": ([[0, 1], [2, 3]], [(0, 10, 4)]),
    "too few to notice join": ([[0], [1, 2, 3, 4]], [(0, 10, 5)]),
    "found in both parts, once": ([[0, 1, 2, 3], [4, 5, 6, 7]], [(0, 10, 8)]),
    "two windows": ([[0, 1, 2, 3], [9, 10, 11, 12, 13]], [(0, 10, 5), (10, 20, 4)]),
    "just within a window": ([[0, 1], [8, 9]], [(0, 10, 4)]),
    "just not": ([[0, 1], [8, 10]], []),
    # The second part's own windows start at 1 and 12; over both, 10 is free to start one.
    "out of step far from the boundary": (
        [[0], [1, 2, 3, 10, 12, 13, 14, 15]],
        [(0, 10, 4), (10, 20, 5)],
    ),
    # ... and once no event is free that was not, the part's own windows are right again.
    "in step again": (
        [[0], [1, 2, 3, 10, 12, 13, 14, 15, 21, 40, 41, 42, 43]],
        [(0, 10, 4), (10, 20, 5), (40, 50, 4)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_named_cases(name: str) -> None:
    times, expected = CASES[name]
    parts = {key: at(*own) for key, own in zip(KEYS, times, strict=False)}
    assert plain(parts, COUNT) == expected
    assert settled(parts, COUNT, {}) == expected


def test_far_from_a_boundary_the_clouds_windows_stand_unread() -> None:
    log: list[Span] = []
    attack = [time for start in range(100, 1000, 100) for time in range(start, start + 5)]
    parts = {KEYS[0]: at(0, 1), KEYS[1]: at(2, 3, *attack)}
    assert len(settled(parts, COUNT, {}, log)) == 10
    assert all(span.end <= 20 for span in log)


def whole(key: tuple[str, str], start: int, end: int, metric: int = 4) -> Finding:
    return finding(key, Detection(start, end, metric, ()))


@pytest.mark.parametrize("second", [KEYS[0], KEYS[1]])
def test_of_windows_that_meet_the_events_decide(second: tuple[str, str]) -> None:
    """History that was encrypted again is found twice; or one of the two was made up."""
    findings = [whole(KEYS[0], 0, 10, 99), whole(second, 3, 13)]
    slide = slider({second: at(3, 4, 5, 6)}, COUNT)
    [item] = settle(findings, [], COUNT.window, slide, backed)
    assert item.detection is not None
    assert item.detection[:3] == (3, 13, 4)


def test_what_no_event_supports_stays_as_it_is() -> None:
    """Who acts on it proves it, and then says why not."""
    findings = [whole(KEYS[0], 0, 10), whole(KEYS[1], 5, 15)]
    result = settle(findings, [], COUNT.window, slider({}, COUNT), backed)
    assert [item.finding for item in result] == findings
    partial = [item.model_copy(update={"partial": True}) for item in findings]
    assert settle(partial, [], COUNT.window, slider({}, COUNT), backed) == []


def test_what_no_event_backs_stays_beside_what_was_found() -> None:
    """A made-up finding is not passed over in silence because there is a true one."""
    made_up, true = whole(KEYS[0], 0, 10), whole(KEYS[0], 1, 11)
    slide = slider({KEYS[0]: at(1, 2, 3, 4)}, COUNT)
    result = settle([made_up, true], [], COUNT.window, slide, lambda item: item is true)
    assert [(item.finding, item.detection is None) for item in result] == [
        (made_up, False),
        (made_up, True),
    ]


def test_a_window_longer_than_the_jobs_hides_no_others() -> None:
    findings = [whole(KEYS[0], -(2**62), 2**62), whole(KEYS[0], 100, 110)]
    result = settle(findings, [], COUNT.window, slider({}, COUNT), backed)
    assert [item.finding for item in result] == findings


@EXAMPLES
@given(ROWS, JOBS, st.lists(st.integers(0, 120), max_size=3), OTHERS)
def test_rotations_change_no_window(
    rows: list[tuple[int, int, str]],
    job: Job,
    cuts: list[int],
    others: dict[tuple[str, str], list[int]],
) -> None:
    parts: Parts = {}
    for event in events_of(rows):
        parts.setdefault(KEYS[sum(event.time >= cut for cut in cuts)], []).append(event)
    assert settled(parts, job, others) == plain(parts, job)


@EXAMPLES
@given(ROWS, JOBS, OTHERS, st.data())
def test_parts_that_interleave_change_no_window(
    rows: list[tuple[int, int, str]],
    job: Job,
    others: dict[tuple[str, str], list[int]],
    data: st.DataObject,
) -> None:
    parts: Parts = {}
    for event in events_of(rows):
        parts.setdefault(data.draw(st.sampled_from(KEYS)), []).append(event)
    assert settled(parts, job, others) == plain(parts, job)
