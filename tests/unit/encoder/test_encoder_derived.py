"""Derived fields: the cloud sees them, no event may bring its own, and none comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.every_scheme import PROFILE

from analytics.wire import EventLine, HeaderLine, parse_line
from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder.encrypt import Reject
from zt.profile import Profile

EVENT = {"sip": {"from": "SIP:alice@Example.org:5060"}, "hidden": 1}


Event = dict[str, Any]


def run(ring: Ring, profile: Profile, events: list[Event]) -> tuple[list[bytes], list[Reject]]:
    rejects: list[Reject] = []
    encoder = Encoder(ring, profile, stream="s", on_reject=rejects.append)
    wire = list(encoder.encrypt(msgspec.json.encode(event) for event in events))
    return wire, rejects


def views(ring: Ring, wire: list[bytes]) -> list[Event]:
    """The events as questions see them."""
    decoder = Decoder(ring)
    found = []
    for raw in wire:
        line = parse_line(raw.rstrip())
        if isinstance(line, HeaderLine):
            decoder.header(line.header)
        elif isinstance(line, EventLine):
            found.append(decoder.open(line).view)
    return found


@pytest.mark.parametrize(
    "own",
    [
        {"sip.from_host": "example.org"},
        {"sip.from_host": None},
        {"sip": {"from": "sip:alice@example.org", "from_host": "evil.example"}},
        {"sip": {"from": "sip:alice@example.org"}, "sip.from_host": "evil.example"},
        {"sip.from_host.x": 1},
        {"sip.from_host": {"x": 1}},
        {"sip": {"from_host.x": {"y": 1}}},
    ],
)
def test_an_event_with_a_field_where_one_is_derived_is_refused(
    shared_ring: Ring, profile: Profile, decrypt: Any, own: dict[str, Any]
) -> None:
    rejects: list[Reject] = []
    encoder = Encoder(shared_ring, profile, stream="s", on_reject=rejects.append)
    wire = list(encoder.encrypt(map(msgspec.json.encode, [EVENT, own, EVENT])))
    assert [reject.line for reject in rejects] == [2]
    assert rejects[0].reason == "it has a field already where the profile derives one"
    assert b"evil" not in b"".join(wire)
    assert decrypt(wire).events == [EVENT, EVENT]


@pytest.mark.parametrize("near", ["sip.from_hos", "sip.from_hosts", "from_host", "sip"])
def test_fields_beside_derived_ones_are_taken(encrypt: Any, decrypt: Any, near: str) -> None:
    event = {near: 1, "sip.from": "sip:alice@example.org"}
    assert decrypt(encrypt([event])).events == [event]


def test_questions_see_canonical_values_and_derived_fields(shared_ring: Ring) -> None:
    event = {
        "sip": {"from": "SIP:bob:pw@Example.ORG:5060"},
        "client": {"ip": "::ffff:192.0.2.77"},
        "phone": "+4930123456",
        "account": 4930123456,
        "mail": ["Bob@Example.NET", "nobody", 5],
        "time": "2026-01-02T03:04:05Z",
        "size": 1234,
        "hidden": 1,
    }
    wire, rejects = run(shared_ring, PROFILE, [event])
    assert rejects == []
    (view,) = views(shared_ring, wire)
    assert view == {
        "sip": {"from": "sip:bob@example.org"},
        "client": {"ip": "192.0.2.77"},
        "phone": "+4930123456",
        "account": "4930123456",
        "mail": ["Bob@Example.NET", "nobody", 5],
        "time": "2026-01-02T03:04:05Z",
        "size": 1200,
        "hidden": 1,
        "from_scheme": "sip",
        "from_host": "example.org",
        "from_user": "bob",
        "net": "192.0.2.0/24",
        "net6": "192.0.0.0/8",
        "country": "DE",
        "mail_domain": ["example.net"],
        "hour": "03",
    }
    assert list(Decoder(shared_ring).decrypt(wire)) == [event]


def test_a_refused_event_leaves_no_trace(shared_ring: Ring) -> None:
    bad = {"sip.from": "sip:eve@trace.example", "phone": "+4930999999", "hour": 1}
    alone, _ = run(shared_ring, PROFILE, [{"n": 1}])
    beside, rejects = run(shared_ring, PROFILE, [{"n": 1}, bad])
    assert len(rejects) == 1
    assert beside == alone


def test_a_source_beside_an_object_of_its_name_is_found(shared_ring: Ring) -> None:
    events: list[Event] = [
        {"sip.from": {"x": 1}, "sip": {"from": "sip:a@b"}},
        {"sip": {"from": "sip:a@b"}, "sip.from": {"x": 1}},
    ]
    wire, _ = run(shared_ring, PROFILE, events)
    assert [view["from_host"] for view in views(shared_ring, wire)] == ["b", "b"]
