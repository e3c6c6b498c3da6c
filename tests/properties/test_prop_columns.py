"""By column, in batches of any size and by any workers: the bytes of the encoder without."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties.event_strategies import events as any_event
from properties.event_strategies import is_ambiguous
from properties.test_prop_lossless import odd_events
from support.every_scheme import PROFILE
from support.every_scheme import events as every_value
from support.scalar_encoder import ScalarEncoder
from support.thorough import examples

from analytics.wire import EventLine, HeaderLine, parse_line, read_stream
from keys import KeysError, Ring
from zt.encoder import Decoder, Encoder
from zt.encoder import encrypt as module
from zt.errors import ZtError
from zt.profile import Profile, load_profile, preset_names
from zt.rewrap.again import exact_json

Event = dict[str, Any]
RELAXED = [HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large]


def check(
    ring: Ring, profile: Profile, lines: list[bytes], size: int, *, workers: int = 1
) -> Encoder:
    scalar = ScalarEncoder(ring, profile, stream="s")
    expected = scalar.encrypt(lines, size)
    rejected: list[tuple[int, str]] = []
    encoder = Encoder(
        ring,
        profile,
        stream="s",
        on_reject=lambda reject: rejected.append((reject.line, reject.reason)),
        workers=workers,
    )
    batches = [lines[start : start + size] for start in range(0, len(lines), size)]
    assert [line for batch in encoder.encrypt_batches(batches) for line in batch] == expected
    assert rejected == scalar.rejected
    assert encoder.report.fallbacks == scalar.fallbacks
    return encoder


def lines_of(events: list[Event]) -> list[bytes]:
    return [msgspec.json.encode(event) + b"\n" for event in events]


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_every_value(shared_ring: Ring, size: int) -> None:
    lines = lines_of(every_value())
    check(shared_ring, PROFILE, lines, size)
    check_opened(shared_ring, list(Encoder(shared_ring, PROFILE, stream="s").encrypt(lines)))


@pytest.mark.parametrize("name", preset_names())
def test_the_demo(shared_ring: Ring, demo_lines: list[bytes], name: str) -> None:
    check(shared_ring, load_profile(name), demo_lines[:150], 60)


def check_opened(ring: Ring, wire: list[bytes]) -> None:
    """Opened together is what is opened alone."""
    alone: list[Event | str] = []
    decoder = Decoder(ring)
    for line in read_stream(wire):
        if isinstance(line, HeaderLine):
            decoder.header(line.header)
        elif isinstance(line, EventLine):
            try:
                alone.append(decoder.event(line))
            except (ZtError, KeysError) as error:
                alone.append(str(error))
    together = Decoder(ring, on_reject=lambda reject: rejected.append(reject.reason))
    rejected: list[str] = []
    opened = list(together.decrypt(wire))
    assert list(map(exact_json, opened)) == [exact_json(e) for e in alone if isinstance(e, dict)]
    assert rejected == [e for e in alone if isinstance(e, str)]


shapes = st.lists(any_event | odd_events(), min_size=1, max_size=8)
"""Events to choose from: a batch has many of a few shapes, as real ones do."""


@settings(max_examples=examples(60), suppress_health_check=RELAXED, deadline=None)
@given(shapes, st.sampled_from([1, 3, 50, 5000]), st.integers(1, 60), st.randoms())
def test_any_batches(
    shared_ring: Ring, some: list[Event], size: int, count: int, draw: random.Random
) -> None:
    given_lines = lines_of([draw.choice(some) for _ in range(count)])
    check(shared_ring, PROFILE, given_lines, size)
    wire = list(Encoder(shared_ring, PROFILE, stream="s").encrypt(given_lines))
    check_opened(shared_ring, wire)


@settings(max_examples=examples(30), suppress_health_check=RELAXED, deadline=None)
@given(shapes, st.randoms())
def test_any_damage(shared_ring: Ring, some: list[Event], draw: random.Random) -> None:
    """Some lines of a batch have a byte of another one."""
    good = lines_of([draw.choice(some) for _ in range(40)])
    wire = list(Encoder(shared_ring, PROFILE, stream="s").encrypt(good))
    head = sum(b'"zt":{"kind":' in line for line in wire)
    for place in draw.sample(range(head, len(wire)), k=min(len(wire) - head, 9)):
        line, other = bytearray(wire[place]), draw.choice(wire[head:])
        at = draw.randrange(len(line) - 1)
        line[at] = other[at % len(other)] if other[at % len(other)] != 10 else 65
        if isinstance(parse_line(bytes(line).rstrip()), EventLine):  # else it is refused earlier
            wire[place] = bytes(line)
    check_opened(shared_ring, wire)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_keep_order_and_bytes(shared_ring: Ring, workers: int) -> None:
    events = every_value()
    lines = lines_of([{**event, "n": n} for n, event in enumerate(events * 3)])
    lines[5] = b"no JSON\n"
    lines[40] = b'{"zt": 1}\n'
    encoder = check(shared_ring, PROFILE, lines, 37, workers=workers)
    assert encoder.report.rejected == 2


def test_encrypt_cuts_batches_itself(
    shared_ring: Ring, demo_lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS", 70)
    profile = load_profile("sip-balanced")
    expected = ScalarEncoder(shared_ring, profile, stream="s").encrypt(demo_lines, 70)
    assert list(Encoder(shared_ring, profile, stream="s").encrypt(demo_lines)) == expected


@pytest.mark.slow
@settings(max_examples=examples(15), suppress_health_check=RELAXED, deadline=None)
@given(shapes, st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([1, 2]), st.randoms())
def test_any_large_batches(
    shared_ring: Ring, some: list[Event], count: int, size: int, workers: int, draw: random.Random
) -> None:
    """Values that come again beside ones that never do, with and without workers."""
    events = [{**draw.choice(some), "user": f"{n}@x", "n": n % 7} for n in range(count)]
    taken = [event for event in events if not is_ambiguous(event)]
    check(shared_ring, PROFILE, lines_of(taken or [{}]), max(size, count // 8), workers=workers)
