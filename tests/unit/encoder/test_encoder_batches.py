"""Batches: whole in themselves, the same bytes every time, whatever the limits are."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from analytics.wire import EventLine, HeaderLine, ValueLine, leaves, parse_line
from keys import Ring
from zt.encoder import Encoder
from zt.encoder import encrypt as module
from zt.profile import Profile

SEARCHED = {"sip.from", "sip.to", "sip.contact", "uri.original"}
SEARCHED |= {"user_agent.original", "uas.original", "client.ip", "server.ip"}
Event = dict[str, Any]


def some_events(number: int) -> list[Event]:
    choice = random.Random(number)
    return [
        {
            "type": choice.choice(["call-start", "auth-failed"]),
            "sip": {"from": f"sip:{choice.randrange(40)}@example.org", "to": choice.randrange(5)},
            **({"user_agent.original": "phone"} if choice.random() < 0.1 else {}),
            **({"client.ip": f"203.0.113.{choice.randrange(9)}"} if choice.random() < 0.5 else {}),
            "hidden": n,
        }
        for n in range(number)
    ]


def batches(wire: list[bytes]) -> list[tuple[HeaderLine, list[ValueLine], list[EventLine]]]:
    """The batches of a stream; in each come first the records, then the events."""
    found: list[tuple[HeaderLine, list[ValueLine], list[EventLine]]] = []
    for raw in wire:
        assert raw.endswith(b"\n")
        match line := parse_line(raw[:-1]):
            case HeaderLine():
                found.append((line, [], []))
            case ValueLine():
                assert not found[-1][2], "a record behind an event"
                found[-1][1].append(line)
            case EventLine():
                found[-1][2].append(line)
            case _:
                pytest.fail(f"{line}")
    return found


def assert_self_contained(wire: list[bytes]) -> None:
    for header, values, events in batches(wire):
        kid, profile = header.header.kid, header.header.profile
        columns = {column.path: column for column in header.header.columns}
        paths, searchable = set(), set()
        for event in events:
            assert (event.meta.kid, event.meta.profile) == (kid, profile)
            for leaf in leaves(event.body):
                paths.add(leaf.path)
                if leaf.path in SEARCHED:
                    searchable.add(
                        (columns[leaf.path].keyspace, columns[leaf.path].search, leaf.value)
                    )
        assert set(columns) == paths
        assert list(columns) == sorted(columns)
        records = [(v.record.keyspace, v.record.search, v.record.ct) for v in values]
        assert len(records) == len(set(records))
        assert set(records) == searchable
        assert all(v.record.kid == kid for v in values)


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_every_batch_carries_all_that_it_uses(
    encrypt: Any, decrypt: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS", size)
    events = some_events(101)
    wire = encrypt(events)
    assert len(batches(wire)) == -(-101 // size)
    assert_self_contained(wire)
    for header, values, sealed in batches(wire):  # each opens alone
        alone = [header.raw, *(line.raw for line in values), *(line.raw for line in sealed)]
        assert decrypt(alone).rejects == []
    assert decrypt(wire).events == events


def test_batches_of_the_real_size(
    encrypt: Any, shared_ring: Ring, profile: Profile, decrypt: Any
) -> None:
    lines = [b'{"type":"a","sip.from":"user%d"}\n' % (n % 300) for n in range(20_001)]
    encoder = Encoder(shared_ring, profile, stream="s")
    wire = list(encoder.encrypt(lines))
    assert [len(events) for _, _, events in batches(wire)] == [10_000, 10_000, 1]
    assert [len(values) for _, values, _ in batches(wire)] == [300, 300, 1]
    report = encoder.report
    assert (report.events, report.values, report.batches) == (20_001, 601, 3)
    assert_self_contained(wire)
    assert len(decrypt(wire).events) == 20_001


@pytest.mark.parametrize("limit", [0, 1000, 20_000])
def test_the_limits_of_caches_change_no_byte(
    encrypt: Any, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS", 10)
    events = some_events(150)
    generous = encrypt(events)
    monkeypatch.setattr("zt.encoder.batch.CARRIED", limit)
    monkeypatch.setattr("zt.encoder.shapes.REMEMBERED", limit // 500)
    assert encrypt(events) == generous


def test_equal_input_gives_equal_bytes(encrypt: Any, demo_lines: list[bytes]) -> None:
    assert encrypt(demo_lines) == encrypt(demo_lines)
    assert encrypt(demo_lines, stream=None) == encrypt(demo_lines, stream=None)


def ids(wire: list[bytes]) -> list[str]:
    return [msgspec.json.decode(line)["zt"]["id"] for line in wire if b'"zt":{"id"' in line]


def ids_of(encrypt: Any, lines: list[bytes], stream: str | None = None) -> list[str]:
    found = ids(encrypt(lines, stream=stream))
    assert len(found) == len(lines)
    return found


def test_the_same_file_again_has_the_same_ids(
    encrypt: Any, monkeypatch: pytest.MonkeyPatch, demo_lines: list[bytes]
) -> None:
    once = ids_of(encrypt, demo_lines)
    assert len(set(once)) == len(once)
    monkeypatch.setattr(module, "BATCH_EVENTS", 100)
    assert ids_of(encrypt, demo_lines) == once


def test_another_profile_or_epoch_keeps_the_ids(
    encrypt: Any, demo_lines: list[bytes], profile: Profile
) -> None:
    clear = Profile.model_validate({"name": "x", "fields": {"type": {"scheme": "clear"}}})
    assert ids(encrypt(demo_lines, profile=clear)) == ids(encrypt(demo_lines))


def test_equal_events_do_not_show_as_equal(encrypt: Any) -> None:
    line = b'{"type":"a","secret":"same"}\n'
    sealed = [msgspec.json.decode(raw)["zt"] for raw in encrypt([line] * 3, stream="s")[1:]]
    for part in ("id", "opaque", "seal"):
        assert len({zt[part] for zt in sealed}) == 3


def test_streams_are_told_apart(encrypt: Any) -> None:
    lines = [b'{"type":"a"}\n', b'{"type":"b"}\n']
    found = [ids_of(encrypt, lines, stream) for stream in ("one", "two", None)]
    found.append(ids_of(encrypt, lines[::-1]))
    assert len({name for names in found for name in names}) == 8
    assert ids_of(encrypt, lines, "one") == found[0]


def test_another_tenant_has_other_ids(encrypt: Any, other_ring: Ring) -> None:
    line = [b'{"type":"a"}\n']
    assert ids(encrypt(line)) != ids(encrypt(line, ring=other_ring))


def test_equality_shows_within_a_keyspace_only(encrypt: Any) -> None:
    wire = encrypt(
        [
            {"sip.from": "same", "sip.to": "same", "sip.call_id": "same", "client.ip": "same"},
            {"sip.contact": "same", "server.ip": "same", "user_agent.original": "same"},
        ]
    )
    one, two = (msgspec.json.decode(line) for line in wire[-2:])
    assert one["sip.from"] == one["sip.to"] == two["sip.contact"]
    assert one["client.ip"] == two["server.ip"]
    others = [one["sip.from"], one["client.ip"], one["sip.call_id"], two["user_agent.original"]]
    assert len(set(others)) == 4


@pytest.mark.parametrize("lines", [[], [b"\n", b"\r\n"], [b"no json\n"]])
def test_nothing_gives_nothing(
    shared_ring: Ring, profile: Profile, lines: list[bytes], decrypt: Callable[..., Any]
) -> None:
    assert list(Encoder(shared_ring, profile).encrypt(lines)) == []
    assert decrypt([]).events == []


def test_events_come_out_before_the_stream_has_ended(shared_ring: Ring, profile: Profile) -> None:
    """A batch leaves when it is full, not when its stream ends."""
    given: list[int] = []

    def endless() -> Any:
        while True:
            given.append(1)
            yield b'{"type":"a"}\n'

    first = next(iter(Encoder(shared_ring, profile).encrypt(endless())))
    assert isinstance(parse_line(first.rstrip()), HeaderLine)
    assert len(given) == module.BATCH_EVENTS
