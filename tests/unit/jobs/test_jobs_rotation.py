"""Rotating keys, or changing the profile, doesn't blind a detection.

Events are encrypted under several epochs and profiles, the cloud runs its jobs on ciphertext,
and what the edge reports is compared with the plain detections over all events of each group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples
from unit.jobs.rotated import (
    SOURCES,
    Call,
    Cloud,
    calls,
    make_job,
    of_source,
    rotations,
    truth,
    windows,
)

from analytics.jobs import run_jobs, straddling
from analytics.store import JobState, open_store
from analytics.wire import Selection, StoreError
from keys import Ring
from zt.jobs import Job, OpenedFinding, add_missing_parts, reading

S = 1_000_000


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> list[Ring]:
    return rotations(tmp_path_factory.mktemp("ring"), 3)


@pytest.fixture
def cloud(tmp_path: Path, rings: list[Ring]) -> Iterator[Cloud]:
    with open_store(f"duckdb:{tmp_path / 'store.db'}", create=True) as store:
        yield Cloud(store, rings)


def test_an_attack_with_half_its_events_on_each_side_is_found(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take(calls(6, 7, 8, 9, 10), epoch=1)
    cloud.push(job)
    assert all(finding.partial and finding.metric == 5 for finding in cloud.run())
    [opened] = cloud.found(job)
    assert windows([opened]) == [(SOURCES[0], 1 * S, 11 * S, 10)]
    assert not opened.finding.partial
    assert len(opened.finding.events) == job.threshold


def test_a_rotation_after_the_push_is_followed(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.push(job)
    assert cloud.run() == []
    cloud.take(calls(6, 7, 8), epoch=1)
    assert cloud.run() == []
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 8)]
    assert add_missing_parts([job], cloud.session()) == []


def test_a_share_below_any_notice_counts_in_the_window(cloud: Cloud) -> None:
    """Of the epoch before, too few events for a partial finding; without them, another window."""
    job = make_job()
    cloud.take(calls(1, 2), epoch=0)
    cloud.take(calls(*range(3, 20)), epoch=1)
    cloud.push(job)
    cloud.run()
    assert windows(cloud.found(job)) == truth(calls(*range(1, 20)), job)


def test_a_window_behind_what_was_read_keeps_its_metric(cloud: Cloud) -> None:
    job = make_job(threshold=4)
    before, after = calls(0, 1), calls(2, 3, 12, 13, 14, 15, 20, 21)
    cloud.take(before, epoch=0)
    cloud.take(after, epoch=1)
    cloud.push(job)
    cloud.run()
    assert windows(cloud.found(job)) == truth([*before, *after], job)


def test_groups_with_too_much_to_read_together_are_read_one_by_one(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_TOGETHER", 3)
    job = make_job()
    events = [Call(n, source) for n in range(12) for source in SOURCES]
    cloud.take(events[:10], epoch=0)
    cloud.take(events[10:], epoch=1)
    cloud.push(job)
    cloud.run()
    assert windows(cloud.found(job)) == truth(events, job)


@pytest.mark.parametrize(("limit", "scans"), [(20_000, 2), (161, 2), (100, 6)])
def test_groups_are_read_together(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, limit: int, scans: int
) -> None:
    """What the edge asks for grows with the events at a rotation, not with the groups."""
    monkeypatch.setattr(reading, "MAX_TOGETHER", limit)
    job = make_job()
    sources = [f"192.0.2.{n}" for n in range(40)]
    cloud.take([Call(n, source) for n in range(4) for source in sources], epoch=0)
    cloud.take([Call(4 + n, source) for n in range(4) for source in sources], epoch=1)
    cloud.push(job)
    assert len(cloud.run()) == 80
    store = Counting(cloud.store)
    cloud.store = cast(JobState, store)
    assert len(cloud.found(job)) == 40
    assert store.scans == scans


class Counting:
    """A store that counts the scans; with `more` it answers each with all that it has."""

    def __init__(self, store: JobState, *, more: bool = False) -> None:
        self._store = store
        self._more = more
        self.scans = 0
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._store, name)

    def scan(self, selection: Selection) -> Iterator[bytes]:
        self.scans += 1
        everything = Selection(kid=selection.kid, profile=selection.profile)
        return self._store.scan(everything if self._more else selection)


@pytest.mark.parametrize("limit", [1, 30, 50_000])
def test_what_the_cloud_asks_for_does_not_grow_with_the_groups(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Who floods a rotation with groups must not keep the cloud busy with each of them.

    With too many events to read at once, fewer groups are read together, and all are found.
    """
    monkeypatch.setattr(straddling, "MAX_TOGETHER", limit)
    job = make_job(threshold=6)
    sources = [f"192.0.2.{n}" for n in range(40)]
    cloud.take([Call(n, source) for n in range(3) for source in sources], epoch=0)
    cloud.push(job)
    cloud.run()
    cloud.take([Call(4, sources[0], weight=3)], epoch=1)
    cloud.push(job)
    store = Counting(cloud.store)
    cloud.store = cast(JobState, store)
    partial = [finding for finding in cloud.run() if finding.partial]
    assert [(found.metric, len(found.events)) for found in partial] == [(3, 3)] * 40 + [(3, 1)]
    assert cloud.run() == partial, "nothing is new"
    cloud.take([Call(5)], epoch=0)
    assert sorted(found.metric for found in cloud.run()) == [3] * 40 + [4]
    if limit == 50_000:
        assert store.asked["group_events"] == 2, "whole ones, of the groups with news"
        assert store.asked["events_of_groups"] + store.asked["findings_of_groups"] <= 12


