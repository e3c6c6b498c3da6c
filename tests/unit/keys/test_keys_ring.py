"""A ring file opens as it was written, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keys import (
    KeyCheckError,
    KeysError,
    ProviderError,
    Ring,
    RingError,
    UnknownEpochError,
    backup_of,
    destroy_epoch,
    recover_ring,
    rotate_ring,
)
from keys.content import Epoch, parse_ring
from keys.derive import EpochKeys
from keys.files import write_private
from keys.material import Secret
from keys.providers import open_provider
from keys.ring import wrap, write_ring  # the custodian's own tools, to forge with


def raw(ring: Ring) -> bytes:
    return ring.path.read_bytes()


def refused(path: Path, data: bytes, error: type[KeysError] = KeysError) -> KeysError:
    """The error of opening a ring whose file has this content."""
    path.write_bytes(data)
    with pytest.raises(error) as caught:
        Ring.open(path)
    assert caught.value.hint
    return caught.value


def test_a_ring_opens_again_with_the_same_keys(ring: Ring) -> None:
    again = Ring.open(ring.path)
    assert again.tenant == "acme"
    assert again.generation == 1
    assert again.active.kid == ring.active.kid
    assert again.active.kcv == ring.active.kcv
    keyspaces = [opened.active.keyspace("x").subkey(b"det", 64) for opened in (ring, again)]
    assert keyspaces[0] == keyspaces[1]
    assert again.tenant_key.subkey(b"a") == ring.tenant_key.subkey(b"a")


@pytest.mark.parametrize("mask", [0x01, 0x04, 0x20, 0x80, 0xFF])
def test_no_flipped_byte_is_overlooked(ring: Ring, mask: int) -> None:
    good = raw(ring)
    for place in range(len(good)):
        refused(ring.path, good[:place] + bytes([good[place] ^ mask]) + good[place + 1 :])
    ring.path.write_bytes(good)
    assert Ring.open(ring.path).active.kid == ring.active.kid


def test_no_missing_byte_is_overlooked(ring: Ring) -> None:
    good = raw(ring)
    for place in range(len(good)):
        refused(ring.path, good[:place], RingError)
        refused(ring.path, good[:place] + good[place + 1 :])


@pytest.mark.parametrize("added", [b" ", b"\n", b"\0", b"{}", b"\n\n"])
def test_no_added_byte_is_overlooked(ring: Ring, added: bytes) -> None:
    good = raw(ring)
    refused(ring.path, good + added, RingError)
    refused(ring.path, added + good, RingError)


def test_another_spelling_of_the_same_content_is_refused(ring: Ring) -> None:
    content = json.loads(raw(ring))
    refused(ring.path, json.dumps(content).encode(), RingError)
    refused(ring.path, json.dumps(content, indent=2).encode(), RingError)  # lacks the last newline
    reordered = dict(reversed(content.items()))
    refused(ring.path, json.dumps(reordered, indent=2).encode() + b"\n", RingError)


def edited(ring: Ring, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """The ring file after an edit, in the right spelling, with the old MAC."""
    content = json.loads(raw(ring))
    edit(content)
    return json.dumps(content, indent=2).encode() + b"\n"


@pytest.mark.parametrize(
    "edit",
    {
        "generation": lambda ring: ring.update(generation=2),
        "tenant": lambda ring: ring.update(tenant="acmf"),
        "state": lambda ring: ring["epochs"][0].update(state="retired"),
        "destroyed": lambda ring: ring["epochs"][0].update(state="destroyed", root=None),
        "created": lambda ring: ring["epochs"][0].update(created="2020-01-01T00:00:00Z"),
        "kid": lambda ring: ring["epochs"][0].update(kid="00000000"),
        "kcv": lambda ring: ring["epochs"][0].update(kcv="00" * 32),
        "no epochs": lambda ring: ring.update(epochs=[]),
        "twice the epoch": lambda ring: ring["epochs"].append(ring["epochs"][0]),
        "swapped keys": lambda ring: ring.update(id_key=ring["epochs"][0]["root"]),
        "no mac": lambda ring: ring.update(mac=""),
        "other mac": lambda ring: ring.update(mac="00" * 32),
    }.items(),
    ids=lambda item: item[0],
)
def test_edits_by_hand_break_the_mac(
    ring: Ring, edit: tuple[str, Callable[[dict[str, Any]], object]]
) -> None:
    error = refused(ring.path, edited(ring, edit[1]), RingError)
    assert "altered" in str(error)


@pytest.mark.parametrize(
    "edit",
    [
        lambda ring: ring.update(extra=1),
        lambda ring: ring.pop("mac") and ring.pop("tenant"),
        lambda ring: ring.update(generation="1"),
        lambda ring: ring.update(generation=1.0),
        lambda ring: ring["epochs"][0].update(state="Active"),
        lambda ring: ring["epochs"][0].update(note="x"),
        lambda ring: ring["epochs"][0].update(created="yesterday"),
    ],
)
def test_what_is_no_ring_is_damaged(ring: Ring, edit: Callable[[dict[str, Any]], object]) -> None:
    assert "damaged" in str(refused(ring.path, edited(ring, edit), RingError))


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_other_files_are_damaged_rings(ring: Ring, content: bytes) -> None:
    assert "damaged" in str(refused(ring.path, content, RingError))


def test_another_version_is_named(ring: Ring) -> None:
    error = refused(ring.path, edited(ring, lambda ring: ring.update({"zt-ring": 2})), RingError)
    assert "version 2" in str(error)
    assert "this program reads 1" in str(error)


def test_a_missing_ring_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RingError, match="there is no key ring at") as caught:
        Ring.open(tmp_path / "ring.json")
    assert "zt-keys init" in caught.value.hint


def test_a_folder_is_no_ring(tmp_path: Path) -> None:
    with pytest.raises(RingError):
        Ring.open(tmp_path)


def test_an_absurdly_large_ring_is_not_read(ring: Ring) -> None:
    with ring.path.open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(RingError, match="is no key ring"):
        Ring.open(ring.path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610, 0o601, 0o620, 0o644])
@pytest.mark.parametrize("which", ["ring.json", "ring.key"])
def test_files_open_to_others_are_refused(ring: Ring, which: str, mode: int) -> None:
    path = ring.path.with_name(which)
    path.chmod(mode)
    expected = RingError if which == "ring.json" else ProviderError
    with pytest.raises(expected, match=f"mode {mode:o}") as caught:
        Ring.open(ring.path)
    assert "chmod 600" in caught.value.hint


def test_a_ring_that_only_the_owner_reads_opens(ring: Ring) -> None:
    ring.path.chmod(0o400)
    ring.path.with_name("ring.key").chmod(0o400)
    assert Ring.open(ring.path).tenant == "acme"


def test_a_missing_key_file_is_named(ring: Ring) -> None:
    ring.path.with_name("ring.key").unlink()
    with pytest.raises(ProviderError, match=r"no key file at .*ring\.key"):
        Ring.open(ring.path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"00" * 31,
        b"00" * 33,
        b"0g" * 32,
        b"AB" * 32,
        b"ab" * 32 + b"\n\n",
        b" " + b"ab" * 32,
        b"ab" * 32 + b"\r\n",
        b"\x00" * 32,
        b"\xff" * 64,
        "٣".encode() * 64,
        b"correct horse battery staple",
    ],
)
def test_a_key_file_holds_exactly_one_key(ring: Ring, content: bytes) -> None:
    ring.path.with_name("ring.key").write_bytes(content)
    with pytest.raises(ProviderError, match="holds no key"):
        Ring.open(ring.path)


def test_another_wrapping_key_opens_nothing(ring: Ring) -> None:
    ring.path.with_name("ring.key").write_bytes(b"ab" * 32)
    with pytest.raises(RingError, match="another wrapping key"):
        Ring.open(ring.path)


def test_an_unknown_epoch_is_answered_with_the_known_ones(ring: Ring) -> None:
    with pytest.raises(UnknownEpochError, match="needs epoch 00000000") as caught:
        ring.epoch("00000000")
    assert ring.active.kid.hex() in str(caught.value)
    assert "00000000" not in ring
    assert ring.active.kid.hex() in ring


def test_a_key_check_value_of_another_key_is_noticed(ring: Ring, other_ring: Ring) -> None:
    kid = ring.active.kid.hex()
    assert ring.epoch(kid, ring.active.kcv) is ring.active
    for kcv in (other_ring.active.kcv, bytes(32), b"", ring.active.kcv[:-1]):
        with pytest.raises(KeyCheckError, match=f"epoch {kid}, but it is another key"):
            ring.epoch(kid, kcv)


def forged(ring: Ring, **changes: Any) -> bytes:
    """The file after somebody with the wrapping key changed it and computed the MAC anew."""
    wrapping_key = open_provider(ring.provider, ring.path.parent).wrapping_key()
    content = msgspec.structs.replace(parse_ring(ring.path, raw(ring)), **changes)
    write_ring(ring.path, content, wrapping_key, replace=True)
    return raw(ring)


def test_a_root_that_is_not_the_one_beside_it_is_refused(ring: Ring) -> None:
    wrapping_key = open_provider(ring.provider, ring.path.parent).wrapping_key()
    root = Secret(bytes(32))
    epoch = ring.epochs[0]
    wrapped = wrap(wrapping_key, ring.tenant, root, b"root")
    mislabelled = msgspec.structs.replace(epoch, root=wrapped)
    assert "damaged" in str(refused(ring.path, forged(ring, epochs=[mislabelled]), RingError))
    keys = EpochKeys(root)
    half = msgspec.structs.replace(mislabelled, kid=keys.kid.hex())
    assert "damaged" in str(refused(ring.path, forged(ring, epochs=[half]), RingError))
    whole = msgspec.structs.replace(half, kcv=keys.kcv.hex())
    ring.path.write_bytes(forged(ring, epochs=[whole]))
    assert Ring.open(ring.path).active.kid == keys.kid


def test_a_wrapped_key_serves_one_role_and_tenant_only(ring: Ring) -> None:
    epoch = ring.epochs[0]
    assert isinstance(epoch, Epoch)
    good = raw(ring)
    refused(ring.path, forged(ring, id_key=epoch.root), RingError)
    ring.path.write_bytes(good)
    error = refused(ring.path, forged(ring, tenant="other"), RingError)
    assert "does not open" in str(error)


def test_a_ring_without_an_active_epoch_decrypts_but_encrypts_nothing(ring: Ring) -> None:
    retired = msgspec.structs.replace(ring.epochs[0], state="retired")
    ring.path.write_bytes(forged(ring, epochs=[retired]))
    opened = Ring.open(ring.path)
    assert opened.epoch(ring.active.kid.hex()).kcv == ring.active.kcv
    with pytest.raises(RingError, match=r"no epoch .* is active"):
        _ = opened.active


def test_a_destroyed_epoch_is_gone_but_named(ring: Ring) -> None:
    destroyed = msgspec.structs.replace(ring.epochs[0], state="destroyed", root=None)
    ring.path.write_bytes(forged(ring, epochs=[destroyed]))
    opened = Ring.open(ring.path)
    with pytest.raises(UnknownEpochError, match=ring.active.kid.hex()):
        opened.epoch(ring.active.kid.hex())


# --- the MAC is right, and still no release wrote it -------------------------------------------

AT = datetime(2040, 1, 1, tzinfo=UTC)


def with_epoch(ring: Ring, place: int = -1, **changes: Any) -> Callable[[], bytes]:
    """The ring with one epoch changed and the MAC made anew."""

    def forge() -> bytes:
        epochs = list(ring.epochs)
        epochs[place] = msgspec.structs.replace(epochs[place], **changes)
        return forged(ring, epochs=epochs)

    return forge


UNSOUND: dict[str, Callable[[Ring], Callable[[], bytes]]] = {
    "two active": lambda ring: with_epoch(ring, 0, state="active"),
    "twice one epoch": lambda ring: lambda: forged(ring, epochs=[*ring.epochs, ring.epochs[0]]),
    "a destroyed twin": lambda ring: (
        lambda: forged(
            ring,
            epochs=[
                *ring.epochs,
                msgspec.structs.replace(ring.epochs[0], state="destroyed", root=None),
            ],
        )
    ),
    "pre-active without a time": lambda ring: with_epoch(ring, state="pre-active"),
    "a time without a zone": lambda ring: with_epoch(
        ring, state="pre-active", activates=AT.replace(tzinfo=None)
    ),
    "active with a time": lambda ring: with_epoch(ring, activates=AT),
    "retired with a time": lambda ring: with_epoch(ring, 0, activates=AT),
    "destroyed with a root": lambda ring: with_epoch(ring, 0, state="destroyed"),
    "active without a root": lambda ring: with_epoch(ring, root=None),
    "retired without a root": lambda ring: with_epoch(ring, 0, root=None),
    "pre-active without a root": lambda ring: with_epoch(
        ring, state="pre-active", activates=AT, root=None
    ),
    "generation 0": lambda ring: lambda: forged(ring, generation=0),
    "generation below 0": lambda ring: lambda: forged(ring, generation=-1),
    "generation that no header holds": lambda ring: lambda: forged(ring, generation=2**53),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_no_release_writes_is_damaged_though_its_mac_is_right(ring: Ring, name: str) -> None:
    rotated = rotate_ring(ring.path)
    error = refused(ring.path, UNSOUND[name](rotated)(), RingError)
    assert "is damaged" in str(error)
    for change in (rotate_ring, lambda path: destroy_epoch(path, rotated.epochs[0].kid)):
        with pytest.raises(RingError, match="is damaged"):
            change(ring.path)


def test_what_releases_write_opens(ring: Ring) -> None:
    """The counterpart: none of the states that a ring goes through is taken for damage."""
    first = ring.active.kid.hex()
    rotate_ring(ring.path)
    rotate_ring(ring.path, AT)
    destroy_epoch(ring.path, first)
    again = Ring.open(ring.path)
    assert [epoch.state for epoch in again.epochs] == ["destroyed", "active", "pre-active"]
    assert raw(again) == forged(again), "forging itself damages nothing"


def test_an_unsound_backup_is_not_put_back(ring: Ring) -> None:
    rotate_ring(ring.path)
    broken = with_epoch(ring, activates=AT)()
    write_private(backup_of(ring.path), broken, replace=True)
    ring.path.unlink()
    with pytest.raises(RingError, match="is damaged"):
        recover_ring(ring.path)
    assert not ring.path.exists()


def test_a_running_encoders_ring_does_not_become_an_unsound_one(ring: Ring) -> None:
    with_epoch(ring, activates=AT)()
    with pytest.raises(RingError, match="is damaged"):
        ring.refreshed()
