"""Sliding windows against named cases and against a reference that tries every window."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.jobs import Detection, find_detections
from analytics.jobs.windows import Span, free_spans
from analytics.store import JobEvent
from analytics.wire import MAX_FINDING_EVENTS, UnsupportedError


def event(time: int, *values: str, weight: int = 1, name: str | None = None) -> JobEvent:
    return JobEvent(time, name or f"e{time:06}", weight, values)


def at(*times: int) -> list[JobEvent]:
    return [event(time, name=f"e{index:03}") for index, time in enumerate(times)]


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(f"e{number:03}" for number in numbers)


COUNTS: dict[str, tuple[list[JobEvent], list[Detection]]] = {
    "no events": ([], []),
    "below the threshold": (at(0, 5), []),
    "exactly the threshold": (at(0, 5, 9), [Detection(0, 10, 3, ids(0, 1, 2))]),
    "the end is outside": (at(0, 5, 10), []),
    "no grid": (at(8, 9, 17), [Detection(8, 18, 3, ids(0, 1, 2))]),
    "same time": (at(4, 4, 4), [Detection(4, 14, 3, ids(0, 1, 2))]),
    "starts where it reaches": (at(0, 9, 10, 11), [Detection(9, 19, 3, ids(1, 2, 3))]),
    "evidence is the earliest": (at(0, 1, 2, 3, 9), [Detection(0, 10, 5, ids(0, 1, 2))]),
    "consumed events start nothing": (at(0, 1, 2, 3, 4, 11), [Detection(0, 10, 5, ids(0, 1, 2))]),
    "goes on behind a window": (
        at(0, 1, 2, 10, 15, 19),
        [Detection(0, 10, 3, ids(0, 1, 2)), Detection(10, 20, 3, ids(3, 4, 5))],
    ),
    "before 1970": (at(-12, -11, -3), [Detection(-12, -2, 3, ids(0, 1, 2))]),
}


@pytest.mark.parametrize("name", COUNTS)
def test_event_count_finds_the_earliest_windows(name: str) -> None:
    events, expected = COUNTS[name]
    assert find_detections(events, "event_count", 3, 10) == expected


def test_event_count_adds_weights() -> None:
    events = [event(0, weight=4, name="a"), event(1, name="b"), event(2, weight=5, name="c")]
    assert find_detections(events, "event_count", 5, 10) == [Detection(0, 10, 10, ("a", "b"))]


def test_value_count_counts_distinct_texts_and_shows_the_first_of_each() -> None:
    events = [event(0, "x"), event(1, "x"), event(2), event(3, "y"), event(4, "x", "z")]
    assert find_detections(events, "value_count", 3, 10) == [
        Detection(0, 10, 3, ("e000000", "e000003", "e000004"))
    ]
    assert find_detections(events, "value_count", 4, 10) == []


def test_a_text_that_left_the_window_no_longer_counts() -> None:
    events = [event(0, "x"), event(6, "y"), event(11, "z")]
    assert find_detections(events, "value_count", 3, 10) == []


def test_evidence_is_capped_and_takes_the_heaviest_when_the_earliest_fall_short() -> None:
    light = [event(time) for time in range(MAX_FINDING_EVENTS)]
    heavy = [event(MAX_FINDING_EVENTS + time, weight=50) for time in range(10)]
    [found] = find_detections([*light, *heavy], "event_count", 1_200, 10**6)
    assert found.metric == MAX_FINDING_EVENTS + 500
    assert len(found.events) == MAX_FINDING_EVENTS
    assert set(found.events) >= {item.id for item in heavy}
    assert list(found.events) == sorted(found.events)

    many = [event(time) for time in range(2 * MAX_FINDING_EVENTS)]
    [found] = find_detections(many, "event_count", len(many), 10**6)
    assert len(found.events) == MAX_FINDING_EVENTS


LATE: dict[str, tuple[list[JobEvent], list[tuple[int, int]], list[tuple[Any, ...]]]] = {
    "a straggler before a known window": (at(95, 100, 101, 102), [(100, 110)], []),
    "enough stragglers end where it starts": (
        at(93, 94, 95, 100, 101, 102),
        [(100, 110)],
        [Detection(93, 100, 3, ids(0, 1, 2))],
    ),
    "between two": (
        at(0, 1, 2, 10, 11, 12, 15, 16, 17),
        [(0, 10), (15, 25)],
        [Detection(10, 15, 3, ids(3, 4, 5))],
    ),
    "not across a known window": (at(9, 10, 11, 20, 21), [(10, 20)], []),
    "known windows beyond the events": (at(0, 1, 2), [(-50, -40), (70, 80)], [(0, 10)]),
}


@pytest.mark.parametrize("name", LATE)
def test_known_windows_keep_their_place_and_their_events(name: str) -> None:
    events, anchored, expected = LATE[name]
    found = find_detections(events, "event_count", 3, 10, anchored)
    assert [item[: len(want)] for item, want in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("anchored", "free"),
    [
        ([], [(0, 100)]),
        ([(0, 100)], []),
        ([(-5, 10), (90, 120)], [(10, 90)]),
        ([(10, 20), (20, 30), (40, 50)], [(0, 10), (30, 40), (50, 100)]),
        ([(200, 210)], [(0, 100)]),
    ],
)
def test_free_spans_are_what_known_windows_leave(
    anchored: list[tuple[int, int]], free: list[tuple[int, int]]
) -> None:
    assert free_spans(Span(0, 100), anchored) == free


@pytest.mark.parametrize("kind", ["ratio", "absence", "temporal", "no such kind"])
def test_a_kind_that_is_not_evaluated_says_so(kind: str) -> None:
    with pytest.raises(UnsupportedError, match=kind):
        find_detections([], kind, 1, 1)


@pytest.mark.parametrize(("threshold", "window"), [(0, 1), (1, 0), (-1, 5)])
def test_a_job_that_everything_or_nothing_would_reach_is_refused(
    threshold: int, window: int
) -> None:
    with pytest.raises(ValueError, match="positive"):
        find_detections([], "event_count", threshold, window)


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.integers(1, 3),
        st.lists(st.sampled_from("uvwxyz"), max_size=2, unique=True),
    ),
    max_size=40,
).map(
    lambda rows: sorted(
        JobEvent(time, f"e{index:03}", weight, tuple(values))
        for index, (time, weight, values) in enumerate(rows)
    )
)
KINDS = st.sampled_from(["event_count", "value_count"])


def measure(events: list[JobEvent], kind: str) -> int:
    if kind == "event_count":
        return sum(item.weight for item in events)
    return len({text for item in events for text in item.values})


def reference(
    events: list[JobEvent], kind: str, threshold: int, window: int
) -> list[tuple[int, int, int]]:
    """Every window by the definition: the earliest that reaches it, then on behind it."""
    found, low = [], -1
    for start in sorted({item.time for item in events}):
        inside = [item for item in events if start <= item.time < start + window]
        if start >= low and (metric := measure(inside, kind)) >= threshold:
            found.append((start, start + window, metric))
            low = start + window
    return found


@given(EVENTS, KINDS, st.integers(1, 8), st.integers(1, 25))
def test_windows_are_those_of_the_definition(
    events: list[JobEvent], kind: str, threshold: int, window: int
) -> None:
    found = find_detections(events, kind, threshold, window)
    assert [item[:3] for item in found] == reference(events, kind, threshold, window)
    by_id = {item.id: item for item in events}
    for item in found:
        evidence = [by_id[name] for name in item.events]
        assert measure(evidence, kind) >= threshold
        assert all(item.start <= proof.time < item.end for proof in evidence)
        assert evidence == sorted(evidence)


@given(EVENTS, KINDS, st.integers(1, 8), st.integers(1, 25), st.data())
def test_known_and_new_windows_never_overlap_and_leave_nothing(
    events: list[JobEvent], kind: str, threshold: int, window: int, data: st.DataObject
) -> None:
    early = [item for item in events if data.draw(st.booleans())]
    known = [item[:2] for item in find_detections(early, kind, threshold, window)]
    new = [item[:2] for item in find_detections(events, kind, threshold, window, known)]
    spans = sorted(known + new)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert find_detections(events, kind, threshold, window, spans) == []
    assert bool(spans) == bool(reference(events, kind, threshold, window))
