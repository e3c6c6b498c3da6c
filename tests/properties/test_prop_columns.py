"""By column, in batches of any size and by any workers: the bytes of the encoder without."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties.event_strategies import events as any_event
from properties.test_prop_lossless import odd_events
from support.every_scheme import PROFILE
from support.every_scheme import events as every_value
from support.scalar_encoder import ScalarEncoder
from support.thorough import examples

from keys import Ring
from zt.encoder import Encoder
from zt.encoder import encrypt as module
from zt.profile import Profile, load_profile, preset_names

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
    check(shared_ring, PROFILE, lines_of(every_value()), size)


@pytest.mark.parametrize("name", preset_names())
def test_the_demo(shared_ring: Ring, demo_lines: list[bytes], name: str) -> None:
    check(shared_ring, load_profile(name), demo_lines[:150], 60)


shapes = st.lists(any_event | odd_events(), min_size=1, max_size=8)
"""Events to choose from: a batch has many of a few shapes, as real ones do."""


@settings(max_examples=examples(60), suppress_health_check=RELAXED, deadline=None)
@given(shapes, st.sampled_from([1, 3, 50, 5000]), st.integers(1, 60), st.randoms())
def test_any_batches(
    shared_ring: Ring, some: list[Event], size: int, count: int, draw: random.Random
) -> None:
    given_lines = lines_of([draw.choice(some) for _ in range(count)])
    check(shared_ring, PROFILE, given_lines, size)


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
