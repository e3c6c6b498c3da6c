"""Rewrap: the same events under new keys, whatever they are and whenever it stops."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from support import every_scheme
from support.history import History, answers, contents, make_history, per_epoch

from analytics.store import JobState, open_store
from analytics.wire import EventLine, ValueLine, parse_line
from keys import Ring, RingError, UnknownEpochError, destroy_epoch, init_ring
from zt.encoder import Decoder, Encoder
from zt.profile import Profile
from zt.query import Session
from zt.rewrap import Progress, Rewrap, RewrapReport
from zt.rewrap import rewrap as module
from zt.rewrap.again import exact_json

QUESTIONS = {
    "sip-balanced": [
        "sip.from:*hv3k*",
        "sip.to:sip:bx4n*",
        "client.ip:203.0.113.0/24",
        "type:auth-failed AND user_agent.original:*scan*",
        "sip.call_id:1-10398@203.0.113.25",
    ],
    "every-scheme": [
        "user:*Stra*",
        "sip.from:*alice*",
        "phone:+4930*",
        "client.ip:192.0.2.0/24",
        "from_host:example.org",
        "peer.ip:2001:db8::1",
        "trunk.ip:192.0.2.1",
        "seen:2026-01-02T03:00:00.000000Z",
        "n:1",
    ],
}


def in_three(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [events[0::3], events[1::3], events[2::3]]


@pytest.fixture(params=["sip-balanced", "every-scheme"])
def history(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    profile: Profile,
    demo_events: list[dict[str, Any]],
) -> History:
    """Three epochs, the last of them active."""
    if request.param == "sip-balanced":
        return make_history(tmp_path / "house", in_three(demo_events), profile)
    return make_history(tmp_path / "house", in_three(every_scheme.events()), every_scheme.PROFILE)


@pytest.fixture
def small(tmp_path: Path, profile: Profile, demo_events: list[dict[str, Any]]) -> History:
    """Forty events of a retired epoch, and ten of the active one."""
    shares = [demo_events[:40], demo_events[40:50]]
    return make_history(tmp_path / "house", shares, profile)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 25)


def run(history: History, **options: Any) -> RewrapReport:
    with history.open() as store:
        return Rewrap(Session(history.ring, store), **options).run()


def look(history: History, questions: list[str]) -> tuple[dict[str, bytes], dict[str, Any]]:
    with history.open() as store:
        session = Session(history.ring, store)
        return contents(session), answers(session, questions)


def test_all_is_as_it_was_under_the_active_epoch_alone(
    history: History, request: pytest.FixtureRequest
) -> None:
    questions = QUESTIONS[request.node.callspec.params["history"]]
    before = look(history, questions)
    assert all(before[1]["found"].values())
    old = list(history.wire)[:2]
    active = history.ring.active.kid.hex()
    with history.open() as store:
        moved = sum(per_epoch(store)[kid] for kid in old)
    report = run(history)
    assert (report.kid, report.events, report.forgotten) == (active, moved, old)
    assert (report.failed, report.left, report.changed) == (Counter(), {}, 0)
    assert look(history, questions) == before
    with history.open() as store:
        assert [epoch.kid for epoch in store.epochs()] == [active]
        assert {header.kid for header in store.headers()} == {active}
        assert all(b'"kid":"' + active.encode() in line for line in store.header_lines())
        lines = list(store.epoch_events(active))
        assert len(lines) == len(before[0])


def test_no_table_holds_anything_of_the_old_epochs(history: History) -> None:
    """Neither their kids nor their ciphertexts; short ones may coincide by chance."""
    old = list(history.wire)[:2]
    run(history)
    with duckdb.connect(str(history.folder / "cloud.duckdb")) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() UNION ALL "
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        held = [
            str(value)
            for (table,) in tables
            for row in connection.execute(f"SELECT * FROM {table}").fetchall()
            for value in row
        ]
    everything = "\n".join(held)
    assert history.ring.active.kid.hex() in everything
    for kid in old:
        assert kid not in everything
        for raw in history.wire[kid]:
            line = parse_line(raw.rstrip())
            if isinstance(line, ValueLine) and len(line.record.ct) > 20:
                assert line.record.ct not in everything


def test_the_new_lines_are_what_an_encoder_would_have_written(history: History) -> None:
    """The product's own decoder takes them as a stream, with every seal and tag."""
    run(history)
    with history.open() as store:
        wire = [*store.header_lines(), *store.epoch_events(history.ring.active.kid.hex())]
    rejects: list[Any] = []
    events = list(Decoder(history.ring, on_reject=rejects.append).decrypt(wire))
    assert (len(events), rejects) == (len(wire) - wire_headers(wire), [])


