"""Lossless under every preset and every scheme: what goes in comes out, and nothing is clear."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties.event_strategies import merge, nest, scalars
from support.every_scheme import PROFILE, REFUSED, TAKEN, events
from support.leaks import SHORTEST, leaked, strings_in
from support.thorough import examples

from analytics.wire import fields
from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder.decrypt import DecryptReject
from zt.profile import Profile, load_profile, preset_names

Event = dict[str, Any]
Exact = Callable[[Any], Any]
SAMPLES = Path(__file__).parents[1] / "support" / "samples"


def without_dropped(event: Event, profile: Profile, above: str = "") -> Event:
    """What is left when a path that a drop rule fits goes with all that is below it."""
    left: Event = {}
    for key, value in event.items():
        path = above + key
        prefixes = [path[:end] for end, char in enumerate(path) if char == "."] + [path]
        rules = (profile.rule_for(prefix) for prefix in prefixes)
        if any(rule is not None and rule.scheme == "drop" for rule in rules):
            continue
        if isinstance(value, dict) and value:
            if inner := without_dropped(value, profile, path + "."):
                left[key] = inner
        else:
            left[key] = value
    return left


def round_trip(ring: Ring, profile: Profile, given: list[Event], exact: Exact) -> list[bytes]:
    """Encrypt and decrypt; the wire lines."""
    encoder = Encoder(ring, profile, stream="s")
    wire = list(encoder.encrypt(msgspec.json.encode(event) for event in given))
    assert encoder.report.rejected == 0
    rejects: list[DecryptReject] = []
    opened = list(Decoder(ring, on_reject=rejects.append).decrypt(wire))
    assert rejects == []
    expected = [without_dropped(event, profile) for event in given]
    assert [exact(event) for event in opened] == [exact(event) for event in expected]
    return wire


def test_every_odd_value(shared_ring: Ring, exact: Exact) -> None:
    round_trip(shared_ring, PROFILE, events(), exact)


def test_what_falls_back_is_counted(shared_ring: Ring) -> None:
    encoder = Encoder(shared_ring, PROFILE, stream="s")
    lines = [msgspec.json.encode({path: v}) for path, values in REFUSED.items() for v in values]
    list(encoder.encrypt(lines))
    counts = {path: count for path, count in encoder.report.fallbacks.items() if path in REFUSED}
    assert counts == {path: len(values) for path, values in REFUSED.items()}
    encoder = Encoder(shared_ring, PROFILE, stream="s")
    list(encoder.encrypt(msgspec.json.encode({p: v}) for p, own in TAKEN.items() for v in own))
    assert not set(encoder.report.fallbacks) & set(TAKEN)


def test_no_odd_value_is_passed_in_clear(shared_ring: Ring, exact: Exact) -> None:
    protected = ["sip.from", "sip.route", "account", "client.ip", "peer.ip", "trunk.ip"]
    given = [{p: v} for p in protected for v in [*TAKEN[p], *REFUSED[p]]]
    wire = b"".join(round_trip(shared_ring, PROFILE, given, exact))
    values = set().union(*map(strings_in, given))
    assert len(values) > 70
    assert not leaked({value for value in values if len(value) >= SHORTEST}, wire)


@pytest.mark.parametrize("name", preset_names())
def test_presets_on_the_demo(
    name: str, shared_ring: Ring, demo_events: list[Event], exact: Exact
) -> None:
    round_trip(shared_ring, load_profile(name), demo_events, exact)


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("sample", ["eve", "ecs"])
def test_presets_on_samples(name: str, sample: str, shared_ring: Ring, exact: Exact) -> None:
    lines = (SAMPLES / f"{sample}.ndjson").read_bytes().splitlines()
    given = [msgspec.json.decode(line) for line in lines]
    assert len(given) > 30
    wire = round_trip(shared_ring, load_profile(name), given, exact)
    assert b"s3cret" not in b"".join(wire)


@pytest.mark.parametrize(("preset", "sample"), [("suricata-eve", "eve"), ("ecs", "ecs")])
def test_identities_in_samples_are_not_clear(
    preset: str, sample: str, shared_ring: Ring, exact: Exact
) -> None:
    given = [json.loads(line) for line in (SAMPLES / f"{sample}.ndjson").read_bytes().splitlines()]
    wire = b"".join(round_trip(shared_ring, load_profile(preset), given, exact))
    for needle in (
        b"alice",
        b"example.org",
        b"example.net",
        b"192.0.2.",
        b"203.0.113.",
        b"2001:db8",
    ):
        assert any(needle in json.dumps(event).encode() for event in given)
        assert needle not in wire


PATHS = sorted({path for path in PROFILE.fields if "*" not in path} - set(PROFILE.derive))
odd = st.sampled_from([value for own in (*TAKEN.values(), *REFUSED.values()) for value in own])


@st.composite
def odd_events(draw: st.DrawFn) -> Event:
    """Values of one field in another one, alone and in arrays, in every spelling of the path."""
    event: Event = {}
    value: st.SearchStrategy[Any] = (
        odd | scalars | st.lists(odd | scalars, max_size=4) | st.just({}) | st.just([{"a": 1}])
    )
    for path in draw(st.lists(st.sampled_from([*PATHS, "mail", "device.a", "x.y"]), max_size=6)):
        if not any(p == path for _, p, _ in fields(event)):
            event = merge(event, nest(path, draw(st.integers(0, 3)), draw(value)))
    return event


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(odd_events(), max_size=4))
def test_any_mixture(shared_ring: Ring, exact: Exact, given: list[Event]) -> None:
    round_trip(shared_ring, PROFILE, given, exact)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(preset_names()), st.lists(odd_events(), min_size=1, max_size=4))
def test_any_mixture_under_any_preset(
    shared_ring: Ring, exact: Exact, name: str, given: list[Event]
) -> None:
    round_trip(shared_ring, load_profile(name), given, exact)