def test_events_that_were_not_asked_for_change_nothing(cloud: Cloud) -> None:
    job = make_job(threshold=4)
    kinds = ("call", "else")
    events = [Call(n / 2, s, kind=kind) for n in range(100) for s in SOURCES for kind in kinds]
    cloud.take(events[:120], epoch=0)
    cloud.take(events[120:], epoch=1)
    cloud.push(job)
    cloud.run()
    cloud.store = cast(JobState, Counting(cloud.store, more=True))
    assert windows(cloud.found(job)) == truth(events, job)


def test_findings_come_in_the_order_of_the_store(cloud: Cloud) -> None:
    job = make_job(threshold=4)
    cloud.take([*calls(50, 51, 52, 53), *calls(1, 2, 3, 4, source=SOURCES[1])], epoch=0)
    cloud.push(job)
    cloud.run()
    cloud.take([*calls(*range(20, 24)), *calls(54, 55, source=SOURCES[1])], epoch=1)
    cloud.push(job)
    cloud.run()
    opened = cloud.found(job)
    sequences = [item.finding.sequence for item in opened]
    assert len(opened) == 3
    assert (
        sequences
        == sorted(sequences)
        != [item.finding.sequence for item in sorted(opened, key=lambda item: item.group["source"])]
    )


def test_two_rotations_within_a_window(cloud: Cloud) -> None:
    job = make_job(threshold=9)
    for epoch in range(3):
        cloud.take(calls(*(3 * epoch + n for n in range(3))), epoch=epoch)
    cloud.push(job)
    cloud.run()
    assert windows(cloud.found(job)) == [(SOURCES[0], 0, 10 * S, 9)]


def test_a_late_event_of_a_retired_epoch_completes_a_window(cloud: Cloud) -> None:
    job = make_job(threshold=6)
    cloud.take(calls(1, 2), epoch=0)
    cloud.take(calls(4, 5, 6), epoch=1)
    cloud.push(job)
    cloud.run()
    assert cloud.found(job) == []
    cloud.take(calls(3.5), epoch=0)
    cloud.run()
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 6)]


def test_distinct_values_are_counted_over_all_epochs_by_their_texts(cloud: Cloud) -> None:
    job = make_job("value_count", threshold=4)
    cloud.take([Call(n, target=t) for n, t in enumerate("uvw")], epoch=0)
    cloud.take([Call(3 + n, target=t) for n, t in enumerate("wvu")], epoch=1, profile=2)
    cloud.push(job)
    assert cloud.run() != []
    assert cloud.found(job) == []
    cloud.take([Call(8, target="x")], epoch=2)
    assert cloud.run()
    assert windows(cloud.found(job)) == [(SOURCES[0], 0, 10 * S, 4)]


def test_weights_add_up(cloud: Cloud) -> None:
    job = make_job(threshold=20)
    cloud.take([Call(1, weight=12)], epoch=0)
    cloud.take([Call(2, weight=9)], epoch=1)
    cloud.push(job)
    cloud.run()
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 21)]


def test_a_changed_profile_is_like_a_rotation(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4), profile=0)
    cloud.take(calls(5, 6, 7, 8), profile=1)  # the group is an address now
    cloud.push(job)
    cloud.run()
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 8)]


