"""A ring's life: rotations now and later, destroyed epochs, changed providers, lost files."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys import (
    KeysError,
    ProviderError,
    Ring,
    RingError,
    UnknownEpochError,
    backup_of,
    change_provider,
    destroy_epoch,
    init_ring,
    recover_ring,
    rotate_ring,
)
from keys import ring as module
from keys.content import Epoch
from keys.files import exclusive

HOUR = timedelta(hours=1)


class Clock:
    """The time that rings see, which the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = datetime.now(UTC)
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return clock.time

        monkeypatch.setattr(module, "datetime", Moved)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def states(ring: Ring) -> list[str]:
    return [epoch.state for epoch in ring.epochs]


def test_four_epochs_open_and_the_last_encrypts(ring: Ring) -> None:
    kids = [ring.active.kid, *(rotate_ring(ring.path).active.kid for _ in range(3))]
    again = Ring.open(ring.path)
    assert states(again) == ["retired", "retired", "retired", "active"]
    assert again.generation == 4
    assert len(set(kids)) == 4
    assert [again.epoch(kid.hex()).kid for kid in kids] == kids


def test_a_rotation_at_a_time_happens_without_writing(ring: Ring, clock: Clock) -> None:
    old = ring.active.kid
    planned = rotate_ring(ring.path, datetime.now(UTC) + HOUR)
    content = ring.path.read_bytes()
    assert states(planned) == ["active", "pre-active"]
    assert planned.active.kid == old
    new = planned.epochs[1].kid
    assert planned.epoch(new).kid.hex() == new, "what others encrypt early opens already"
    clock.time += HOUR + timedelta(seconds=1)
    assert planned.refreshed().active.kid.hex() == new
    assert states(Ring.open(ring.path)) == ["retired", "active"]
    clock.time -= 2 * HOUR  # the clock is moved back
    assert Ring.open(ring.path).active.kid == old
    assert ring.path.read_bytes() == content


def test_a_rotation_that_happened_stays_when_it_was_written(ring: Ring, clock: Clock) -> None:
    rotate_ring(ring.path, datetime.now(UTC) + HOUR)
    clock.time += 2 * HOUR
    # lifecycle sees the real time, as another process would; the ring the moved one
    assert states(Ring.open(ring.path)) == ["retired", "active"]


def test_times_that_can_not_be(ring: Ring) -> None:
    content = ring.path.read_bytes()
    with pytest.raises(RingError, match="has passed"):
        rotate_ring(ring.path, datetime.now(UTC) - HOUR)
    assert ring.path.read_bytes() == content
    rotate_ring(ring.path, datetime.now(UTC) + HOUR)
    for at in (None, datetime.now(UTC) + 2 * HOUR):
        with pytest.raises(RingError, match="waits for its activation already"):
            rotate_ring(ring.path, at)


def test_a_ring_is_refreshed_when_its_file_changes(ring: Ring) -> None:
    assert ring.refreshed() is ring
    rotated = rotate_ring(ring.path)
    assert ring.refreshed().active.kid == rotated.active.kid
    assert ring.refreshed().refreshed().generation == 2


def test_a_ring_that_was_rolled_back_is_not_taken(ring: Ring, tmp_path: Path) -> None:
    old = ring.path.read_bytes()
    rotated = rotate_ring(ring.path)
    ring.path.write_bytes(old)
    with pytest.raises(RingError, match="an older one"):
        rotated.refreshed()
    ring.path.write_bytes(b"{}")
    with pytest.raises(RingError):
        rotated.refreshed()
    ring.path.unlink()
    with pytest.raises(RingError):
        rotated.refreshed()


def test_a_destroyed_epoch_leaves_no_key(ring: Ring) -> None:
    kid = ring.active.kid.hex()
    epoch = ring.epochs[0]
    assert isinstance(epoch, Epoch)
    assert epoch.root is not None
    root = epoch.root
    with pytest.raises(RingError, match="is the active one"):
        destroy_epoch(ring.path, kid)
    rotate_ring(ring.path)
    assert root in backup_of(ring.path).read_text()
    left = destroy_epoch(ring.path, kid)
    assert states(left) == ["destroyed", "active"]
    for path in ring.path.parent.iterdir():
        assert root.encode() not in path.read_bytes(), path
    with pytest.raises(UnknownEpochError, match=f"epoch {kid} .* was destroyed"):
        Ring.open(ring.path).epoch(kid)
    with pytest.raises(UnknownEpochError, match="has no epoch"):
        destroy_epoch(ring.path, "00000000")
    assert states(destroy_epoch(ring.path, kid)) == ["destroyed", "active"], "again: no harm"


