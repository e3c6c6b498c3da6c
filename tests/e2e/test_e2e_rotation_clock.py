"""The clock of a machine moves back: no epoch encrypts before its time, and one is active."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics.wire import EventLine, parse_line
from keys import Ring, RingError, destroy_epoch, init_ring, lifecycle, rotate_ring
from keys import ring as ring_module
from zt.encoder import Decoder, Encoder
from zt.encoder import encrypt as encoder_module
from zt.profile import Profile

HOUR = timedelta(hours=1)
LINES = [b'{"type":"a","sip":{"from":"sip:%d@example.org"},"n":%d}\n' % (n, n) for n in range(20)]


def events_of(wire: Iterable[bytes]) -> list[EventLine]:
    lines = (parse_line(raw.rstrip()) for raw in wire)
    return [line for line in lines if isinstance(line, EventLine)]


def ids_of(wire: Iterable[bytes]) -> list[str]:
    return [event.meta.id for event in events_of(wire)]


class Clock:
    """The time that rings see, which the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return clock.time

        monkeypatch.setattr(ring_module, "datetime", Moved)
        monkeypatch.setattr(lifecycle, "datetime", Moved)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_clock_moved_back_while_encoding(
    ring: Ring, profile: Profile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is encrypted with the new epoch before its time, and all of it opens."""
    monkeypatch.setattr(encoder_module, "BATCH_EVENTS", 5)
    planned = rotate_ring(ring.path, clock.time + HOUR)
    old, new = (epoch.kid for epoch in planned.epochs)
    moves = {5: 2 * HOUR, 10: -2 * HOUR, 15: 2 * HOUR}

    def lines() -> Iterator[bytes]:
        for n, event in enumerate(LINES):
            clock.time += moves.get(n, timedelta())
            yield event

    wire = list(Encoder(planned, profile, stream="s").encrypt(lines()))
    # the clock moves when the sixth line is asked for, after the first batch was written
    expected = [old] * 5 + [new] * 5 + [old] * 5 + [new] * 5
    assert [event.meta.kid for event in events_of(wire)] == expected
    assert ids_of(wire) == ids_of(Encoder(planned, profile, stream="s").encrypt(LINES))
    opened = list(Decoder(Ring.open(ring.path)).decrypt(wire))
    assert opened == [json.loads(event) for event in LINES]


def test_clock_moved_back_after_the_next_rotation(ring: Ring, clock: Clock) -> None:
    """What was written stays: an epoch that has taken over is never active before an older one."""
    rotate_ring(ring.path, clock.time + HOUR)
    clock.time += 2 * HOUR
    last = rotate_ring(ring.path)
    clock.time -= 3 * HOUR
    again = Ring.open(ring.path)
    assert [epoch.state for epoch in again.epochs] == ["retired", "retired", "active"]
    assert again.active.kid == last.active.kid
    with pytest.raises(RingError, match="has passed"):
        rotate_ring(ring.path, clock.time - HOUR)


@pytest.mark.parametrize("seed", range(12))
def test_clock_moved_back_and_forth_keeps_one_epoch_active(
    tmp_path: Path, clock: Clock, seed: int
) -> None:
    """Whatever is done to a ring at whatever times.

    One epoch is active, never one before its time (unless a change of the ring found its time
    come, which stays), and no destroyed one comes back.
    """
    chance = random.Random(seed)
    path = tmp_path / "ring.json"
    watching = init_ring(path, "acme", "file:ring.key")
    due: dict[str, datetime] = {}
    settled: set[str] = set()
    dead: set[str] = set()
    for _ in range(40):
        clock.time += timedelta(minutes=chance.randint(-90, 100))
        before = Ring.open(path)
        refusal = None
        try:
            match chance.randrange(4):
                case 0:
                    rotate_ring(path)
                case 1:
                    at = clock.time + timedelta(minutes=chance.randint(1, 120))
                    made = rotate_ring(path, at)
                    due[made.epochs[-1].kid] = at
                case 2:
                    victim = chance.choice(before.epochs)
                    destroy_epoch(path, victim.kid)
                    dead.add(victim.kid)
        except RingError as error:
            refusal = str(error)
        if refusal is not None:
            assert "waits for its activation" in refusal or "is the active one" in refusal
            assert Ring.open(path).generation == before.generation
        elif Ring.open(path).generation > before.generation:
            settled |= {kid for kid, at in due.items() if at <= clock.time}
        watching = watching.refreshed()
        for ring in (watching, Ring.open(path)):
            (active,) = [epoch.kid for epoch in ring.epochs if epoch.state == "active"]
            assert ring.active.kid.hex() == active
            assert active in settled or due.get(active, clock.time) <= clock.time
            assert {e.kid for e in ring.epochs if e.state == "destroyed"} == dead
            waiting = [epoch for epoch in ring.epochs if epoch.state == "pre-active"]
            assert all(epoch.activates and epoch.activates > clock.time for epoch in waiting)
            assert [epoch.kid for epoch in ring.epochs][: len(before.epochs)] == [
                epoch.kid for epoch in before.epochs
            ]
    assert due