def test_far_from_other_parts_there_is_nothing_partial(cloud: Cloud) -> None:
    job = make_job()
    near = calls(100, 101, 102, 103)
    cloud.take([*calls(1, 2, 3, 4, 5, 6), *near], epoch=0)
    others = [Call(104, SOURCES[1], weight=4)]
    cloud.take([*others, *calls(200, 201, 202, 203, 204)], epoch=1)
    cloud.push(job)
    assert {(item.start, item.partial) for item in cloud.run()} == {
        (100 * S, True),
        (104 * S, True),
    }
    assert cloud.found(job) == []


def test_what_no_other_part_can_make_up_for_is_no_partial_finding(cloud: Cloud) -> None:
    """Half of the threshold is there, but no group of the new epoch has the other half."""
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take([*calls(6, 7), *calls(8, source=SOURCES[1])], epoch=1)
    cloud.push(job)
    assert cloud.run() == []
    cloud.take(calls(9), epoch=1)
    [finding] = cloud.run()
    assert (finding.partial, finding.metric) == (True, 5)
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 8)]


def test_a_stray_event_far_off_brings_no_other_near(cloud: Cloud) -> None:
    """One probe's clock is a year ahead: its event is near no other but by its own time."""
    job = make_job()
    cloud.take([*calls(1, 2, 3, 4, 5), *calls(31_536_000, source=SOURCES[1])], epoch=0)
    cloud.take(calls(*(100_000 + n for n in range(6))), epoch=1)
    cloud.push(job)
    assert cloud.run() == []


def test_a_job_that_one_event_fulfils_needs_no_shares(cloud: Cloud) -> None:
    job = make_job(threshold=1)
    cloud.take(calls(1, 2), epoch=0)
    cloud.take(calls(3, 4), epoch=1)
    cloud.push(job)
    assert not any(finding.partial for finding in cloud.run())
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 4)]


def test_a_whole_finding_takes_the_place_of_a_partial_one(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4, 5), epoch=0)
    cloud.take([Call(6, weight=3)], epoch=1)
    cloud.push(job)
    [before] = cloud.run()
    assert before.partial
    cloud.take(calls(7, 8, 9), epoch=0)
    [after] = cloud.run()
    assert (after.id, after.metric, after.partial) == (before.id, 8, False)
    assert windows(cloud.found(job)) == [(SOURCES[0], 1 * S, 11 * S, 11)]


def test_a_partial_finding_grows_and_comes_again(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1, 2, 3, 4), epoch=0)
    cloud.take([Call(9, SOURCES[1], weight=4)], epoch=1)
    cloud.push(job)
    before, other = sorted(cloud.run(), key=lambda finding: finding.start)
    cloud.take(calls(5, 6), epoch=0)
    grown = before.model_copy(update={"metric": 6, "sequence": 3})
    assert [item.model_copy(update={"sequence": 3}) for item in cloud.run()] == [
        other.model_copy(update={"sequence": 3}),
        grown,
    ]


def test_parts_that_are_there_keep_their_watermarks(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(*range(8)), epoch=0)
    cloud.push(job)
    cloud.run()
    cloud.take(calls(*range(100, 108)), epoch=1)
    assert add_missing_parts([job], cloud.session()) == [job.id]
    [spec] = cloud.store.jobs()
    assert [cloud.store.watermark(spec, part) for part in spec.parts] == [8, 0]
    cloud.run()
    assert [cloud.store.watermark(spec, part) for part in spec.parts] == [16, 16]
    assert windows(cloud.found(job)) == truth([*calls(*range(8)), *calls(*range(100, 108))], job)


def test_only_jobs_that_are_there_in_this_version_get_parts(cloud: Cloud) -> None:
    job = make_job()
    cloud.take(calls(1), epoch=0)
    cloud.push(job)
    cloud.take(calls(2), epoch=1)
    changed, other = make_job(threshold=9), make_job(id="other")
    assert add_missing_parts([changed, other], cloud.session()) == []
    assert [len(spec.parts) for spec in cloud.store.jobs()] == [1]


class Crashing:
    """A store that dies at one of the writes of findings."""

    def __init__(self, store: JobState, turn: int) -> None:
        self._store = store
        self._turn = turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write_findings(self, *arguments: Any) -> None:
        self._turn -= 1
        if self._turn == 0:
            raise StoreError("crashed", "run again")
        self._store.write_findings(*arguments)


@pytest.mark.parametrize("turn", range(1, 5))
def test_a_crash_between_two_parts_loses_nothing(cloud: Cloud, turn: int) -> None:
    job = make_job()
    events = [*calls(*range(5)), *calls(*range(20, 30), source=SOURCES[1])]
    more = [*calls(5, 6, 7), *calls(*range(30, 40), source=SOURCES[1])]
    cloud.take(events, epoch=0)
    cloud.take(more, epoch=1)
    cloud.push(job)
    report = run_jobs(cast(JobState, Crashing(cloud.store, turn)))
    assert len(report.failures) == 1
    cloud.run()
    assert windows(cloud.found(job)) == truth([*events, *more], job)


