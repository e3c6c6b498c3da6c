"""Events that move to another epoch, epochs that go, and findings that move with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from stores.lines import KID, PROFILE, SEARCH, event, events, header, name16, record, value

from analytics.store import GroupChange, JobState, open_store
from analytics.wire import (
    AllOf,
    BadLine,
    EpochConflictError,
    Eq,
    Finding,
    JobPart,
    JobSpec,
    Lookup,
    Metric,
    Query,
    Row,
    Selection,
    StoreError,
    encode_bytes,
    finding_id,
)

COLUMNS = [("time", "time"), ("user", "keyword"), ("n", "number"), ("tags", "keyword")]
OLD, NEW, THIRD = KID, "00000002", "00000003"
SECOND = 1_000_000

BODIES: list[dict[str, Any]] = [
    {"time": "1970-01-01T00:00:01Z", "user": "a", "n": 1},
    {"time": "1970-01-01T00:00:02Z", "user": "b", "n": 2, "tags": ["x", "y"]},
    {"time": "1970-01-01T00:00:03Z", "user": "a", "n": [3, 4], "tags": ["x"]},
    {"user": "c", "tags": ["y", "z", "y"]},
]


def encrypted(kid: str, bodies: Iterable[dict[str, Any]] = BODIES) -> list[dict[str, Any]]:
    """The bodies as that epoch spells them: users differ from epoch to epoch."""
    return [{**body, "user": f"{body['user']}-{kid}"} for body in bodies]


def batch(kid: str, first: int = 0, bodies: Iterable[dict[str, Any]] = BODIES) -> list[bytes]:
    """A batch; its events are the same in every epoch."""
    users = sorted({body["user"] for body in bodies})
    return [
        header(COLUMNS, kid=kid),
        *(value(f"{user}-{kid}", [ord(user[0])], kid=kid) for user in users),
        *(event(body, first + i, kid=kid) for i, body in enumerate(encrypted(kid, bodies))),
    ]


def ask(store: JobState, kid: str, **parts: Any) -> list[Row]:
    parts = {"metrics": (Metric(kind="events"),), **parts}
    return store.query(Query(kid=kid, profile=PROFILE, **parts))


def number(store: JobState, kid: str) -> int:
    return int(ask(store, kid)[0].metrics[0] or 0)


def look(store: JobState, kid: str) -> list[str]:
    found = store.values(Lookup(kid=kid, keyspace="user", search=SEARCH, tokens=(ord("a"),)))
    return [record.ct for record in found]


@pytest.fixture
def filled(store: JobState) -> JobState:
    store.ingest(batch(OLD))
    return store


def test_an_event_takes_the_place_of_the_one_with_its_id(filled: JobState) -> None:
    report = filled.replace(batch(NEW), kid=OLD)
    assert (report.batches, report.events, report.known_events) == (1, 4, 0)
    assert (report.unknown_events, report.other_events, report.rejected) == (0, 0, 0)
    assert (report.values, report.known_values) == (3, 0)
    assert (number(filled, OLD), number(filled, NEW)) == (0, 4)
    assert [epoch.events for epoch in filled.epochs()] == [0, 4]
    ids = [name16(i) for i in range(4)]
    expected = [json.loads(line) for line in batch(NEW)[4:]]
    assert [json.loads(line) for line in filled.events(ids)] == expected
    scanned = filled.scan(Selection(kid=NEW, profile=PROFILE, newest_first=False))
    assert [json.loads(line) for line in scanned] == expected
    assert list(filled.scan(Selection(kid=OLD, profile=PROFILE))) == []
    assert look(filled, NEW) == [f"a-{NEW}"]


def test_answers_are_those_from_before(filled: JobState) -> None:
    def answers(kid: str) -> list[list[Row]]:
        metrics = (Metric(kind="events"), Metric(kind="sum", path="n"), Metric(kind="last"))
        return [
            ask(filled, kid, group_by=("tags",), metrics=metrics),
            ask(filled, kid, group_by=("tags", "n")),
            ask(filled, kid, filter=Eq(path="tags", value="y")),
            ask(filled, kid, interval=2 * SECOND, since=SECOND),
            ask(filled, kid, metrics=(Metric(kind="distinct", path="n"),)),
        ]

    before = answers(OLD)
    filled.replace(batch(NEW), kid=OLD)
    assert answers(NEW) == before
    users = ask(filled, NEW, group_by=("user",))
    assert [row.key for row in users] == [(f"{user}-{NEW}",) for user in "abc"]


def test_again_it_changes_nothing(filled: JobState) -> None:
    filled.replace(batch(NEW), kid=OLD)
    position = filled.position()
    for kid in (OLD, NEW, THIRD):
        report = filled.replace(batch(NEW), kid=kid)
        assert (report.events, report.known_events, report.values) == (0, 4, 0)
    assert (number(filled, NEW), filled.position()) == (4, position)


def test_what_is_not_stored_is_not_added(filled: JobState) -> None:
    report = filled.replace(batch(NEW, first=2), kid=OLD)
    assert (report.events, report.unknown_events) == (2, 2)
    assert (number(filled, OLD), number(filled, NEW)) == (2, 2)
    assert len(list(filled.events([name16(i) for i in range(6)]))) == 4


def test_an_event_that_has_moved_meanwhile_is_left_alone(filled: JobState) -> None:
    filled.replace(batch(THIRD, bodies=BODIES[:1]), kid=OLD)
    report = filled.replace(batch(NEW), kid=OLD)
    assert (report.events, report.other_events) == (3, 1)
    assert [number(filled, kid) for kid in (OLD, NEW, THIRD)] == [0, 3, 1]


def test_an_id_twice_in_the_stream_moves_once(filled: JobState) -> None:
    report = filled.replace([*batch(NEW), *batch(NEW)], kid=OLD)
    assert (report.events, report.known_events) == (4, 4)
    assert number(filled, NEW) == 4


def test_old_lines_that_come_again_double_nothing(filled: JobState) -> None:
    filled.replace(batch(NEW), kid=OLD)
    report = filled.ingest(batch(OLD))
    assert (report.events, report.known_events) == (0, 4)
    assert (number(filled, OLD), number(filled, NEW)) == (0, 4)


def test_late_events_of_the_old_epoch_move_in_their_turn(filled: JobState) -> None:
    filled.replace(batch(NEW), kid=OLD)
    late = batch(OLD, first=10)
    assert filled.ingest(late).events == 4
    assert list(filled.epoch_events(OLD)) == [line.rstrip() for line in late[4:]]
    assert filled.replace(batch(NEW, first=10), kid=OLD).events == 4
    assert (number(filled, OLD), number(filled, NEW)) == (0, 8)


def test_refused_lines_leave_the_old_event(filled: JobState) -> None:
    refused: list[BadLine] = []
    lines = batch(NEW)
    stream = [*lines[4:5], b"{\n", lines[0], *lines[5:]]
    report = filled.replace(stream, kid=OLD, reject=refused.append)
    assert (report.events, report.rejected, len(refused)) == (3, 2, 2)
    assert (number(filled, OLD), number(filled, NEW)) == (1, 3)


def test_another_key_of_that_name_stops_it(filled: JobState) -> None:
    filled.ingest(batch(NEW, first=10))
    twin = header(COLUMNS, kid=NEW, kcv=encode_bytes(b"x" * 32))
    with pytest.raises(EpochConflictError):
        filled.replace([twin, *batch(NEW)[1:]], kid=OLD)
    assert (number(filled, OLD), number(filled, NEW)) == (4, 4)


def test_a_source_that_fails_leaves_the_store_whole(filled: JobState) -> None:
    def broken() -> Iterator[bytes]:
        yield from batch(NEW)[:-1]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        filled.replace(broken(), kid=OLD)
    assert number(filled, OLD) + number(filled, NEW) == 4
    filled.replace(batch(NEW), kid=OLD)
    assert (number(filled, OLD), number(filled, NEW)) == (0, 4)


def test_reopened_it_knows_what_moved(filled: JobState, store_url: str) -> None:
    filled.replace(batch(NEW, bodies=BODIES[:3]), kid=OLD)
    position = filled.position()
    filled.close()
    with open_store(store_url) as store:
        assert (number(store, OLD), number(store, NEW), store.position()) == (1, 3, position)
        assert store.ingest(batch(OLD)).known_events == 4
        assert store.replace(batch(NEW), kid=OLD).events == 1


def test_an_answer_that_has_begun_stays_as_it_was(store: JobState) -> None:
    """It takes several steps, and what it has chosen goes in between."""
    bodies = [{"user": f"u{i % 7}", "tags": ["x", "y"]} for i in range(5000)]
    store.ingest(batch(OLD, bodies=bodies))
    begun = store.scan(Selection(kid=OLD, profile=PROFILE, newest_first=False))
    lines = [next(begun)]
    store.replace(batch(NEW, bodies=bodies), kid=OLD)
    store.forget(OLD)
    lines += begun
    assert lines == [line.rstrip() for line in batch(OLD, bodies=bodies)[8:]]


def test_a_walk_that_replaces_what_it_reads_sees_each_event_once(store: JobState) -> None:
    bodies = [{"user": f"u{i % 7}"} for i in range(6000)]
    store.ingest(batch(OLD, bodies=bodies))
    seen: list[bytes] = []
    for line in store.epoch_events(OLD):
        seen.append(line)
        if len(seen) % 700 == 0:
            first = len(seen) - 700
            store.replace(batch(NEW, first, bodies[first : len(seen)]), kid=OLD)
    assert seen == [line.rstrip() for line in batch(OLD, bodies=bodies)[8:]]
    assert (number(store, OLD), number(store, NEW)) == (400, 5600)
    assert len(list(store.epoch_events(OLD))) == 400
    assert list(store.epoch_events(THIRD)) == []


def test_a_walk_goes_through_every_profile(filled: JobState) -> None:
    other = name16("other profile")
    filled.ingest([header(COLUMNS, profile=other), *events(BODIES[:1], profile=other)[:0]])
    filled.ingest([event({"user": "z"}, "z", profile=other)])
    walked = [json.loads(line)["zt"]["profile"] for line in filled.epoch_events(OLD)]
    assert walked == [PROFILE] * 4 + [other]


# --- jobs ------------------------------------------------------------------------------------


def part(kid: str) -> JobPart:
    return JobPart(kid=kid, profile=PROFILE, filter=AllOf(parts=()))


JOB = JobSpec(
    id="flood",
    version=name16("1"),
    kind="event_count",
    parts=(part(OLD), part(NEW)),
    group_by=("user",),
    window=10 * SECOND,
    threshold=1,
)


def test_moved_events_are_new_to_the_new_part_and_gone_from_the_old(filled: JobState) -> None:
    filled.ingest(batch(NEW, first=10, bodies=BODIES[:1]))
    position = filled.position()
    assert position == 5
    filled.replace(batch(NEW, bodies=BODIES[:2]), kid=OLD)
    assert filled.position() == 7
    assert sorted(filled.changed_groups(JOB, part(NEW), position)) == [
        GroupChange((f"a-{NEW}",), SECOND, SECOND),
        GroupChange((f"b-{NEW}",), 2 * SECOND, 2 * SECOND),
    ]
    assert list(filled.changed_groups(JOB, part(OLD), position)) == []
    (change,) = filled.changed_groups(JOB, part(OLD), 0)
    assert change.group == (f"a-{OLD}",)
    both = filled.group_events(JOB, part(NEW), (f"a-{NEW}",), 0, 9 * SECOND)
    assert {item.id for item in both} == {name16(0), name16(10)}


def finding(kid: str, user: str, start: int = 0, **more: Any) -> Finding:
    group = (f"{user}-{kid}",)
    return Finding(
        id=finding_id(JOB.id, JOB.version, kid, PROFILE, group, start),
        job=JOB.id,
        version=JOB.version,
        kid=kid,
        profile=PROFILE,
        group=group,
        start=start,
        end=start + JOB.window,
        metric=5,
        severity="medium",
        events=(name16(0),),
        **more,
    )


def moved(*pairs: tuple[Finding, Finding]) -> dict[str, Finding]:
    return {old.id: new for old, new in pairs}


def test_a_finding_that_moves_keeps_its_sequence(store: JobState) -> None:
    old = [finding(OLD, user) for user in "abc"]
    new = finding(NEW, "b")
    store.write_findings(JOB, part(OLD), old, 5)
    assert store.replace_findings(moved((old[1], new))) == 1
    assert [(item.group[0], item.sequence) for item in store.findings()] == [
        (f"a-{OLD}", 1),
        (f"b-{NEW}", 2),
        (f"c-{OLD}", 3),
    ]
    (there,) = store.group_findings(JOB, part(NEW), new.group, 0, 1)
    assert there == new.model_copy(update={"sequence": 2})
    assert store.group_findings(JOB, part(OLD), old[1].group, 0, 1) == []
    assert list(store.findings(after=3)) == []
    assert store.replace_findings(moved((old[1], new), (finding(OLD, "zz"), new))) == 0
    assert store.replace_findings({}) == 0
    assert store.watermark(JOB, part(OLD)) == 5


def test_a_finding_that_was_made_anew_stays_where_an_old_one_moves_to(store: JobState) -> None:
    """And a follower misses nothing that comes afterwards."""
    old, new = finding(OLD, "a"), finding(NEW, "a")
    anew = new.model_copy(update={"metric": 9})
    store.write_findings(JOB, part(NEW), [anew], 1)
    store.write_findings(JOB, part(OLD), [old], 1)
    assert store.replace_findings(moved((old, new))) == 1
    assert list(store.findings()) == [anew.model_copy(update={"sequence": 2})]
    store.write_findings(JOB, part(NEW), [finding(NEW, "b")], 2)
    (follows,) = store.findings(after=2)
    assert follows.group == (f"b-{NEW}",)


def test_two_findings_that_move_to_one_place_become_one(store: JobState) -> None:
    first, second, new = finding(OLD, "a"), finding(THIRD, "a"), finding(NEW, "a")
    store.write_findings(JOB, part(OLD), [first, second], 1)
    assert store.replace_findings(moved((first, new), (second, new))) == 2
    assert list(store.findings()) == [new.model_copy(update={"sequence": 2})]


@pytest.mark.parametrize("anew", [True, False])
def test_a_whole_finding_outlasts_a_partial_one(store: JobState, anew: bool) -> None:
    whole, partial = finding(OLD, "a"), finding(NEW, "a", partial=True)
    if not anew:
        whole, partial = finding(NEW, "a"), finding(OLD, "a", partial=True)
    store.write_findings(JOB, part(NEW), [partial if anew else whole], 1)
    store.write_findings(JOB, part(OLD), [whole if anew else partial], 1)
    assert (
        store.replace_findings(moved((finding(OLD, "a"), finding(NEW, "a", partial=not anew)))) == 1
    )
    assert list(store.findings()) == [finding(NEW, "a", sequence=2)]


def test_a_finding_that_stays_is_not_seen_again(store: JobState) -> None:
    """It keeps its sequence when a newer one gives way to it, which is not the newest of all."""
    partial = finding(OLD, "a", partial=True)
    store.write_findings(JOB, part(NEW), [finding(NEW, "a")], 1)
    store.write_findings(JOB, part(OLD), [partial], 1)
    store.write_findings(JOB, part(NEW), [finding(NEW, "b")], 2)
    assert store.replace_findings(moved((partial, finding(NEW, "a", partial=True)))) == 1
    assert list(store.findings()) == [
        finding(NEW, "a", sequence=1),
        finding(NEW, "b", sequence=3),
    ]


# --- epochs that go --------------------------------------------------------------------------


def test_an_epoch_with_events_is_not_forgotten(filled: JobState) -> None:
    filled.replace(batch(NEW, bodies=BODIES[:3]), kid=OLD)
    before = (filled.epochs(), filled.header_lines(), look(filled, OLD))
    with pytest.raises(StoreError, match="1 events of epoch"):
        filled.forget(OLD)
    assert (filled.epochs(), filled.header_lines(), look(filled, OLD)) == before
    assert number(filled, OLD) == 1


def test_a_forgotten_epoch_leaves_nothing(filled: JobState, store_url: str) -> None:
    filled.put_job(JOB)
    filled.write_findings(JOB, part(OLD), [finding(OLD, "a")], 4)
    filled.write_findings(JOB, part(NEW), [], 4)
    filled.replace(batch(NEW), kid=OLD)
    assert filled.forget(OLD)
    assert not filled.forget(OLD)

    def check(store: JobState) -> None:
        assert [epoch.kid for epoch in store.epochs()] == [NEW]
        assert store.header_lines() == [header(COLUMNS, kid=NEW).rstrip()]
        assert [known.kid for known in store.headers()] == [NEW]
        assert look(store, OLD) == []
        cts = tuple(f"{user}-{OLD}" for user in "abc")
        assert list(store.values(Lookup(kid=OLD, keyspace="user", cts=cts))) == []
        assert look(store, NEW) == [f"a-{NEW}"]
        assert (number(store, OLD), number(store, NEW)) == (0, 4)
        assert (store.watermark(JOB, part(OLD)), store.watermark(JOB, part(NEW))) == (0, 4)
        assert (store.jobs(), len(list(store.findings()))) == ([JOB], 1)
        assert store.tenant() == "acme"

    check(filled)
    filled.close()
    with open_store(store_url) as again:
        check(again)


def test_what_epochs_share_stays(store: JobState) -> None:
    """Texts are shared by all epochs: those of clear fields, and of ciphertexts that coincide."""
    shared: list[dict[str, Any]] = [
        {"user": "same", "tags": ["x", "y"]},
        {"user": "same", "tags": "x"},
    ]
    lines = [header(COLUMNS), value("same", [1]), *events(shared)]
    store.ingest(lines)
    other = [header(COLUMNS, kid=NEW), value("same", [2], kid=NEW), value("alone", [2], kid=NEW)]
    store.ingest([*other, event(shared[0], "other", kid=NEW)])
    store.replace([*other, *events(shared, kid=NEW)], kid=OLD)
    assert store.forget(OLD)
    assert [row.key for row in ask(store, NEW, group_by=("tags",))] == [("x",), ("y",)]
    assert [(row.key, row.metrics) for row in ask(store, NEW, group_by=("user",))] == [
        (("same",), (3,))
    ]
    found = store.values(Lookup(kid=NEW, keyspace="user", search=SEARCH, tokens=(2,)))
    assert sorted(item.ct for item in found) == ["alone", "same"]
    again = store.ingest([*other, event({"user": "alone", "tags": "new"}, "more", kid=NEW)])
    assert (again.events, again.known_values) == (1, 2)
    assert len(ask(store, NEW, group_by=("user",))) == 2


def test_a_forgotten_epoch_may_come_back(filled: JobState) -> None:
    filled.replace(batch(NEW), kid=OLD)
    filled.forget(OLD)
    report = filled.ingest([*batch(OLD), *batch(OLD, first=10)[4:]])
    assert (report.events, report.known_events, report.values) == (4, 4, 3)
    assert [epoch.kid for epoch in filled.epochs()] == [NEW, OLD]
    assert look(filled, OLD) == [f"a-{OLD}"]
    assert [row.metrics for row in ask(filled, OLD, group_by=("user",))] == [(2,), (1,), (1,)]
    filled.replace(batch(NEW, first=10), kid=OLD)
    assert filled.forget(OLD)
    assert number(filled, NEW) == 8


def test_epochs_that_come_after_one_went_are_kept_apart(store: JobState, store_url: str) -> None:
    """What went has left its numbers; nobody who comes may get one that another has."""
    for first, kid in ((0, OLD), (10, NEW), (20, THIRD)):
        store.ingest(batch(kid, first))
    store.replace(batch(NEW), kid=OLD)
    store.forget(OLD)
    other = name16("other")
    store.ingest([header(COLUMNS, kid=NEW, profile=other), event({"user": "o"}, "o", kid=NEW,
                                                                 profile=other)])  # fmt: skip
    store.ingest(batch("00000004", 30))
    store.ingest([header(COLUMNS, kid=THIRD), value("w", [9], kid=THIRD, keyspace="w")])

    def check(store: JobState) -> None:
        assert [number(store, kid) for kid in (OLD, NEW, THIRD, "00000004")] == [0, 8, 4, 4]
        for kid in (NEW, THIRD, "00000004"):
            assert look(store, kid) == [f"a-{kid}"]
            users = ask(store, kid, group_by=("user",))
            assert [row.key[0] for row in users] == [f"{user}-{kid}" for user in "abc"]
        (alone,) = store.values(Lookup(kid=THIRD, keyspace="w", search=SEARCH, tokens=(9,)))
        assert alone == record("w", [9], kid=THIRD, keyspace="w")
        assert len(store.header_lines()) == 4

    check(store)
    store.close()
    with open_store(store_url) as again:
        check(again)


def test_an_epoch_of_headers_alone_goes_too(store: JobState) -> None:
    store.ingest([header(COLUMNS), value("a", [1])])
    assert store.forget(OLD)
    assert (store.epochs(), store.header_lines(), store.position()) == ([], [], 0)
    assert store.ingest(batch(OLD)).values == 3
