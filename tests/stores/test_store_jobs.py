"""What the job runner needs: positions, watermarks, changed groups, findings."""

from __future__ import annotations

from typing import Any

import pytest
from stores.lines import KID, PROFILE, event, events, header, name16

from analytics.store import GroupChange, JobEvent, JobState, open_store
from analytics.wire import AllOf, Eq, Finding, JobPart, JobSpec, finding_id

COLUMNS = [
    ("time", "time"),
    ("user", "keyword"),
    ("dst", "keyword"),
    ("method", "keyword"),
    ("rate.ex_diff", "number"),
]
PART = JobPart(kid=KID, profile=PROFILE, filter=AllOf(parts=()))
SECOND = 1_000_000


def job(version: str = "1", **parts: Any) -> JobSpec:
    given: dict[str, Any] = {
        "id": "flood",
        "version": name16(version),
        "kind": "event_count",
        "parts": (PART,),
        "group_by": ("user",),
        "window": 10 * SECOND,
        "threshold": 1,
    }
    return JobSpec(**{**given, **parts})


def at(second: int, **body: Any) -> dict[str, Any]:
    return {"time": f"1970-01-01T00:{second // 60:02}:{second % 60:02}Z", **body}


def finding(spec: JobSpec, group: str, start: int, metric: int = 5) -> Finding:
    return Finding(
        id=finding_id(spec.id, spec.version, KID, PROFILE, (group,), start),
        job=spec.id,
        version=spec.version,
        kid=KID,
        profile=PROFILE,
        group=(group,),
        start=start,
        end=start + spec.window,
        metric=metric,
        severity="medium",
        events=(name16(0),),
    )


def test_jobs_are_kept_by_id(store: JobState, store_url: str) -> None:
    store.put_job(job())
    other = job(id="another", tags=("a",))
    store.put_job(other)
    store.put_job(job("2"))
    assert store.jobs() == [other, job("2")]
    store.close()
    with open_store(store_url) as again:
        assert again.jobs() == [other, job("2")]
        assert again.remove_job("flood")
        assert not again.remove_job("flood")
        assert again.jobs() == [other]


def test_changed_groups_are_those_of_new_events(store: JobState) -> None:
    store.ingest([header(COLUMNS), *events([at(1, user="a"), at(2, user="b"), {"user": "c"}])])
    after = store.position()
    assert after == 3
    store.ingest([event(at(9, user="b"), 10), event(at(5, user="b"), 11), event(at(3), 12)])
    spec = job()
    assert sorted(store.changed_groups(spec, PART, 0)) == [
        GroupChange(("a",), SECOND, SECOND),
        GroupChange(("b",), 2 * SECOND, 9 * SECOND),
    ]
    (change,) = store.changed_groups(spec, PART, after)
    assert change == GroupChange(("b",), 5 * SECOND, 9 * SECOND)
    narrow = JobPart(kid=KID, profile=PROFILE, filter=Eq(path="user", value="a"))
    assert list(store.changed_groups(spec, narrow, after)) == []
    assert list(store.changed_groups(job(group_by=("user", "nowhere")), PART, 0)) == []


def test_an_array_changes_the_group_of_each_element(store: JobState) -> None:
    store.ingest([header(COLUMNS), event(at(1, user=["a", "b", "a"], dst="d"), 0)])
    spec = job(group_by=("user", "dst"))
    assert sorted(change.group for change in store.changed_groups(spec, PART, 0)) == [
        ("a", "d"),
        ("b", "d"),
    ]
    for user in "ab":
        assert len(store.group_events(spec, PART, (user, "d"), 0, 9 * SECOND)) == 1


@pytest.mark.parametrize("kind", ["event_count", "value_count"])
def test_groups_that_reach_the_threshold_are_never_left_out(store: JobState, kind: str) -> None:
    """Old events count too, wherever the window lies, and weights."""
    value = "dst" if kind == "value_count" else None
    spec = job(kind=kind, value=value, threshold=3)
    store.ingest(
        [
            header(COLUMNS),
            *events([at(second, user="old", dst=str(second)) for second in (11, 14)]),
            event(at(100, user="far", dst="1"), 50),
            event(at(102, user="far", dst="2"), 51),
        ]
    )
    after = store.position()
    new = [
        at(19, user="old", dst="x"),
        at(200, user="far", dst="3"),
        at(300, user="one", dst="1"),
        at(400, user="new", dst=["1", "2", "3"], rate={"ex_diff": 2}),
    ]
    store.ingest([event(body, f"new{i}") for i, body in enumerate(new)])
    found = {change.group[0] for change in store.changed_groups(spec, PART, after)}
    assert {"old", "new"} <= found <= {"old", "new", "far", "one"}


