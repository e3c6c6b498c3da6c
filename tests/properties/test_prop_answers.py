"""Answers on the demo's capture, opened by the edge, equal those of the plain reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from properties.event_strategies import Event
from properties.plain_answers import chosen, totals
from properties.plain_values import Sent
from support.independent.profiles import Profile as PlainProfile
from support.stores import NewStore

from keys import Ring
from zt.profile import Profile
from zt.query import Session, parse
from zt.query.ast import EVERYTHING


@pytest.fixture(scope="module")
def sent(demo_events: list[Event], profile: Profile) -> list[Sent]:
    """The demo's events as the reference has them."""
    plain = PlainProfile(json.loads(profile.normalised()))
    return [Sent(serial, event, plain) for serial, event in enumerate(demo_events)]


@pytest.fixture(scope="module")
def demo_session(
    new_store: NewStore, encrypt: Any, sent: list[Sent], shared_ring: Ring
) -> Iterator[Session]:
    with new_store() as store:
        store.ingest(encrypt([each.event for each in sent]))
        yield Session(shared_ring, store)


def sorted_events(events: list[Event]) -> list[bytes]:
    return sorted(msgspec.json.encode(event, order="deterministic") for event in events)


@pytest.mark.parametrize(
    "question",
    [
        "*",
        "type:auth-failed",
        "type:*AUTH*",
        "sip.from:*hv3kxq9wbn*",
        "sip.from:sip:tq7m*",
        "sip.to:*.EXAMPLE",
        "sip.contact:*@203.0.113.* AND type:reg-new",
        'sip.contact:"SIP:tq7mlkdc3p@203.0.113.21:5060;transport=udp"',
        "client.ip:203.0.113.0/24",
        "client.ip:203.0.113.91 AND sip.response.status:404",
        "sip.request.method:REGISTER AND user_agent.original:*friendly*",
        "sip.from:*nobody-at-all*",
        'client.ip:"2001:db8:c0de::66"',
    ],
)
@pytest.mark.parametrize("path", ["sip.from", "client.ip", "type", "uas.original"])
def test_answers_on_the_demo_equal_a_plain_reference(
    demo_session: Session, sent: list[Sent], question: str, path: str
) -> None:
    where = parse(question)
    expected = chosen(sent, where)
    found = [found.event for found in demo_session.search(where)]
    assert sorted_events(found) == sorted_events([each.event for each in expected])
    counts = demo_session.top(path, where=where)
    assert {count.value: count.count for count in counts} == totals(expected, path)
    assert not demo_session.refused


@pytest.mark.parametrize("path", ["sip.from", "sip.to", "client.ip", "type"])
@pytest.mark.parametrize("limit", [1, 3, 10])
def test_the_largest_groups_are_the_largest(
    demo_session: Session, sent: list[Sent], path: str, limit: int
) -> None:
    of = totals(chosen(sent, EVERYTHING), path)
    counts = demo_session.top(path, limit=limit)
    assert [count.count for count in counts] == sorted(of.values(), reverse=True)[:limit]
    assert all(of[count.value] == count.count for count in counts)