def wire_headers(wire: list[bytes]) -> int:
    return sum(not isinstance(parse_line(raw), EventLine) for raw in wire)


def test_a_second_run_does_nothing(history: History) -> None:
    run(history)
    before = (history.folder / "cloud.duckdb").stat().st_mtime_ns
    report = run(history)
    assert (report.events, report.findings, report.forgotten, report.failed) == (0, 0, [], {})
    with history.open() as store:
        position = store.position()
        assert Rewrap(Session(history.ring, store)).stock() == []
        assert store.position() == position
    assert before <= (history.folder / "cloud.duckdb").stat().st_mtime_ns


def test_stopped_between_batches_it_goes_on(history: History) -> None:
    before = look(history, [])
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) % 2 == 0:
            raise KeyboardInterrupt

    for _ in range(100):
        try:
            run(history, on_progress=stop)
        except KeyboardInterrupt:
            assert look(history, []) == before
        else:
            break
    assert len(seen) > 4
    assert all(0 < item.done <= item.total and item.seconds_left >= 0 for item in seen)
    assert look(history, []) == before
    with history.open() as store:
        assert len(store.epochs()) == 1


def test_a_dry_run_counts_and_writes_nothing(small: History) -> None:
    with small.open() as store:
        position = store.position()
        estimate = Rewrap(Session(small.ring, store)).estimate()
        assert store.position() == position
        assert per_epoch(store) == dict(zip(small.wire, (40, 10), strict=True))
    [stock] = estimate.stock
    assert (stock.kid, stock.events, estimate.events) == (next(iter(small.wire)), 40, 40)
    assert estimate.sampled == 40
    assert estimate.failed == {}
    assert estimate.seconds > 0
    with small.open() as store:
        slow = Rewrap(Session(small.ring, store), rate=1).estimate()
    assert slow.seconds >= 40


def test_a_rate_is_kept(small: History) -> None:
    start = time.monotonic()
    report = run(small, rate=40)
    assert report.events == 40
    assert time.monotonic() - start >= 0.9