# --- any events, any rotations --------------------------------------------------------------

Piece = tuple[int, int, list[Call]]
"""Epoch, profile, and events that are encrypted and ingested together."""

CALLS = st.lists(
    st.builds(
        Call,
        time=st.integers(0, 240).map(lambda quarter: quarter / 4),
        source=st.sampled_from(SOURCES),
        target=st.sampled_from(["u", "v", "w", "x", "y", None]),
        weight=st.integers(1, 3),
    ),
    min_size=1,
    max_size=40,
)
JOBS = st.builds(
    make_job,
    kind=st.sampled_from(["event_count", "value_count"]),
    threshold=st.integers(1, 9),
    window=st.sampled_from(["500ms", "2s", "7s", "30s"]),
)
EXAMPLES = settings(max_examples=examples(8), deadline=None)


def found(
    rings: Sequence[Ring], job: Job, pieces: Sequence[Piece], runs: Sequence[bool]
) -> list[OpenedFinding]:
    """What the edge reports after the pieces came in this order, with runs in between."""
    with (
        TemporaryDirectory() as folder,
        open_store(f"duckdb:{folder}/store.db", create=True) as store,
    ):
        cloud = Cloud(store, rings)
        for index, (epoch, profile, events) in enumerate(pieces):
            cloud.take(events, epoch, profile)
            if index == 0:
                cloud.push(job)
            if runs[index]:
                add_missing_parts([job], cloud.session())
                cloud.run()
        add_missing_parts([job], cloud.session())
        cloud.run()
        assert run_jobs(store).findings == 0
        return cloud.found(job)


def cut(events: Sequence[Call], data: st.DataObject) -> list[list[Call]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=2)))
    return [list(events[low:high]) for low, high in pairwise([0, *cuts, len(events)]) if low < high]


@EXAMPLES
@given(CALLS, JOBS, st.data())
def test_rotations_change_no_detection(
    rings: list[Ring], events: list[Call], job: Job, data: st.DataObject
) -> None:
    """Up to three rotations at any time, each perhaps with another profile."""
    events = sorted(events, key=lambda event: event.time)
    turns = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=3)))
    pieces: list[Piece] = []
    for epoch, (low, high) in enumerate(pairwise([0, *turns, len(events)])):
        profile = data.draw(st.integers(0, 2))
        pieces += [(epoch, profile, piece) for piece in cut(events[low:high], data)]
    runs = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    assert windows(found(rings, job, pieces, runs)) == truth(events, job)


@EXAMPLES
@given(CALLS, JOBS, st.data())
def test_epochs_and_profiles_side_by_side_change_no_detection(
    rings: list[Ring], events: list[Call], job: Job, data: st.DataObject
) -> None:
    """Several probes, some with an old ring or another profile, each in the order of time."""
    parts: dict[tuple[int, int], list[Call]] = {}
    for event in sorted(events, key=lambda event: event.time):
        part = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 1)))
        parts.setdefault(part, []).append(event)
    queues = [[(*key, piece) for piece in cut(own, data)] for key, own in parts.items()]
    pieces: list[Piece] = []
    while queues := [queue for queue in queues if queue]:
        pieces.append(data.draw(st.sampled_from(queues)).pop(0))
    runs = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    assert windows(found(rings, job, pieces, runs)) == truth(events, job)


@EXAMPLES
@given(CALLS, JOBS, st.data())
def test_in_any_order_every_window_is_met_and_none_is_made_up(
    rings: list[Ring], events: list[Call], job: Job, data: st.DataObject
) -> None:
    pieces: list[Piece] = [(data.draw(st.integers(0, 2)), 0, piece) for piece in cut(events, data)]
    runs = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    opened = found(rings, job, pieces, runs)
    result = windows(opened)
    for before, after in pairwise(result):
        assert before[0] != after[0] or before[2] <= after[1]
    for source, start, end, metric in result:
        inside = [event for event in of_source(events, source) if start <= event.time < end]
        weights = sum(event.weight for event in inside)
        texts = {text for event in inside for text in event.values}
        assert metric == (weights if job.kind == "event_count" else len(texts)) >= job.threshold
    for source, start, end, _ in truth(events, job):
        assert any(s == source and low < end and high > start for s, low, high, _ in result)
