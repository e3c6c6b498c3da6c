"""Profiles for SIP events as the probe makes them, of the demo and of captures from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.leaks import SHORTEST, leaked
from support.surveys import judgement, lines_of, pass_through, suggested_profile, suggested_text

from keys import Ring
from zt.profile import load_profile
from zt.sip import Agent, probe_capture
from zt.survey import explain

Event = dict[str, Any]

JUDGEMENT = {
    "@timestamp": "clear time",
    "type": "clear",
    "agent.name": "opaque",
    "agent.type": "clear",
    "agent.version": "opaque",
    "client.ip": "ip address net",
    "client.port": "opaque",  # the client's system chose it
    "client.proven": "opaque",
    "client.transport": "clear",
    "event.call_start": "coarsen time",
    "event.duration": "coarsen number",
    "event.duration2": "coarsen number",
    "sip.pdd": "coarsen number",
    "sip.ring_time": "coarsen number",
    "event.messages": "clear number",
    "event.reason": "opaque",
    "server.ip": "ip address net",
    "server.port": "clear number",
    "sip.auth.realm": "det host gram",
    "sip.auth.username": "det user gram",
    "sip.call_id": "det",
    "sip.contact": "uri sip.identity gram",
    "sip.cseq": "clear number",
    "sip.from": "uri sip.identity gram",
    "sip.request.method": "clear",
    "uri.original": "uri sip.identity gram",
    "sip.response.status": "clear number",
    "sip.sip_reason": "opaque",  # free text of the peer
    "sip.to": "uri sip.identity gram",
    "uas.original": "det user-agent gram",
    "user_agent.original": "det user-agent gram",
}
IDENTITIES = ("from", "to", "contact", "call_id")


@pytest.fixture(scope="module")
def captured(shared_data: Path) -> list[Event]:
    """The events of all captures that other projects made."""
    events = []
    agent = Agent(name="test", version="0")
    for path in sorted((shared_data / "sip").iterdir()):
        with path.open("rb") as source:
            probed = probe_capture(source, name=path.name, agent=agent, throttle=None)
            events += [dict(event) for event in probed]
    assert len(events) >= 20
    return events


def identities(events: list[Event]) -> set[str]:
    """What must not show: URIs, their addresses and users, Call-IDs, software."""
    found = {event["sip"][name] for event in events for name in IDENTITIES if name in event["sip"]}
    found |= {event[side]["ip"] for event in events for side in ("client", "server")}
    found |= {event["sip"]["auth"]["username"] for event in events if "auth" in event["sip"]}
    found |= {
        event[side]["original"]
        for event in events
        for side in ("uas", "user_agent")
        if side in event
    }
    return {text for text in found if len(text) >= SHORTEST}


def check(events: list[Event], ring: Ring) -> None:
    """The judgement of every field, nothing in clear, everything back, and no alarm."""
    profile = suggested_profile(events)
    assert judgement(profile, JUDGEMENT) == JUDGEMENT
    assert profile.time == "@timestamp"
    passed = pass_through(ring, profile, lines_of(events))
    assert passed.events == events
    assert not leaked(identities(events), passed.wire)
    assert explain(lines_of(events), profile).alarms == 0


def test_the_demo(demo_events: list[Event], shared_ring: Ring) -> None:
    assert len(identities(demo_events)) > 500
    check(demo_events, shared_ring)


def test_captures_from_elsewhere(captured: list[Event], shared_ring: Ring) -> None:
    assert len(identities(captured)) > 50
    check(captured, shared_ring)


def test_a_preset_that_knows_the_fields_is_named(demo_events: list[Event]) -> None:
    text = suggested_text(lines_of(demo_events))
    assert "# The preset sip-balanced knows 15 of these 36 fields" in text
    assert "The preset" not in suggested_text(lines_of([{"a": 1, "type": "x"}]))


def test_the_preset_is_explained(demo_events: list[Event]) -> None:
    found = {f.path: f for f in explain(lines_of(demo_events), load_profile("sip-balanced")).fields}
    assert found["sip.from"].level == "ok"
    assert found["sip.from_host"].derived_from == "host of sip.from"
    assert found["sip.from_host"].level == "warning"  # five hosts
    assert found["server.ip"].level == "warning"
    assert found["event.reason"].rule.scheme == "opaque"  # no rule lists it
    assert found["event.reason"].learns == "nothing"
    assert not any(field.level == "alarm" for field in found.values())


def test_the_honeynets_preset_is_named_for_what_honeypots_saw_only(
    demo_events: list[Event],
) -> None:
    seen = [event | {"observer": {"name": "hp-1"}, "tags": ["honeynet"]} for event in demo_events]
    assert "# The preset honeynet knows" in suggested_text(lines_of(seen))
    assert "honeynet" not in suggested_text(lines_of(demo_events))