def test_a_wrong_ring_writes_nothing(small: History, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = init_ring(tmp_path / "elsewhere" / "ring.json", "acme", "file:ring.key")
    with small.open() as store:
        before = (per_epoch(store), store.position())
        with pytest.raises(UnknownEpochError):
            Rewrap(Session(other, store))
        assert (per_epoch(store), store.position()) == before


def test_an_old_copy_of_the_ring_writes_nothing(small: History) -> None:
    old = small.ring
    small.rotate()
    small.add([{"type": "a"}], Profile.model_validate(TYPE_ONLY))
    with small.open() as store, pytest.raises((RingError, UnknownEpochError)):
        Rewrap(Session(old, store))


TYPE_ONLY: dict[str, Any] = {"name": "type", "fields": {"type": {"scheme": "clear"}}}


def test_a_rotation_meanwhile_ends_the_run(small: History) -> None:
    def rotate(progress: Progress) -> None:
        small.rotate()

    with pytest.raises(RingError, match="rotated"):
        run(small, on_progress=rotate)
    assert run(small).left == {}
    with small.open() as store:
        assert per_epoch(store) == {small.ring.active.kid.hex(): 50}


def test_an_epoch_that_waits_for_its_time_is_left_alone(small: History) -> None:
    """Another machine's clock is ahead: what it encrypted is newer, not older."""
    from datetime import UTC, datetime, timedelta

    from keys import rotate_ring

    ahead = rotate_ring(small.path, datetime.now(UTC) + timedelta(hours=1))
    new = ahead.epochs[-1].kid
    keys = ahead.epoch(new)
    waiting = Ring.open(small.path)
    ahead.epochs = [
        msgspec.structs.replace(e, state="active" if e.kid == new else "retired")
        for e in ahead.epochs
    ]
    assert ahead.active is keys
    small.add([{"type": "a"}], Profile.model_validate(TYPE_ONLY), ring=_Fixed(ahead))
    with small.open() as store:
        report = Rewrap(Session(waiting, store)).run()
        assert report.events == 40
        assert per_epoch(store) == {waiting.active.kid.hex(): 50, new: 1}


class _Fixed(Ring):
    """A ring that keeps its states."""

    def __init__(self, ring: Ring) -> None:
        self.__dict__ = ring.__dict__

    def refreshed(self) -> Ring:
        return self


def flip(wire: list[bytes]) -> list[bytes]:
    """Every tenth event altered: in its blob, in a clear field, in a ciphertext."""
    altered = []
    number = 0
    for raw in wire:
        if b'"zt":{"id"' in raw:
            number += 1
            if number % 10 == 0:
                event = msgspec.json.decode(raw)
                match number // 10 % 3:
                    case 0:
                        event["type"] = "altered"
                    case 1:
                        opaque = event["zt"]["opaque"]
                        event["zt"]["opaque"] = opaque[:40] + opaque[41:] + "AAAA"
                    case _:
                        event["zt"]["seal"] = "A" * 22
                raw = msgspec.json.encode(event) + b"\n"
        altered.append(raw)
    return altered


def test_altered_events_stay_as_they_are_and_are_counted(
    tmp_path: Path, profile: Profile, demo_events: list[dict[str, Any]]
) -> None:
    history = make_history(tmp_path / "house", [[]], profile)
    kid = history.add(demo_events[:90], profile, alter=flip)
    history.rotate()
    with history.open() as store:
        lines = {raw for raw in store.epoch_events(kid) if raw + b"\n" in history.wire[kid]}
    with history.open() as store:
        dry = Rewrap(Session(history.ring, store)).estimate()
    assert dry.failed.total() == 9
    report = run(history)
    assert (report.events, report.failed.total(), report.left) == (81, 9, {kid: 9})
    assert report.forgotten == []
    assert all("seal" in reason for reason in report.failed)
    with history.open() as store:
        left = list(store.epoch_events(kid))
        assert len(left) == 9
        assert set(left) <= lines
        assert per_epoch(store) == {kid: 9, report.kid: 81}
    again = run(history)
    assert (again.events, again.failed.total(), again.left) == (0, 9, {kid: 9})


def test_late_events_and_resends(small: History, profile: Profile) -> None:
    """A resend after the rewrap doubles nothing; what comes late is moved by the next run."""
    kid, active = small.wire
    before = look(small, [])
    run(small)
    with small.open() as store:
        resent = store.ingest(small.wire[kid])
        assert (resent.events, resent.known_events) == (0, 40)
        assert per_epoch(store) == {active: 50, kid: 0}
    assert look(small, []) == before
    report = run(small)  # headers and value records came back alone, and go again
    assert (report.events, report.forgotten) == (0, [kid])
    late_ring = _retired(small.ring, kid)
    small.add([{"type": "late", "sip": {"from": "sip:late@x"}}], profile, ring=late_ring)
    with small.open() as store:
        assert per_epoch(store) == {active: 50, kid: 1}
    report = run(small)
    assert (report.events, report.forgotten, report.left) == (1, [kid], {})
    with small.open() as store:
        assert per_epoch(store) == {active: 51}
        [late] = [
            item.event for item in Session(small.ring, store).search()
            if item.event["type"] == "late"
        ]  # fmt: skip
        assert late == {"type": "late", "sip": {"from": "sip:late@x"}}


def test_old_lines_that_come_again_after_the_end_harm_nothing(small: History) -> None:
    """A spool sends again what it sent once, and the store registers the destroyed epoch anew."""
    before = look(small, [])
    run(small)
    kid, active = small.wire
    destroy_epoch(small.path, kid)
    with small.open() as store:
        assert store.ingest(small.wire[kid]).events == 0
        assert [epoch.kid for epoch in store.epochs()] == [active, kid]
    assert look(small, []) == before
    assert run(small).forgotten == [kid]


def test_events_that_come_while_it_runs(
    small: History, profile: Profile, demo_events: list[dict[str, Any]]
) -> None:
    """Resends, late events of the old epoch and new ones, between all batches."""
    kid, active = small.wire
    encoders = {
        kid: Encoder(_retired(small.ring, kid), profile, stream="late"),
        active: Encoder(small.ring, profile, stream="new"),
    }
    late, new = (
        list(encoder.encrypt(msgspec.json.encode(event) for event in events))
        for encoder, events in zip(
            encoders.values(), (demo_events[60:90], demo_events[90:120]), strict=True
        )
    )
    with small.open() as store:

        def ingest(progress: Progress) -> None:
            store.ingest([*small.wire[kid], *new, *late])

        Rewrap(Session(small.ring, store), on_progress=ingest).run()
        assert sum(per_epoch(store).values()) == 110
        assert Rewrap(Session(small.ring, store)).run().left == {}
        assert per_epoch(store) == {active: 110}
        found = sorted(contents(Session(small.ring, store)).values())
    expected = [*demo_events[:50], *demo_events[60:120]]
    assert found == sorted(exact_json(event) for event in expected)


def _retired(ring: Ring, kid: str) -> Ring:
    """An encoder's ring that has not heard of the rotation."""
    ring.epochs = [
        msgspec.structs.replace(e, state="active" if e.kid == kid else "pre-active")
        for e in ring.epochs
    ]
    return _Fixed(ring)


def test_several_profiles_keep_theirs(small: History, demo_events: list[dict[str, Any]]) -> None:
    """Each event is encrypted under the profile that it had, dropped fields included."""
    kid, _ = small.wire
    other = Profile.model_validate(
        {
            "name": "other",
            "fields": {
                "type": {"scheme": "clear"},
                "sip.from": {"scheme": "drop"},
                "x_*": {"scheme": "det"},
            },
        }
    )
    extra = [{**event, "x_a": "1", "x_b": "2"} for event in demo_events[50:60]]
    small.add(extra, other, ring=_retired(small.ring, kid))
    with small.open() as store:
        before = contents(Session(small.ring, store))
    report = run(small)
    assert (report.events, report.left) == (50, {})
    with small.open() as store:
        assert len(store.headers()) == 2
        session = Session(small.ring, store)
        assert {plan.profile.name for plan in session.plans} == {"sip-balanced", "other"}
        assert contents(session) == before
        assert sum(count.count for count in session.top("type")) == 60


def test_fields_that_patterns_showed_stay_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of patterns is one of a stream, and the store holds many streams."""
    monkeypatch.setattr("zt.encoder.encrypt.MAX_PATTERN_FIELDS", 3)
    monkeypatch.setattr("zt.rewrap.again.MAX_PATTERN_FIELDS", 3)
    profile = Profile.model_validate({"name": "p", "fields": {"*": {"scheme": "det"}}})
    history = make_history(tmp_path / "house", [[]], profile)
    streams = [[{f"f{stream}{n}": "x" for n in range(5)}] for stream in range(3)]
    for number, events in enumerate(streams):
        history.add(events, profile, stream=f"stream {number}")
    kid = next(iter(history.wire))
    history.rotate()

    def visible(store: JobState, kid: str) -> list[set[str]]:
        lines = (parse_line(raw) for raw in store.epoch_events(kid))
        return [set(line.body) for line in lines if isinstance(line, EventLine)]

    with history.open() as store:
        before = visible(store, kid)
    assert [len(paths) for paths in before] == [3, 3, 3]
    report = run(history)
    with history.open() as store:
        assert visible(store, report.kid) == before


def test_derived_fields_outlive_what_they_came_from(tmp_path: Path) -> None:
    """Their sources were dropped: nothing could derive them again."""
    profile = Profile.model_validate(
        {
            "name": "p",
            "derive": {
                "net": {"from": "client.ip", "part": "subnet"},
                "host": {"from": "uri", "part": "host"},
                "country": {"from": "phone", "part": "country"},
            },
            "fields": {
                "client.ip": {"scheme": "drop"},
                "uri": {"scheme": "drop"},
                "net": {"scheme": "det"},
                "host": {"scheme": "det", "search": ["gram"]},
                "country": {"scheme": "clear"},
            },
        }
    )
    events: list[dict[str, Any]] = [
        {"client": {"ip": "192.0.2.1"}, "uri": "sip:a@one.example", "phone": "+4930123456"},
        {"client": {"ip": ["192.0.2.1", None, "2001:db8::1"]}, "uri": ["sip:a@two.example", 1]},
        {"client": {"ip": "nowhere"}, "phone": "none"},
    ]
    history = make_history(tmp_path / "house", [events, []], profile)
    questions = ["net:192.0.2.0/24", "host:*two.ex*", "country:DE"]
    before = look(history, questions)
    assert [len(ids) for ids in before[1]["found"].values()] == [2, 1, 1]
    assert run(history).failed == Counter()
    assert look(history, questions) == before


def test_an_empty_store_has_nothing_to_do(tmp_path: Path, ring: Ring) -> None:
    with open_store(f"duckdb:{tmp_path / 'empty.duckdb'}", create=True) as store:
        rewrap = Rewrap(Session(ring, store))
        assert rewrap.stock() == []
        assert (rewrap.estimate().seconds, rewrap.run().events) == (0.0, 0)
