"""Encoding while the ring changes: batches are of one epoch each, ids are those of no rotation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.wire import EventLine, HeaderLine, parse_line
from keys import GrantError, Ring, RingError, make_reader_ring, rotate_ring
from keys import ring as ring_module
from keys.files import write_private
from zt.encoder import Decoder, Encoder
from zt.encoder import encrypt as module
from zt.profile import Profile

EVENTS = [{"type": "a", "sip": {"from": f"sip:{n}@example.org"}, "n": n} for n in range(20)]
LINES = [b'{"type":"a","sip":{"from":"sip:%d@example.org"},"n":%d}\n' % (n, n) for n in range(20)]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS", 5)


def kids(wire: list[bytes]) -> list[str]:
    lines = [parse_line(line.rstrip()) for line in wire]
    return [line.meta.kid for line in lines if isinstance(line, EventLine)]


def ids(wire: list[bytes]) -> list[str]:
    lines = [parse_line(line.rstrip()) for line in wire]
    return [line.meta.id for line in lines if isinstance(line, EventLine)]


def test_a_new_epoch_is_picked_up_without_a_restart(ring: Ring, profile: Profile) -> None:
    unrotated = ids(list(Encoder(ring, profile, stream="s").encrypt(LINES)))
    old = ring.active.kid.hex()

    def lines() -> Iterator[bytes]:
        for n, line in enumerate(LINES):
            if n == 12:  # in the middle of the third batch
                rotate_ring(ring.path)
            yield line

    wire = list(Encoder(ring, profile, stream="s").encrypt(lines()))
    new = Ring.open(ring.path).active.kid.hex()
    assert kids(wire) == [old] * 10 + [new] * 10
    assert ids(wire) == unrotated, "a resend after a rotation doubles nothing"
    headers = [parse_line(line.rstrip()) for line in wire if b'"kind":"batch"' in line]
    generations = [line.header.generation for line in headers if isinstance(line, HeaderLine)]
    assert generations == [1, 1, 2, 2]
    assert list(Decoder(Ring.open(ring.path)).decrypt(wire)) == EVENTS


def test_twice_within_one_batch(ring: Ring, profile: Profile) -> None:
    def lines() -> Iterator[bytes]:
        for n, line in enumerate(LINES):
            if n in (6, 8):
                rotate_ring(ring.path)
            yield line

    wire = list(Encoder(ring, profile, stream="s").encrypt(lines()))
    last = Ring.open(ring.path).active.kid.hex()
    assert kids(wire) == [ring.active.kid.hex()] * 5 + [last] * 15
    assert list(Decoder(Ring.open(ring.path)).decrypt(wire)) == EVENTS


def test_a_planned_epoch_takes_over_when_its_time_comes(
    ring: Ring, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = rotate_ring(ring.path, datetime.now(UTC) + timedelta(hours=1))
    moved = datetime.now(UTC) + timedelta(hours=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moved

    def lines() -> Iterator[bytes]:
        for n, line in enumerate(LINES):
            if n == 10:
                monkeypatch.setattr(ring_module, "datetime", Later)
            yield line

    wire = list(Encoder(planned, profile, stream="s").encrypt(lines()))
    old, new = (epoch.kid for epoch in planned.epochs)
    assert kids(wire) == [old] * 10 + [new] * 10


def test_a_ring_rolled_back_meanwhile_stops_the_encoder(ring: Ring, profile: Profile) -> None:
    old = ring.path.read_bytes()
    rotated = rotate_ring(ring.path)
    opened: list[Any] = []

    def lines() -> Iterator[bytes]:
        for n, line in enumerate(LINES):
            if n == 7:
                ring.path.write_bytes(old)
            yield line

    with pytest.raises(RingError, match="an older one"):
        opened.extend(Encoder(rotated, profile, stream="s").encrypt(lines()))
    assert set(kids(opened)) == {rotated.active.kid.hex()}


def test_late_events_of_a_retired_epoch_open(ring: Ring, profile: Profile) -> None:
    late = list(Encoder(ring, profile, stream="late").encrypt(LINES[:3]))
    rotated = rotate_ring(ring.path)
    wire = [*Encoder(rotated, profile, stream="s").encrypt(LINES[3:]), *late]
    assert list(Decoder(rotated).decrypt(wire)) == [*EVENTS[3:], *EVENTS[:3]]


def test_a_reader_ring_in_the_rings_place_stops_it_until_the_ring_is_back(
    ring: Ring, profile: Profile
) -> None:
    whole = ids(list(Encoder(ring, profile, stream="s").encrypt(LINES)))
    reader = make_reader_ring(ring, ring.path.with_name("r.json"), "file:r.key", ["address"])
    good = ring.path.read_bytes()
    encoder = Encoder(ring, profile, stream="s")
    wire = encoder.encrypt(LINES)
    head = [next(wire)]
    write_private(ring.path, reader.path.read_bytes(), replace=True)
    with pytest.raises(GrantError, match="can't encrypt"):
        list(map(head.append, wire))
    assert ids(head) == whole[:5]
    with pytest.raises(GrantError, match="can't encrypt"):
        list(encoder.encrypt(LINES))
    write_private(ring.path, good, replace=True)
    assert ids(list(encoder.encrypt(LINES))) == whole