def test_a_planned_epoch_can_be_taken_back(ring: Ring) -> None:
    planned = rotate_ring(ring.path, datetime.now(UTC) + HOUR)
    destroy_epoch(ring.path, planned.epochs[1].kid)
    assert states(rotate_ring(ring.path)) == ["retired", "destroyed", "active"]


def test_a_changed_provider(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated = rotate_ring(ring.path)
    monkeypatch.setenv("NEW_KEY", "ab" * 32)
    changed = change_provider(ring.path, "env:NEW_KEY")
    (ring.path.parent / "ring.key").unlink()
    again = Ring.open(ring.path)
    assert again.provider == "env:NEW_KEY"
    assert again.generation == changed.generation == 3
    for epoch in rotated.epochs:
        assert again.epoch(epoch.kid).kcv == rotated.epoch(epoch.kid).kcv
    assert again.tenant_key.subkey(b"a") == ring.tenant_key.subkey(b"a")
    assert b'"file:' not in backup_of(ring.path).read_bytes(), "the old provider opens nothing"
    with pytest.raises(ProviderError):
        change_provider(ring.path, "env:NOT_SET_ANYWHERE")
    assert Ring.open(ring.path).generation == 3


@pytest.mark.parametrize("damage", ["missing", "torn", "altered", "empty"])
def test_a_damaged_ring_is_recovered_from_its_backup(ring: Ring, damage: str) -> None:
    first = ring.active.kid
    with pytest.raises(RingError, match="is whole"):
        recover_ring(ring.path)
    rotate_ring(ring.path)
    whole = ring.path.read_bytes()
    match damage:
        case "missing":
            ring.path.unlink()
        case "torn":
            ring.path.write_bytes(whole[:-20])
        case "altered":
            ring.path.write_bytes(whole.replace(b'"retired"', b'"actived"'))
        case "empty":
            ring.path.write_bytes(b"")
    recovered = recover_ring(ring.path)
    assert recovered.active.kid == first
    assert Ring.open(ring.path).generation == 1
    assert ring.path.stat().st_mode & 0o777 == 0o600


def test_a_ring_without_a_whole_backup_is_not_recovered(ring: Ring) -> None:
    ring.path.write_bytes(b"")
    with pytest.raises(RingError):
        recover_ring(ring.path)
    rotated = init_ring(ring.path.with_name("other.json"), "acme", "file:ring.key")
    rotate_ring(rotated.path)
    backup_of(rotated.path).write_bytes(b"{}")
    rotated.path.unlink()
    with pytest.raises(RingError):
        recover_ring(rotated.path)
    assert not rotated.path.exists()


CHANGES = {
    "rotate": lambda path: rotate_ring(path),
    "destroy": lambda path: destroy_epoch(path, "00000000"),
    "provider": lambda path: change_provider(path, "file:ring.key"),
    "recover": lambda path: recover_ring(path),
}


@pytest.mark.parametrize("name", CHANGES)
def test_of_two_changes_at_once_one_is_told(ring: Ring, name: str) -> None:
    content = ring.path.read_bytes()
    with exclusive(ring.path), pytest.raises(RingError, match="another process is changing"):
        CHANGES[name](ring.path)
    assert ring.path.read_bytes() == content


def test_a_change_that_fails_changes_nothing(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: the old ring stays, whole, and no temporary file is left."""
    content = ring.path.read_bytes()
    real = os.fsync

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeysError, match="can't write"):
        rotate_ring(ring.path)
    monkeypatch.setattr(os, "fsync", real)
    assert ring.path.read_bytes() == content
    assert Ring.open(ring.path).generation == 1
    left = {path.name for path in ring.path.parent.iterdir()}
    assert left <= {"ring.json", "ring.key", "ring.json.lock", "ring.json.bak"}
