"""A reader ring holds what it was granted, bound to its place, and nothing else."""

from __future__ import annotations

import copy
import pickle
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec
import pytest

from keys import (
    GrantError,
    KeysError,
    ProviderError,
    Ring,
    RingError,
    UnknownEpochError,
    change_provider,
    destroy_epoch,
    labels,
    make_reader_ring,
    recover_ring,
    rotate_ring,
)
from keys import files as files_module
from keys import ring as ring_module
from keys.content import ReaderEpoch, ReaderFile, parse_ring
from keys.files import write_private
from keys.providers import open_provider
from keys.ring import write_ring


def reader_of(ring: Ring, keyspaces: tuple[str, ...] = ("number",), **grants: bool) -> Ring:
    """A reader ring beside a ring."""
    path = ring.path.with_name("reader.json")
    return make_reader_ring(ring, path, "file:reader.key", keyspaces, **grants)


def content(reader: Ring) -> ReaderFile:
    parsed = parse_ring(reader.path, reader.path.read_bytes())
    assert isinstance(parsed, ReaderFile)
    return parsed


def forge(reader: Ring, /, **changes: Any) -> None:
    """Change the file as somebody could who has its wrapping key."""
    wrapping_key = open_provider(reader.provider, reader.path.parent).wrapping_key()
    changed = msgspec.structs.replace(content(reader), **changes)
    write_ring(reader.path, changed, wrapping_key, replace=True)


def test_it_has_the_keys_of_the_ring_in_what_it_was_granted(ring: Ring) -> None:
    rotated = rotate_ring(ring.path)
    made = reader_of(rotated, ("number", "a"))
    again = Ring.open(made.path)
    for reader in (made, again):
        assert (reader.tenant, reader.generation) == ("acme", 2)
        assert reader.is_reader
        assert reader.granted == ["a", "number", "zt:profile"]
        assert [(e.kid, e.state) for e in reader.epochs] == [
            (e.kid, e.state) for e in rotated.epochs
        ]
        for epoch in rotated.epochs:
            whole, some = rotated.epoch(epoch.kid), reader.epoch(epoch.kid)
            assert (some.kid, some.kcv) == (whole.kid, whole.kcv)
            for name in ("number", "a", labels.PROFILE_KEYSPACE):
                one, other = whole.keyspace(name), some.keyspace(name)
                assert one.subkey(labels.DET, 64) == other.subkey(labels.DET, 64)
        for purpose in (labels.PROFILE_ID, labels.JOB_VERSION):
            assert reader.tenant_key.subkey(purpose) == rotated.tenant_key.subkey(purpose)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert not rotated.is_reader
    assert rotated.granted is None


@pytest.mark.parametrize("seal", [False, True])
@pytest.mark.parametrize("event", [False, True])
def test_reserved_keyspaces_need_a_grant_of_their_own(ring: Ring, seal: bool, event: bool) -> None:
    reader = reader_of(ring, seal=seal, event=event)
    keys = reader.epoch(ring.epochs[0].kid)
    for name, granted in ((labels.SEAL_KEYSPACE, seal), (labels.EVENT_KEYSPACE, event)):
        assert reader.grants(name) == keys.grants(name) == granted
        if granted:
            assert keys.keyspace(name).check == ring.active.keyspace(name).check
            reader.require(name)
        else:
            with pytest.raises(GrantError, match="without --grant-"):
                keys.keyspace(name)
            with pytest.raises(GrantError, match="without --grant-"):
                reader.require(name)


def test_it_does_nothing_else(ring: Ring) -> None:
    reader = reader_of(ring)
    with pytest.raises(GrantError, match="does not open the keyspace address"):
        reader.epoch(ring.epochs[0].kid).keyspace("address")
    with pytest.raises(GrantError, match="can't encrypt"):
        _ = reader.active
    with pytest.raises(GrantError, match="makes no events"):
        reader.tenant_key.subkey(labels.EVENT_ID)
    changes: list[Callable[[], object]] = [
        lambda: rotate_ring(reader.path),
        lambda: destroy_epoch(reader.path, ring.epochs[0].kid),
        lambda: reader_of(reader),
    ]
    for change in changes:
        with pytest.raises(GrantError, match="is a reader ring"):
            change()
    with pytest.raises(UnknownEpochError):
        reader.epoch("00000000")


