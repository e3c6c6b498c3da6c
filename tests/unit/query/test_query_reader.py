"""Questions, answers and findings with a reader ring."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.every_scheme import PROFILE

from analytics.jobs import run_jobs
from analytics.store import JobState, open_store
from analytics.wire import Finding, parse_time
from keys import (
    GrantError,
    KeyCheckError,
    Ring,
    UnknownEpochError,
    change_provider,
    make_reader_ring,
    rotate_ring,
)
from zt.errors import QueryError
from zt.jobs import JobEvents, add_missing_parts, load_pack, open_findings, push_jobs
from zt.jobs.pack import Job
from zt.policy import decide, load_policy
from zt.profile import Profile, load_profile
from zt.query import Session, parse

Reader = Callable[..., Ring]
NO_SEAL = "the reader ring can't verify events: it was made without --grant-seal"


@pytest.fixture
def reader(ring: Ring, tmp_path: Path) -> Reader:
    def make(*keyspaces: str, source: Ring = ring, **grants: bool) -> Ring:
        path = tmp_path / f"reader-{len(list(tmp_path.iterdir()))}.json"
        return make_reader_ring(source, path, f"file:{path.name}.key", keyspaces, **grants)

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as opened:
        yield opened


@pytest.fixture
def demo_store(store: JobState, encrypt: Any, ring: Ring, demo_lines: list[bytes]) -> JobState:
    store.ingest(encrypt(demo_lines, ring=ring))
    return store


def ask(session: Session, question: str) -> list[dict[str, Any]]:
    return [found.event for found in session.search(parse(question))]


def test_counts_of_granted_and_clear_fields(
    demo_store: JobState, ring: Ring, reader: Reader
) -> None:
    whole, some = Session(ring, demo_store), Session(reader("address"), demo_store)
    for path in ("client.ip", "type"):
        for where in ("*", "type:auth-failed", "client.ip:203.0.113.0/24"):
            node = parse(where)
            assert some.top(path, where=node) == whole.top(path, where=node)
    assert whole.top("client.ip")
    assert not some.refused


def test_what_did_not_fit_a_coarsened_field_stops_no_answer(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader
) -> None:
    """Else one odd value, which the sender chooses, would refuse every question."""
    events = [{"size": size} for size in (512, 580, "none", [12, "none"])]
    store.ingest(encrypt(events, ring, PROFILE))
    session = Session(reader("user"), store)
    assert [(c.value, c.count) for c in session.top("size")] == [("500", 2), ("0", 1)]
    assert session.refused == {"the reader ring does not open the keyspace size": 1}
    session = Session(reader("size"), store)
    assert [c.value for c in session.top("size")] == ["500", "none", "0"]
    assert not session.refused


def test_a_search_finds_arrays_that_it_opens_in_part(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader
) -> None:
    store.ingest(encrypt([{"seen": ["2026-01-02T03:04:05Z", "bogus"]}], ring, PROFILE))
    for event in (False, True):
        session = Session(reader("user", seal=True, event=event), store)
        [found] = ask(session, "seen:2026-01-02T03:00:00Z")
        assert found["seen"] == [f"2026-01-02T03:0{'4:05Z' if event else '0:00.000000Z'}", None]
        assert not session.refused


@pytest.mark.parametrize("path", ["sip.from", "user_agent.original", "sip.call_id"])
def test_other_fields_are_refused(demo_store: JobState, reader: Reader, path: str) -> None:
    session = Session(reader("address", seal=True, event=True), demo_store)
    keyspace = "user-agent" if path.startswith("user") else path.replace("from", "identity")
    for question in (
        lambda: session.top(path),
        lambda: session.top("client.ip", where=parse(f"{path}:abc")),
        lambda: session.top("client.ip", where=parse(f"type:call AND {path}:*abcdef*")),
        lambda: list(session.search(parse(f"{path}:abc"))),
    ):
        with pytest.raises(GrantError, match=f"does not open the keyspace {keyspace}"):
            question()


def test_only_what_it_opens_is_proposed(demo_store: JobState, reader: Reader) -> None:
    with pytest.raises(QueryError, match="is hidden from the cloud") as refusal:
        Session(reader("address"), demo_store).top("nosuch")
    assert "client.ip" in refusal.value.hint
    assert "type" in refusal.value.hint
    assert "sip.from" not in refusal.value.hint


def test_a_search_needs_the_seal(demo_store: JobState, ring: Ring, reader: Reader) -> None:
    with pytest.raises(GrantError, match="can't verify events"):
        ask(Session(reader("address", event=True), demo_store), "client.ip:203.0.113.0/24")
    session = Session(reader("address", seal=True), demo_store)
    found = ask(session, "client.ip:203.0.113.0/24")
    whole = ask(Session(ring, demo_store), "client.ip:203.0.113.0/24")
    assert [event["client"]["ip"] for event in found] == [e["client"]["ip"] for e in whole]
    assert found
    assert all(event["client"].keys() == {"ip"} for event in found)
    assert not any("from" in event["sip"] for event in found)
    assert not session.refused


class Asked:
    """A store that counts what it is asked."""

    def __init__(self, store: JobState) -> None:
        self._store = store
        self.questions: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name in ("scan", "query", "values"):
            self.questions.append(name)
        return getattr(self._store, name)


def test_a_refused_search_asks_and_answers_nothing(
    demo_store: JobState, encrypt: Any, ring: Ring, reader: Reader
) -> None:
    """Also where the newest events could be opened, and only those of an older profile not."""
    fields = {"client.ip": {"scheme": "det", "keyspace": "own"}}
    other = Profile.model_validate({"name": "other", "fields": fields})
    demo_store.ingest(encrypt([{"client.ip": "203.0.113.58"}], ring, other, stream="o"))
    asked: Any = Asked(demo_store)
    for ring_, question, why in (
        (reader("address"), "client.ip:203.0.113.58", "can't verify events"),
        (reader("address", seal=True), "client.ip:203.0.113.58", "the keyspace own"),
        (reader("own", seal=True), "client.ip:203.0.113.0/24", "the keyspace address"),
    ):
        with pytest.raises(GrantError, match=why):
            next(Session(ring_, asked).search(parse(question)))
        assert asked.questions == []
    both = Session(reader("address", "own", seal=True), demo_store)
    assert len(ask(both, "client.ip:203.0.113.58")) > 1


def test_findings_of_granted_groups(demo_store: JobState, ring: Ring, reader: Reader) -> None:
    jobs = {job.id: job for job in load_pack("sip").jobs}
    push_jobs(jobs.values(), Session(ring, demo_store))
    run_jobs(demo_store)

    def found(with_ring: Ring) -> tuple[list[Any], Counter[str]]:
        refused: Counter[str] = Counter()

        def refuse(_: Finding, error: Exception) -> None:
            refused[str(error)] += 1

        session = Session(with_ring, demo_store)
        opened = open_findings(demo_store.findings(), jobs, session, refuse)
        return [(item.job.id, item.group, item.finding.metric) for item in opened], refused

    whole, _ = found(ring)
    assert len(whole) > 5
    assert found(reader("address")) == (whole, Counter())
    assert found(reader("address", seal=True)) == (whole, Counter())
    opened, refused = found(reader("sip.user", seal=True))
    assert opened == []
    assert refused == {"the reader ring does not open the keyspace address": len(whole)}


def test_a_policy_needs_the_seal_and_the_jobs_fields(
    demo_store: JobState, ring: Ring, reader: Reader, demo_events: list[dict[str, Any]]
) -> None:
    pack = load_pack("sip")
    push_jobs(pack.jobs, Session(ring, demo_store))
    run_jobs(demo_store)
    now = max(parse_time(event["@timestamp"]) for event in demo_events)

    def decided(with_ring: Ring) -> Any:
        session = Session(with_ring, demo_store)
        return decide(demo_store.findings(), load_policy("sip"), pack, session, now=now)

    blocks = decided(ring).blocks
    assert blocks
    assert decided(reader("address", "sip.identity", seal=True, event=True)).blocks == blocks
    some = decided(reader("address", seal=True, event=True))
    assert some.blocks == [block for block in blocks if block.job != "scanning"] != []
    assert some.refused["scanning: the reader ring does not open the keyspace sip.identity"]
    with pytest.raises(GrantError, match="can't verify events"):
        decided(reader("address", event=True))
    with pytest.raises(GrantError, match="opens no hidden fields"):
        decided(reader("address", seal=True))


def test_what_straddles_a_rotation_needs_the_seal(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader, demo_lines: list[bytes]
) -> None:
    jobs = {job.id: job for job in load_pack("sip").jobs}
    half = len(demo_lines) // 2
    store.ingest(encrypt(demo_lines[:half], ring=ring, stream="a"))
    rotated = rotate_ring(ring.path)
    store.ingest(encrypt(demo_lines[half:], ring=rotated, stream="b"))
    push_jobs(jobs.values(), Session(rotated, store))
    run_jobs(store)
    refused: Counter[str] = Counter()

    def refuse(finding: Finding, error: Exception) -> None:
        assert finding.partial
        refused[str(error)] += 1

    def found(with_ring: Ring) -> list[Any]:
        opened = open_findings(store.findings(), jobs, Session(with_ring, store), refuse)
        return [(item.job.id, item.group, item.finding.metric) for item in opened]

    whole = found(rotated)
    assert not refused
    assert found(reader("address", "sip.identity", source=rotated, seal=True)) == whole
    assert not refused
    partial = sum(finding.partial for finding in store.findings())
    assert partial
    fewer = found(reader("address", source=rotated))
    assert refused == {NO_SEAL: partial}
    assert len(fewer) == sum(not finding.partial for finding in store.findings())


def with_rules(**rules: dict[str, str] | None) -> Profile:
    """The preset with other rules for `rate.ex_diff` and `client.proven`, None for none."""
    text = load_profile("sip-balanced").model_dump(by_alias=True, exclude_defaults=True)
    for name, rule in rules.items():
        path = name.replace("_", ".", 1)
        text["fields"].pop(path, None)
        text["fields"] |= {path: rule} if rule else {}
    return Profile.model_validate(text)


def test_what_straddles_needs_the_weights_of_events(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader, demo_lines: list[bytes]
) -> None:
    """Where they are hidden, a detection that reaches its threshold by them would be missed."""
    jobs = {job.id: job for job in load_pack("sip").jobs}
    profile, half = with_rules(rate_ex_diff=None), len(demo_lines) // 2
    store.ingest(encrypt(demo_lines[:half], ring, profile, stream="a"))
    rotated = rotate_ring(ring.path)
    store.ingest(encrypt(demo_lines[half:], rotated, profile, stream="b"))
    push_jobs(jobs.values(), Session(rotated, store))
    run_jobs(store)
    partial = sum(finding.partial for finding in store.findings())
    assert partial

    def refused(with_ring: Ring) -> Counter[str]:
        reasons: Counter[str] = Counter()
        session = Session(with_ring, store)
        open_findings(store.findings(), jobs, session, lambda _, why: reasons.update([str(why)]))
        return reasons

    granted = ("address", "sip.identity")
    [why] = refused(reader(*granted, source=rotated, seal=True)).items()
    assert "opens no hidden fields" in why[0]
    assert why[1] == partial
    assert not refused(reader(*granted, source=rotated, seal=True, event=True))
    assert not refused(rotated)


@pytest.mark.parametrize("field", ["rate_ex_diff", "client_proven"])
def test_a_policy_needs_what_it_judges_by(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader, demo_lines: list[bytes], field: str
) -> None:
    """In a keyspace that the reader lacks; else weights would be 1, and nobody proven."""
    profile = with_rules(**{field: {"scheme": "det", "keyspace": "own"}})
    store.ingest(encrypt(demo_lines, ring, profile))
    pack = load_pack("sip")
    push_jobs(pack.jobs, Session(ring, store))
    run_jobs(store)
    now = max(parse_time(json.loads(line)["@timestamp"]) for line in demo_lines)

    def decided(with_ring: Ring) -> Any:
        session = Session(with_ring, store)
        return decide(store.findings(), load_policy("sip"), pack, session, now=now)

    granted = ("address", "sip.identity")
    whole = decided(ring)
    assert whole.blocks
    assert decided(reader(*granted, "own", seal=True, event=True)).blocks == whole.blocks
    some = decided(reader(*granted, seal=True, event=True))
    assert not any("never proved" in reason for reason in some.refused)
    assert some.refused["password-guessing: the reader ring does not open the keyspace own"]


def test_a_job_over_values_that_a_reader_opens_in_part(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader
) -> None:
    """A coarsened field is open to all but for what did not fit it: distinct values lack those."""
    store.ingest(encrypt([{"size": 5}], ring, PROFILE))
    job = Job.model_validate(
        {
            "id": "sizes",
            "kind": "value_count",
            "where": "*",
            "group_by": ["client.ip"],
            "value": "size",
            "window": "1m",
            "threshold": 2,
        }
    )
    with pytest.raises(GrantError, match="does not open the keyspace size"):
        JobEvents(job, Session(reader("address", seal=True, event=True), store))
    JobEvents(job, Session(reader("address", "size", seal=True, event=True), store))


def test_it_reads_and_leaves_the_jobs_alone(
    demo_store: JobState, ring: Ring, reader: Reader
) -> None:
    jobs = load_pack("sip").jobs
    session = Session(reader("address", seal=True, event=True), demo_store)
    with pytest.raises(GrantError, match="pushes no jobs"):
        push_jobs(jobs, session)
    assert demo_store.jobs() == []
    push_jobs(jobs, Session(ring, demo_store))
    before = demo_store.jobs()
    assert add_missing_parts(jobs, session) == []
    assert demo_store.jobs() == before


def test_a_later_epoch_stops_it(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader, demo_lines: list[bytes]
) -> None:
    """Counts would lack that epoch's events without a word."""
    store.ingest(encrypt(demo_lines[:20], ring=ring, stream="a"))
    before = reader("address")
    rotated = rotate_ring(ring.path)
    Session(before, store)
    store.ingest(encrypt(demo_lines[20:40], ring=rotated, stream="b"))
    with pytest.raises(UnknownEpochError, match="does not hold"):
        Session(before, store)
    assert Session(reader("address", source=rotated), store).top("client.ip")


def test_its_generation_is_its_own(
    store: JobState, encrypt: Any, ring: Ring, reader: Reader, demo_lines: list[bytes]
) -> None:
    """The full ring's provider changes; keys, and so the reader ring, are as they were."""
    before = reader("address", seal=True)
    changed = change_provider(ring.path, "file:new.key")
    store.ingest(encrypt(demo_lines[:20], ring=changed))
    assert ask(Session(before, store), "type:reg-new")


def test_a_twin_is_told_apart(
    demo_store: JobState, ring: Ring, other_ring: Ring, reader: Reader
) -> None:
    twin = reader("address")
    twin._keys = {ring.epochs[0].kid: other_ring.active}
    with pytest.raises(KeyCheckError, match="it is another key"):
        Session(twin, demo_store)
