"""Making rings: never over another one, never half, never readable by others."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keys import KeysError, ProviderError, Ring, RingError, init_ring, rotate_ring
from keys.files import exclusive, read_private, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_generated_files_belong_to_their_owner_alone(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        ring = init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    finally:
        os.umask(old)
    assert mode(ring.path) == 0o600
    assert mode(tmp_path / "ring.key") == 0o600
    left = {path.name for path in tmp_path.iterdir()} - {"ring.json", "ring.key"}
    assert left <= {"ring.json.lock"}, "no temporary file stays behind"


def test_init_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    path.write_bytes(b"precious")
    with pytest.raises(RingError, match="is there already"):
        init_ring(path, "acme", "file:ring.key")
    assert path.read_bytes() == b"precious"
    assert not (tmp_path / "ring.key").exists()


def test_init_uses_a_key_file_that_is_there(tmp_path: Path) -> None:
    one = init_ring(tmp_path / "one.json", "acme", "file:shared.key")
    content = (tmp_path / "shared.key").read_bytes()
    two = init_ring(tmp_path / "two.json", "acme", "file:shared.key")
    assert (tmp_path / "shared.key").read_bytes() == content
    assert one.active.kcv != two.active.kcv
    assert one.tenant_key.subkey(b"x") != two.tenant_key.subkey(b"x")


def test_init_refuses_a_bad_key_file_and_writes_no_ring(tmp_path: Path) -> None:
    key = tmp_path / "ring.key"
    key.write_bytes(b"no key")
    key.chmod(0o600)
    with pytest.raises(ProviderError):
        init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    assert key.read_bytes() == b"no key"
    assert not (tmp_path / "ring.json").exists()


def test_init_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RingError):
        init_ring(tmp_path / "missing" / "ring.json", "acme", "file:ring.key")


@pytest.mark.parametrize(
    "uri", ["", "file:", "envy", "ring.key", "FILE:ring.key", "vault:x", ":", "http://host/key"]
)
def test_unknown_providers_are_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ProviderError) as caught:
        init_ring(tmp_path / "ring.json", "acme", uri)
    assert "file:PATH" in caught.value.hint
    assert not (tmp_path / "ring.json").exists()


@pytest.mark.parametrize("tenant", ["a", "0", "acme", "a.b_c-d", "9" * 63])
def test_names_of_tenants(tmp_path: Path, tenant: str) -> None:
    assert init_ring(tmp_path / "ring.json", tenant, "file:ring.key").tenant == tenant


@pytest.mark.parametrize(
    "tenant",
    [
        "",
        " ",
        "A",
        "Acme",
        "-a",
        ".a",
        "_a",
        "a b",
        "a/b",
        "../a",
        "ä",
        "a\n",
        "a\0",
        "9" * 64,
        "٣",
    ],
)
def test_what_is_no_name_of_a_tenant(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(RingError, match="is no name for a tenant"):
        init_ring(tmp_path / "ring.json", tenant, "file:ring.key")
    assert list(tmp_path.iterdir()) == []


def test_a_relative_key_file_moves_with_its_ring(tmp_path: Path) -> None:
    init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    folder = tmp_path / "moved"
    folder.mkdir()
    for name in ("ring.json", "ring.key"):
        (tmp_path / name).rename(folder / name)
    assert Ring.open(folder / "ring.json").tenant == "acme"


def test_a_key_file_may_stand_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ring = init_ring(tmp_path / "a" / "ring.json", "acme", f"file:{tmp_path / 'b' / 'key'}")
    assert Ring.open(ring.path).active.kcv == ring.active.kcv
    assert not (tmp_path / "a" / "key").exists()


def test_of_many_inits_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    made: list[Ring] = []
    failed: list[KeysError] = []
    start = threading.Barrier(8)

    def attempt() -> None:
        start.wait()
        try:
            made.append(init_ring(path, "acme", "file:ring.key"))
        except KeysError as error:
            failed.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(failed) == 7
    assert Ring.open(path).active.kcv == made[0].active.kcv


_HOLD = """
import sys
from pathlib import Path
from keys.files import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_of_another_process_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RingError, match="another process is changing"):
            init_ring(path, "acme", "file:ring.key")
        assert not path.exists()
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()
    assert init_ring(path, "acme", "file:ring.key").tenant == "acme"


def test_a_lock_ends_with_its_block_even_by_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    with pytest.raises(ZeroDivisionError), exclusive(path):
        _ = 1 / 0
    with exclusive(path), pytest.raises(RingError), exclusive(path):
        pass


def test_writing_replaces_wholly_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"old", replace=False)
    with pytest.raises(RingError, match="is there already"):
        write_private(path, b"new", replace=False)
    assert read_private(path, "file") == b"old"
    write_private(path, b"new", replace=True)
    assert read_private(path, "file") == b"new"
    assert mode(path) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_private(path, b"old", replace=False)

    def no_space(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(RingError, match="No space left"):
        write_private(path, b"new", replace=True)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_rotated_ring_encrypts_with_a_new_epoch_and_opens_the_old(ring: Ring) -> None:
    before = ring.active
    rotated = rotate_ring(ring.path)
    assert rotated.generation == ring.generation + 1
    assert [epoch.state for epoch in rotated.epochs] == ["retired", "active"]
    assert rotated.active.kid != before.kid
    assert rotated.epoch(before.kid.hex()).kcv == before.kcv
    assert rotated.tenant_key.subkey(b"a") == ring.tenant_key.subkey(b"a")


def test_a_ring_that_is_being_changed_does_not_rotate(ring: Ring) -> None:
    content = ring.path.read_bytes()
    with exclusive(ring.path), pytest.raises(RingError, match="another process is changing"):
        rotate_ring(ring.path)
    assert ring.path.read_bytes() == content
