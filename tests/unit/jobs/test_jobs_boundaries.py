"""Where windows may hold events of several parts, against every window by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.job_lines import KID, PROFILE, Event, batch, job

from analytics.jobs import find_zones, presence, span_around
from analytics.jobs.boundaries import BUCKETS
from analytics.jobs.straddling import share_of
from analytics.jobs.windows import Span
from analytics.store import JobState, open_store

KEYS = [(f"{number:08x}", PROFILE) for number in range(3)]
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=4)


@given(st.lists(SPANS, max_size=3), st.integers(1, 12))
def test_zones_say_which_parts_a_window_meets(
    rows: list[list[tuple[int, int]]], window: int
) -> None:
    present: dict[tuple[str, str], list[Span]] = {}
    for key, spans in zip(KEYS, rows, strict=False):
        own = present[key] = list[Span]()
        for start, length in sorted(spans):  # as `presence` gives them: a window lies between
            if not own or start - own[-1].end >= window:
                own.append(Span(start, start + length))
    zones = find_zones(present, window)
    assert all(a.end <= b.start for a, b in pairwise(zones))
    for start in range(-15, 75):
        met = {
            key
            for key, spans in present.items()
            if any(span.start < start + window and span.end > start for span in spans)
        }
        inside = [zone.parts for zone in zones if zone.start <= start < zone.end]
        assert inside == ([met] if len(met) > 1 else [])


@pytest.mark.parametrize(
    ("threshold", "others", "share"),
    [
        (8, [8], 4),
        (9, [9], 5),
        (9, [100, 100], 3),
        (8, [2], 6),
        (8, [1, 2], 5),
        (8, [0], 8),
        (2, [5, 5], 1),
    ],
)
def test_shares(threshold: int, others: list[int], share: int) -> None:
    assert share_of(threshold, others) == share


@given(st.lists(st.integers(0, 9), min_size=2, max_size=4), st.integers(1, 20))
def test_of_parts_that_reach_it_together_one_reaches_its_share(
    metrics: list[int], threshold: int
) -> None:
    """Whatever larger groups the parts have besides."""
    if sum(metrics) >= threshold:
        for more in (0, 3):
            assert any(
                metric
                >= share_of(threshold, [other + more for j, other in enumerate(metrics) if j != i])
                for i, metric in enumerate(metrics)
            )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path / 'store.db'}", create=True) as opened:
        yield opened


def test_presence_is_of_the_jobs_events_only(store: JobState) -> None:
    spec = job(window=10)
    events = [Event(t) for t in (100, 105, 116, 300)] + [Event(200, kind="else")]
    store.ingest(batch(enumerate(events)))
    second = 1_000_000
    around = span_around(0, 1_000 * second, spec.window)
    assert presence(store, spec.parts[0], spec.window, around) == [
        Span(100 * second, 105 * second + 1),
        Span(116 * second, 116 * second + 1),
        Span(300 * second, 300 * second + 1),
    ]
    within = Span(101 * second, 116 * second)
    assert presence(store, spec.parts[0], spec.window, within) == [
        Span(105 * second, 105 * second + 1)
    ]


def test_presence_over_all_time_is_coarse_but_covers_every_event(store: JobState) -> None:
    spec = job(window=1)
    times = [*range(-1_000, 1_000, 7), 10**9, 10**9 + 10]
    store.ingest(batch(enumerate(Event(time) for time in times)))
    spans = presence(store, spec.parts[0], spec.window, Span(-(2**63), 2**63 - 1))
    assert len(spans) <= BUCKETS
    for time in times:
        assert any(span.start <= time * 1_000_000 < span.end for span in spans)


def test_an_epoch_that_the_store_does_not_hold_is_nowhere(store: JobState) -> None:
    part = job().parts[0]
    assert part.kid == KID
    assert presence(store, part, 10, Span(0, 100)) == []
