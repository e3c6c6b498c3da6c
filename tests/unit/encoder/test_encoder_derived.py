"""Derived fields: the cloud sees them, no event may bring its own, and none comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from analytics.wire import EventLine, parse_line
from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder.encrypt import Reject
from zt.profile import Profile

EVENT = {"sip": {"from": "SIP:alice@Example.org:5060"}, "hidden": 1}


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


def test_the_cloud_and_questions_see_derived_fields_and_events_do_not(
    encrypt: Any, shared_ring: Ring
) -> None:
    wire = encrypt([EVENT])
    lines = [parse_line(line.rstrip()) for line in wire]
    (sealed,) = [line for line in lines if isinstance(line, EventLine)]
    assert "sip.from_host" in sealed.body
    assert b"xample" not in b"".join(wire)
    decoder = Decoder(shared_ring)
    assert list(decoder.decrypt(wire)) == [EVENT]
    opened = decoder.open(sealed)
    assert opened.event == EVENT
    assert opened.view["sip.from_host"] == "example.org"
    assert opened.view["sip"] == {"from": "sip:alice@example.org"}
