"""Whatever event goes in comes out: the same JSON value, leaf by leaf, type by type."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from properties.event_strategies import Event, events, is_ambiguous, is_encrypted, mixed
from support.thorough import examples

from analytics.wire import EventLine, HeaderLine, ValueLine, leaves, parse_line
from zt.encoder.input import read_event
from zt.errors import EventError
from zt.profile import Profile

FORMS: dict[str, Callable[[str], Any]] = {
    "uri": re.compile(r"sips?:([a-z2-7]+@)?[a-z2-7.]+\.zt\.invalid|tel:[a-z2-7]+").fullmatch,
    "ip": ip_address,
    "det": lambda text: False,
}
"""What ciphertexts look like that are no det envelopes."""

RELAXED = [HealthCheck.filter_too_much, HealthCheck.too_slow]
Exact = Callable[[Any], Any]


@settings(max_examples=examples(100), suppress_health_check=RELAXED)
@given(st.lists(events, max_size=4))
@example([{}])
@example([{"type": 1}, {"type": 1.0}, {"type": True}, {"type": "1"}, {"type": None}])
@example([{"sip.from": 0.0}, {"sip.from": -0.0}, {"sip.from": 0}, {"sip.from": False}])
@example([{"sip.from": ""}, {"sip.from": "0"}, {"sip.from": None}, {"sip.from": "-0.0"}])
@example([{"sip": {"from": [1, 1.0, True, None, "1", -0.0, 0.0, 10**300]}}])
@example([{"sip": {"from": "a", "request.uri": "b"}, "sip.to": "c", "sip.request": {"x": 1}}])
@example([{"a": {}}, {"a": []}, {"a": [{}]}, {"a": [[]]}, {"a": {"": {"": None}}}])
@example([{"sip": {}}, {"sip": {"from": {}}}, {"sip": {"from": []}}, {"sip": {"from": [[]]}}])
@example([{"sip.from": {"x": 1}}, {"type": {"x": 1}}, {"type": {}}, {"type": []}])
@example([{"type": [1, {}]}, {"sip.from": ["x", {}]}, {"sip.from": ["x", "y" * 9000]}])
@example([{"sip.from": "x" * 8192}, {"sip.from": "x" * 8193}, {"sip.from": "ß" * 4097}])
@example([{"sip.response.status": 10**299}, {"sip.response.status": 5e-324}])
def test_events_come_back_as_they_were(
    encrypt: Any, decrypt: Any, exact: Exact, batch: list[Event]
) -> None:
    wire = encrypt(batch)
    opened, rejects = decrypt(wire)
    assert rejects == []
    assert [exact(event) for event in opened] == [exact(event) for event in batch]


@settings(max_examples=examples(60), suppress_health_check=RELAXED)
@given(st.lists(events, min_size=1, max_size=4))
@example([{"sip.from": ["hidden with the long one", "x" * 9000]}])
@example([{"sip.from": ["hidden with the object", {}]}])
@example([{"sip.from": ["seen", None, 1, 1.0, True]}, {"sip": {"to": "seen"}}])
def test_what_the_cloud_sees_is_what_the_profile_lets_it(
    encrypt: Any, profile: Profile, batch: list[Event]
) -> None:
    wire = [parse_line(line.rstrip(b"\n")) for line in encrypt(batch)]
    (header,) = [line.header for line in wire if isinstance(line, HeaderLine)]
    columns = {column.path: column for column in header.columns}
    clear = {path for path, rule in profile.fields.items() if rule.scheme == "clear"}
    searched = {path for path, rule in profile.fields.items() if rule.search}
    records = {line.record.ct for line in wire if isinstance(line, ValueLine)}
    seen, searchable = set(), set()
    sealed = [line for line in wire if isinstance(line, EventLine)]
    assert len(sealed) == len(batch)
    for line, event in zip(sealed, batch, strict=True):
        plain = {(leaf.path, leaf.position): leaf.value for leaf in visible_leaves(event, clear)}
        for leaf in leaves(line.body):
            seen.add(leaf.path)
            rule = profile.fields[leaf.path]  # no path that the profile does not name
            if rule.scheme == "clear":
                assert plain[leaf.path, leaf.position] == leaf.value
            elif leaf.value is not None:  # a null in an array
                assert isinstance(leaf.value, str)
                by_det = leaf.value.startswith(line.meta.opaque[:8])
                assert by_det or FORMS[rule.scheme](leaf.value)
                searchable |= {leaf.value} if leaf.path in searched else set()
    assert set(columns) == seen
    assert records == searchable, "a record for each value that is visible, and for no other"


def visible_leaves(event: Event, clear: set[str]) -> list[Any]:
    """The leaves of the clear fields, without those that are arrays of containers."""
    kept = [(path, value) for path, value in flat(event) if path in clear]
    return [
        leaf
        for path, value in kept
        if not (isinstance(value, list) and any(isinstance(x, dict | list) for x in value))
        for leaf in leaves({path: value})
    ]


def flat(event: Event, above: str | None = None) -> list[tuple[str, Any]]:
    found = []
    for key, value in event.items():
        path = key if above is None else f"{above}.{key}"
        if isinstance(value, dict) and value:
            found += flat(value, path)
        else:
            found.append((path, value))
    return found


@settings(suppress_health_check=RELAXED)
@given(mixed)
def test_only_unambiguous_events_are_taken(event: Event) -> None:
    raw = msgspec.json.encode(event)
    if is_encrypted(event) or is_ambiguous(event):
        with pytest.raises(EventError):
            read_event(raw)
    else:
        assert read_event(raw) == event


DROPPING = Profile.model_validate(
    {
        "name": "dropping",
        "fields": {
            "type": {"scheme": "clear"},
            "sip.from": {"scheme": "det"},
            "sip.to": {"scheme": "drop"},
            "sip.request": {"scheme": "drop"},
            "client": {"scheme": "drop"},
            "a.b": {"scheme": "drop"},
            "server.ip": {"scheme": "opaque"},
        },
    }
)


def without_dropped(event: Event, above: str = "") -> Event:
    """What is left of an event by the definition: a dropped path goes with all below it."""
    dropped = [path for path, rule in DROPPING.fields.items() if rule.scheme == "drop"]
    left: Event = {}
    for key, value in event.items():
        path = above + key
        if any(path == gone or path.startswith(gone + ".") for gone in dropped):
            continue
        if isinstance(value, dict) and value:
            if inner := without_dropped(value, path + "."):
                left[key] = inner
        else:
            left[key] = value
    return left


@settings(max_examples=examples(60), suppress_health_check=RELAXED)
@given(events)
@example({"client": {"ip": "x"}, "sip.to": 1, "sip": {"request": {"uri": "y"}, "from": "z"}})
@example({"client.ip": "x", "client.port": 5060, "sip.request.uri": "y"})
@example({"sip": {"request.uri": "y"}, "client": 1, "a": {"b": {"c": 1}}, "a.b.d": 2})
@example({"clients": 1, "client.": 2, "sip.tox": 3, "sip.to.x": 4})
def test_dropped_fields_are_gone_and_nothing_else(
    encrypt: Any, decrypt: Any, exact: Exact, event: Event
) -> None:
    opened, rejects = decrypt(encrypt([event], profile=DROPPING))
    assert rejects == []
    assert exact(opened[0]) == exact(without_dropped(event))


def test_demo_events_come_back(
    encrypt: Any, decrypt: Any, exact: Exact, demo_events: list[Event]
) -> None:
    opened, rejects = decrypt(encrypt(demo_events))
    assert rejects == []
    assert len(opened) > 400
    assert [exact(event) for event in opened] == [exact(event) for event in demo_events]