def test_events_of_a_group(store: JobState) -> None:
    bodies = [
        at(4, user="a", dst=["y", "x"]),
        at(1, user="a", dst="x", rate={"ex_diff": 6}),
        at(1, user="a"),
        at(1, user="b", dst="z"),
        at(9, user="a", dst="z"),
        {"user": "a", "dst": "w"},
    ]
    store.ingest([header(COLUMNS), *events(bodies)])
    spec = job(kind="value_count", value="dst")
    expected = sorted(
        [
            JobEvent(4 * SECOND, name16(0), 1, ("x", "y")),
            JobEvent(SECOND, name16(1), 7, ("x",)),
            JobEvent(SECOND, name16(2), 1, ()),
        ]
    )
    assert store.group_events(spec, PART, ("a",), SECOND, 9 * SECOND) == expected
    for limit in (1, 2, 3, 4):
        found = store.group_events(spec, PART, ("a",), SECOND, 9 * SECOND, limit=limit)
        assert found == expected[:limit]
    assert store.group_events(job(), PART, ("z",), 0, 9 * SECOND) == []
    plain = store.group_events(job(), PART, ("b",), 0, 9 * SECOND)
    assert plain == [JobEvent(SECOND, name16(3), 1, ())]


def test_events_of_many_groups_are_those_of_each(store: JobState) -> None:
    """Of groups over two fields, with arrays in both and in the value."""
    bodies = [
        at(4, user=["a", "b"], method=["r", "s"], dst=["y", "x"]),
        at(1, user="a", method="r", dst="x", rate={"ex_diff": 6}),
        at(2, user=["b", "a", "b"], method="s"),
        at(3, user="c", method="r", dst="z"),
        at(9, user="a", method="r", dst="z"),
        at(5, user="a", dst="z"),
        {"user": "a", "method": "r", "dst": "w"},
    ]
    store.ingest([header(COLUMNS), *events(bodies)])
    groups = [(user, method) for user in "abcz" for method in "rs"]
    for spec in (
        job(kind="value_count", value="dst", group_by=("user", "method")),
        job(group_by=("user", "method")),
        job(kind="value_count", value="user", group_by=("user", "method")),
        job(kind="value_count", value="nowhere", group_by=("user", "method")),
    ):
        span = (SECOND, 9 * SECOND)
        each = [store.group_events(spec, PART, group, *span) for group in groups]
        assert [len(found) for found in each] == [2, 2, 1, 2, 1, 0, 0, 0]
        assert store.events_of_groups(spec, PART, groups, *span, limit=8) == each
        assert store.events_of_groups(spec, PART, groups[5:], *span, limit=8) == [[], [], []]
        assert store.events_of_groups(spec, PART, groups, *span, limit=7) is None
        assert store.events_of_groups(spec, PART, [], *span, limit=7) == []
    unknown = job(group_by=("user", "nowhere"))
    assert store.events_of_groups(unknown, PART, groups, 0, 9 * SECOND, limit=9) == [[]] * 8


def test_findings_have_a_growing_sequence(store: JobState) -> None:
    spec = job()
    first, second = finding(spec, "a", 0), finding(spec, "b", SECOND)
    store.write_findings(spec, PART, [first, second], 7)
    assert store.watermark(spec, PART) == 7
    assert [found.sequence for found in store.findings()] == [1, 2]
    changed = finding(spec, "a", 0, metric=9)
    store.write_findings(spec, PART, [changed, second], 8)
    assert [(found.id, found.sequence) for found in store.findings()] == [
        (second.id, 2),
        (first.id, 3),
    ]
    (newest,) = store.findings(after=2)
    assert newest == changed.model_copy(update={"sequence": 3})
    assert list(store.findings(after=3)) == []


def test_findings_of_a_group_whose_windows_meet(store: JobState) -> None:
    spec = job()
    found = [finding(spec, "a", start * SECOND) for start in (30, 0, 10)]
    store.write_findings(spec, PART, [*found, finding(spec, "b", 0)], 1)

    def starts(since: int, until: int) -> list[int]:
        inside = store.group_findings(spec, PART, ("a",), since * SECOND, until * SECOND)
        return [item.start // SECOND for item in inside]

    assert starts(0, 100) == [0, 10, 30]
    assert starts(10, 30) == [10]
    assert starts(9, 31) == [0, 10, 30]
    assert starts(40, 50) == []
    assert store.group_findings(job("2"), PART, ("a",), 0, 100 * SECOND) == []
    groups = [("b",), ("z",), ("a",)]
    each = [store.group_findings(spec, PART, group, 5 * SECOND, 31 * SECOND) for group in groups]
    assert [len(found) for found in each] == [1, 0, 3]
    assert store.findings_of_groups(spec, PART, groups, 5 * SECOND, 31 * SECOND) == each
    assert store.findings_of_groups(spec, PART, [], 0, 100 * SECOND) == []


def test_a_new_version_starts_over(store: JobState) -> None:
    store.put_job(job())
    store.write_findings(job(), PART, [], 5)
    store.put_job(job(severity="high"))
    assert store.watermark(job(), PART) == 5
    other = JobPart(kid="00000002", profile=PROFILE, filter=AllOf(parts=()))
    assert store.watermark(job(), other) == 0
    store.put_job(job("2"))
    assert store.watermark(job("2"), PART) == 0
    store.put_job(job())
    assert store.watermark(job(), PART) == 0


def test_a_removed_job_leaves_its_findings(store: JobState) -> None:
    store.put_job(job())
    store.write_findings(job(), PART, [finding(job(), "a", 0)], 5)
    store.remove_job("flood")
    assert len(list(store.findings())) == 1
    assert store.watermark(job(), PART) == 0