@pytest.mark.parametrize("name", ["zt:seal", "zt:event", "zt:profile", "zt:x"])
def test_no_reserved_keyspace_is_granted_by_its_name(ring: Ring, name: str) -> None:
    with pytest.raises(RingError, match="is reserved"):
        reader_of(ring, (name,))
    assert not ring.path.with_name("reader.json").exists()


@pytest.mark.parametrize("provider", ["file:ring.key", "file:../{folder}/ring.key", "file:copy"])
def test_its_wrapping_key_opens_no_full_ring(ring: Ring, provider: str) -> None:
    """Who is given it would otherwise open the ring, should he ever see that."""
    key = ring.path.with_name("ring.key")
    write_private(ring.path.with_name("copy"), key.read_bytes(), replace=True)
    path, uri = ring.path.with_name("reader.json"), provider.format(folder=ring.path.parent.name)
    with pytest.raises(ProviderError, match="gives the key that opens the full ring"):
        make_reader_ring(ring, path, uri, ["number"])
    assert not path.exists()


def test_it_overwrites_nothing(ring: Ring) -> None:
    reader_of(ring)
    with pytest.raises(RingError, match="is there already"):
        reader_of(ring)


def test_the_file_holds_no_root_and_no_key_but_wrapped(ring: Ring) -> None:
    reader = reader_of(ring, seal=True)
    data = reader.path.read_bytes()
    keys = ring.active
    secrets = [keys._root, ring.tenant_key._key]
    secrets += [keys.keyspace(n).secret for n in ("number", "zt:seal", "zt:profile", "zt:event")]
    for secret in secrets:
        raw = secret.secret_key_access()
        assert raw not in data
        assert raw.hex().encode() not in data


def test_no_flipped_and_no_missing_byte_is_overlooked(ring: Ring) -> None:
    reader = reader_of(ring)
    good = reader.path.read_bytes()
    assert reader.path.read_bytes() == good
    for place in range(len(good)):
        for bad in (
            good[:place] + bytes([good[place] ^ 0x01]) + good[place + 1 :],
            good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1 :],
            good[:place],
        ):
            reader.path.write_bytes(bad)
            with pytest.raises(KeysError):
                Ring.open(reader.path)
    reader.path.write_bytes(good)
    Ring.open(reader.path)


def test_keys_are_bound_to_keyspace_and_epoch(ring: Ring) -> None:
    """Who holds a reader ring and its wrapping key can't pass one key off as another."""
    reader = reader_of(rotate_ring(ring.path), ("a", "b"))
    good = reader.path.read_bytes()
    first, second = content(reader).epochs

    def with_keys(epoch: ReaderEpoch, **changes: Any) -> ReaderEpoch:
        return msgspec.structs.replace(epoch, keys=epoch.keys | changes)

    swaps = [
        [with_keys(first, a=first.keys["b"]), second],
        [with_keys(first, a=second.keys["a"]), second],
        [with_keys(first, c=first.keys["a"]), second],
        [msgspec.structs.replace(first, kid=second.kid), second],
    ]
    for epochs in swaps:
        reader.path.write_bytes(good)
        forge(reader, epochs=epochs)
        with pytest.raises(RingError, match=r"does not open|is damaged"):
            Ring.open(reader.path)
    reader.path.write_bytes(good)
    names = content(reader).names
    forge(reader, names=names | {"event-id": names["profile-id"]})
    with pytest.raises(RingError, match="does not open"):
        Ring.open(reader.path)


def test_a_key_that_is_not_the_one_beside_its_check_value_is_refused(ring: Ring) -> None:
    reader = reader_of(ring)
    [epoch] = content(reader).epochs
    held = msgspec.structs.replace(epoch.keys["number"], check="0" * 64)
    forge(reader, epochs=[msgspec.structs.replace(epoch, keys=epoch.keys | {"number": held})])
    with pytest.raises(RingError, match="is damaged"):
        Ring.open(reader.path)


