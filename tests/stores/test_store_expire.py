"""Retention: what is too old goes, with all that nothing uses any more, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from stores.lines import KID, PROFILE, SEARCH, event, header, name16, value
from support.small_pieces import small_pieces

from analytics.store import CloudStore, open_store
from analytics.wire import (
    AllOf,
    Finding,
    JobPart,
    JobSpec,
    Lookup,
    Metric,
    Query,
    Selection,
    finding_id,
)

COLUMNS = [("time", "time"), ("user", "keyword"), ("tags", "keyword")]
OTHER, THIRD = "00000002", "00000003"
SECOND = 1_000_000

PART = JobPart(kid=KID, profile=PROFILE, filter=AllOf(parts=()))
JOB = JobSpec(
    id="scan",
    version=name16("v1"),
    kind="event_count",
    parts=(PART,),
    group_by=("user",),
    window=10 * SECOND,
    threshold=2,
)


def at(second: int, user: str, ident: object, **more: Any) -> bytes:
    body = {"time": f"1970-01-01T00:00:{second:02}Z", "user": user}
    return event({**body, **more}, ident)


def batch() -> list[bytes]:
    return [
        header(COLUMNS),
        *(value(user, [n]) for n, user in enumerate(["old", "both", "new", "never", "tag"])),
        at(1, "old", 1, tags=["gone", "tag"]),
        at(2, "both", 2, tags=["x", "gone"]),
        at(30, "both", 3, tags=["x", "tag"]),
        at(31, "new", 4),
        event({"user": "never"}, 5),
    ]


def finding(start: int, user: str) -> Finding:
    return Finding(
        id=finding_id(JOB.id, JOB.version, KID, PROFILE, (user,), start),
        job=JOB.id,
        version=JOB.version,
        kid=KID,
        profile=PROFILE,
        group=(user,),
        start=start,
        end=start + SECOND,
        metric=2,
        severity=JOB.severity,
        events=(name16(1),),
    )


def groups(store: CloudStore, path: str, kid: str = KID) -> dict[str, Any]:
    query = Query(kid=kid, profile=PROFILE, group_by=(path,), metrics=(Metric(kind="events"),))
    return {row.key[0]: row.metrics[0] for row in store.query(query)}


def values(store: CloudStore, kid: str = KID) -> set[str]:
    lookup = Lookup(kid=kid, keyspace="user", every=True)
    return {record.ct for record in store.values(lookup)}


def lines(store: CloudStore) -> list[bytes]:
    return sorted(store.scan(Selection(kid=KID, profile=PROFILE)))


def test_old_events_go_with_what_only_they_had(store: CloudStore) -> None:
    store.ingest(batch())
    report = store.expire(30 * SECOND)
    assert (report.events, report.timeless, report.epochs) == (2, 1, [])
    assert groups(store, "user") == {"both": 1, "new": 1, "never": 1}
    assert groups(store, "tags") == {"x": 1, "tag": 1}
    assert lines(store) == sorted(line.rstrip() for line in batch()[-3:])
    assert list(store.events([name16(1), name16(4)])) == [batch()[-2].rstrip()]
    assert len(list(store.epoch_events(KID))) == 3
    assert (report.values, values(store)) == (1, {"both", "new", "never", "tag"})
    by_token = Lookup(kid=KID, keyspace="user", search=SEARCH, tokens=(0,))
    assert list(store.values(by_token)) == []
    (epoch,) = store.epochs()
    assert (epoch.events, epoch.first, epoch.last) == (3, 30 * SECOND, 31 * SECOND)


def test_a_second_time_changes_nothing(store: CloudStore) -> None:
    store.ingest(batch())
    store.expire(30 * SECOND)
    before = (lines(store), values(store), store.position(), store.header_lines())
    report = store.expire(30 * SECOND)
    assert (report.events, report.values, report.findings) == (0, 0, 0)
    assert (lines(store), values(store), store.position(), store.header_lines()) == before


def test_a_dry_run_counts_and_removes_nothing(store: CloudStore) -> None:
    store.ingest(batch())
    store.put_job(JOB)
    store.write_findings(JOB, PART, [finding(SECOND, "old"), finding(30 * SECOND, "both")], 1)
    before = lines(store)
    dry = store.expire(30 * SECOND, dry_run=True)
    assert (lines(store), len(list(store.findings()))) == (before, 2)
    report = store.expire(30 * SECOND)
    for name in ("events", "unseen", "timeless", "findings"):
        assert getattr(dry, name) == getattr(report, name)
    assert (dry.events, dry.unseen, dry.findings) == (2, 1, 1)


def test_what_is_sent_again_comes_again(store: CloudStore) -> None:
    """With its value records, and as a new event to jobs."""
    store.ingest(batch())
    store.expire(30 * SECOND)
    report = store.ingest(batch())
    assert (report.events, report.known_events, report.values) == (2, 3, 1)
    assert lines(store) == sorted(line.rstrip() for line in batch()[6:])
    assert values(store) == {"old", "both", "new", "never", "tag"}
    assert groups(store, "tags") == {"gone": 2, "x": 2, "tag": 2}


def test_positions_are_never_used_again(store_url: str) -> None:
    """Even if all events went: a new one must not lie before a watermark."""
    with open_store(store_url, create=True) as store:
        store.ingest(batch()[:-1])
        store.put_job(JOB)
        store.write_findings(JOB, PART, [], store.position())
        assert store.expire(60 * SECOND).events == 4
    with open_store(store_url) as store:
        assert store.position() == 4
        store.ingest([header(COLUMNS), at(50, "u", "new")])
        assert (store.position(), store.watermark(JOB, PART)) == (5, 4)
        (change,) = store.changed_groups(JOB, PART, store.watermark(JOB, PART))
        assert change.group == ("u",)


def test_events_that_moved_expire_like_others(store: CloudStore) -> None:
    """Also those that have moved leave no reference behind by which they would be known."""
    store.ingest(batch())
    moved = [
        header(COLUMNS, kid=OTHER),
        value("old2", [1], kid=OTHER),
        event({"time": "1970-01-01T00:00:01Z", "user": "old2"}, 1, kid=OTHER),
    ]
    assert store.replace(moved, kid=KID).events == 1
    assert store.expire(30 * SECOND).events == 2
    assert list(store.events([name16(1), name16(2)])) == []
    assert values(store, OTHER) == set()
    assert store.ingest(moved).events == 1
    assert store.replace(batch(), kid=OTHER).events == 1


def test_old_findings_go_but_the_newest_stays(store: CloudStore) -> None:
    """Followers ask by sequence: one that is used again would be passed over."""
    store.ingest(batch())
    store.put_job(JOB)
    newest = finding(2 * SECOND, "both")
    store.write_findings(JOB, PART, [finding(SECOND, "old"), finding(30 * SECOND, "both")], 5)
    store.write_findings(JOB, PART, [newest], 5)
    assert store.expire(30 * SECOND).findings == 1
    assert [found.start for found in store.findings()] == [30 * SECOND, 2 * SECOND]
    store.write_findings(JOB, PART, [finding(31 * SECOND, "new")], 5)
    assert [found.group for found in store.findings(after=3)] == [("new",)]
    assert store.expire(30 * SECOND).findings == 1


def test_events_that_no_job_has_seen_are_said(store: CloudStore) -> None:
    store.put_job(JOB)
    store.ingest(batch())
    store.write_findings(JOB, PART, [], 1)
    assert store.expire(30 * SECOND).unseen == 1
    assert store.watermark(JOB, PART) == 1


def test_empty_epochs_are_forgotten_but_for_what_guards_the_ring(store: CloudStore) -> None:
    """The greatest generation is how an edge tells that its ring is an old copy."""
    for kid, generation in ((KID, 1), (OTHER, 7), (THIRD, 3)):
        old = [at(1, "u", kid).replace(KID.encode(), kid.encode())]
        store.ingest([header(COLUMNS, kid=kid, generation=generation), *old])
    report = store.expire(30 * SECOND)
    assert (report.events, report.epochs) == (3, [KID])
    assert [epoch.kid for epoch in store.epochs()] == [OTHER, THIRD]
    assert max(found.generation for found in store.headers()) == 7
    assert store.ingest([header(COLUMNS), at(40, "u", "late")]).events == 1


def test_a_value_of_two_epochs_stays_in_the_one_that_uses_it(store: CloudStore) -> None:
    store.ingest([header(COLUMNS), value("same", [1]), at(1, "same", 1), at(40, "x", 2)])
    store.ingest(
        [
            header(COLUMNS, kid=OTHER),
            value("same", [1], kid=OTHER),
            event({"time": "1970-01-01T00:00:40Z", "tags": ["same", "y"]}, 3, kid=OTHER),
        ]
    )
    store.expire(30 * SECOND)
    assert (values(store), values(store, OTHER)) == (set(), {"same"})


def test_in_steps_as_in_one(store: CloudStore, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pieces(monkeypatch)
    users = [f"u{n % 13}" for n in range(60)]
    store.ingest(
        [
            header(COLUMNS),
            *(value(user, [n]) for n, user in enumerate(sorted(set(users)))),
            *(at(n, user, n, tags=[user, f"t{n}"]) for n, user in enumerate(users)),
        ]
    )
    assert store.expire(50 * SECOND).events == 50
    assert sum(groups(store, "user").values()) == 10
    assert set(groups(store, "tags")) == {*users[50:], *(f"t{n}" for n in range(50, 60))}
    assert values(store) == set(users[50:])
    assert len(list(store.events([name16(n) for n in range(60)]))) == 10