def test_a_destroyed_epoch_is_not_handed_on(ring: Ring) -> None:
    kid = ring.epochs[0].kid
    rotate_ring(ring.path)
    reader = reader_of(destroy_epoch(ring.path, kid))
    assert content(reader).epochs[0].keys == {}
    assert reader.epochs[0].state == "destroyed"
    with pytest.raises(UnknownEpochError, match="was destroyed"):
        reader.epoch(kid)
    assert Ring.open(reader.path).granted == ["number", "zt:profile"]


def test_its_provider_changes_and_its_keys_stay(ring: Ring) -> None:
    reader = reader_of(ring)
    kid = ring.epochs[0].kid
    before = reader.epoch(kid).keyspace("number").check
    changed = change_provider(reader.path, "file:other.key")
    assert changed.provider == "file:other.key"
    assert changed.generation == reader.generation
    reader.path.with_name("reader.key").unlink()
    again = Ring.open(reader.path)
    assert again.epoch(kid).keyspace("number").check == before
    assert again.granted == reader.granted
    assert reader.refreshed().provider == "file:other.key"
    reader.path.write_bytes(b"torn")
    assert recover_ring(reader.path).epoch(kid).keyspace("number").check == before


def test_one_that_nobody_could_read_again_is_not_written(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"{number:0256}" for number in range(20))
    size = reader_of(ring, names).path.stat().st_size
    large = ring.path.with_name("large.json")
    for module in (ring_module, files_module):
        monkeypatch.setattr(module, "MAX_SIZE", size)
    Ring.open(ring.path.with_name("reader.json"))
    with pytest.raises(RingError, match=f"no ring of more than {size}"):
        make_reader_ring(ring, large, "file:large.key", [*names, "one more"])
    assert not large.exists()


def test_one_made_anew_takes_its_place(ring: Ring) -> None:
    """Whoever holds it open finds the new epochs, whatever its provider went through before."""
    reader = reader_of(ring)
    for _ in range(3):
        reader = change_provider(reader.path, "file:other.key")
    reader.path.rename(reader.path.with_name("old.json"))
    rotated = rotate_ring(ring.path)
    reader_of(rotated)
    assert [epoch.kid for epoch in reader.refreshed().epochs] == [e.kid for e in rotated.epochs]


def test_an_epoch_that_waits_takes_over_in_a_reader_ring_too(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate_ring(ring.path, datetime.now(UTC) + timedelta(hours=1))
    reader = reader_of(Ring.open(ring.path))
    assert [epoch.state for epoch in reader.epochs] == ["active", "pre-active"]

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Later:
            return cls.fromtimestamp(time.time() + 2 * 3600, tz)

    monkeypatch.setattr(ring_module, "datetime", Later)
    later = reader.refreshed()
    assert later is not reader
    for again in (later, Ring.open(reader.path)):
        assert [epoch.state for epoch in again.epochs] == ["retired", "active"]
        for epoch in again.epochs:
            assert again.epoch(epoch.kid).keyspace("number").kid.hex() == epoch.kid


def test_nothing_of_it_is_shown_or_pickled(ring: Ring) -> None:
    reader = reader_of(ring)
    keys = reader.epoch(ring.epochs[0].kid)
    raw = keys.keyspace("number").secret.secret_key_access()
    for thing in (reader, keys, keys.keyspace("number"), reader.tenant_key):
        assert raw.hex() not in repr(thing)
        with pytest.raises(TypeError, match="refuses to be pickled"):
            pickle.dumps(thing)
        with pytest.raises(TypeError, match="refuses to be pickled"):
            copy.deepcopy(thing)


def test_another_version_is_told_apart(ring: Ring) -> None:
    reader = reader_of(ring)
    forge(reader, reader=2)
    with pytest.raises(RingError, match="has version 2, this program reads 1"):
        Ring.open(reader.path)
