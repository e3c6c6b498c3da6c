"""Rings that do not fit: whatever asks is refused with exit code 1, and nothing is written.

Each test is one of the named cases; the table stands in `test_e2e_rotation_cases`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.history import History, contents, make_history, per_epoch
from support.in_process import call, fine

from analytics.jobs import run_jobs
from analytics.wire import format_time
from keys import EpochKeys, Ring, backup_of, init_ring
from zt.jobs import compile_job, load_pack
from zt.profile import Profile
from zt.query import Session

FIRST, SECOND = 100, 61
"""Events of each epoch."""

PASSPHRASE = "passphrase:t=1,m=65536,p=1,salt=AAAAAAAAAAAAAAAAAAAAAA"
"""The cheapest derivation that is not refused."""

LINE = b'{"type":"a","sip":{"from":"sip:alice@example.org"}}\n'

ASKING: dict[str, tuple[str, ...]] = {
    "decrypt": ("zt", "decrypt", "{wire}"),
    "decrypt with the store's headers": ("zt", "decrypt", "{wire}", "-s", "{store}"),
    "search": ("zt", "search", "type:auth-failed", "-s", "{store}"),
    "top": ("zt", "top", "client.ip", "-s", "{store}", "--json"),
    "findings": ("zt", "findings", "-s", "{store}", "--json"),
    "policy": ("zt", "policy", "run", "--dry-run", "--json", "--at", "{end}", "-s", "{store}"),
    "jobs": ("zt", "jobs", "push", "-s", "{store}"),
    "check": ("zt-keys", "check", "-s", "{store}"),
    "check of a wire file": ("zt-keys", "check", "{wire}"),
    "rewrap": ("zt-keys", "rewrap", "-s", "{store}"),
}
"""Every command that needs the keys of what is there already."""

OF_WIRE = ("decrypt", "decrypt with the store's headers", "check of a wire file")
"""Those that read a wire file."""

CHANGING: dict[str, tuple[str, ...]] = {
    "encrypt": ("zt", "encrypt", "{plain}"),
    "list": ("zt-keys", "list"),
    "rotate": ("zt-keys", "rotate"),
    "destroy": ("zt-keys", "destroy", "{kid}", "--force"),
}
"""Every command that needs a whole ring besides."""


@pytest.fixture(scope="module")
def attacked(
    tmp_path_factory: pytest.TempPathFactory, profile: Profile, demo_events: list[dict[str, Any]]
) -> History:
    """Two epochs with an attack in each, found. Tests copy it."""
    guesses = [event for event in demo_events if event["type"] == "auth-failed"]
    assert len(guesses) == FIRST + SECOND
    folder = tmp_path_factory.mktemp("attacked") / "house"
    return with_findings(make_history(folder, [guesses[:FIRST], guesses[FIRST:]], profile))


def with_findings(history: History) -> History:
    with history.open() as store:
        session = Session(history.ring, store)
        for job in load_pack("sip").jobs:
            store.put_job(compile_job(job, session))
        run_jobs(store)
        assert any(not finding.partial for finding in store.findings())
        end = max(epoch.last or 0 for epoch in store.epochs())
    (history.folder / "end").write_text(format_time(end))
    for kid, wire in history.wire.items():
        (history.folder / f"{kid}.zt").write_bytes(b"".join(wire))
    (history.folder / "plain.ndjson").write_bytes(LINE)
    return history


@pytest.fixture
def house(attacked: History, tmp_path: Path) -> History:
    return copied(attacked, tmp_path / "house")


def copied(history: History, folder: Path) -> History:
    shutil.copytree(history.folder, folder)
    return History(folder, history.wire)


def ask(
    house: History, command: tuple[str, ...], ring: Path | None = None, kid: str = ""
) -> tuple[int, bytes, str]:
    kid = kid or list(house.wire)[-1]
    places = {
        "{wire}": str(house.folder / f"{kid}.zt"),
        "{store}": house.store,
        "{end}": (house.folder / "end").read_text(),
        "{plain}": str(house.folder / "plain.ndjson"),
        "{kid}": next(iter(house.wire)),
    }
    words = [places.get(word, word) for word in command]
    confirmed = f"{places['{kid}']}\n".encode() if "--force" in words else b""
    result = call(*words, "-k", ring or house.path, stdin=confirmed)
    return result.code, result.out, result.err


def refused(
    house: History,
    commands: dict[str, tuple[str, ...]],
    says: Callable[[str], str],
    ring: Path | None = None,
    kid: str = "",
) -> None:
    """All these commands end with 1, say so in two lines, give nothing out and write nothing."""
    state = stored(house)
    for name, command in commands.items():
        code, out, said = ask(house, command, ring, kid)
        assert code == 1, f"{name}: {said}"
        assert out == b"", name
        assert re.search(says(name), said), f"{name}: {said}"
        assert "error: " in said, name
        assert "Traceback" not in said, name
    assert stored(house) == state


def stored(house: History) -> dict[str, Any]:
    """What is in a store, without any key."""
    with house.open() as store:
        return {
            "events": per_epoch(store),
            "epochs": list(store.epochs()),
            "findings": list(store.findings()),
            "jobs": store.jobs(),
        }


def everywhere(text: str) -> Callable[[str], str]:
    return lambda name: text


def but(commands: dict[str, tuple[str, ...]], *names: str) -> dict[str, tuple[str, ...]]:
    return {name: command for name, command in commands.items() if name not in names}


def test_the_right_ring_is_refused_nowhere(house: History) -> None:
    """So what refuses below refuses for the ring's sake."""
    for name, command in (ASKING | but(CHANGING, "destroy")).items():
        code, _, said = ask(house, command)
        assert code == 0, f"{name}: {said}"
    kid = next(iter(house.wire))  # its events have moved with rewrap
    fine("zt-keys", "destroy", kid, "-k", house.path, "-s", house.store)


# --- kid unknown -------------------------------------------------------------------------------


def test_kid_unknown_to_an_older_copy_of_the_ring(house: History) -> None:
    shutil.copy(backup_of(house.path), house.path)
    assert len(house.ring.epochs) == 1
    refused(house, ASKING, everywhere(f"epoch {list(house.wire)[-1]}|does not open everything"))


def test_kid_unknown_beside_a_known_one(house: History) -> None:
    """Of a file with both epochs the known one's events come out, the others are refused."""
    shutil.copy(backup_of(house.path), house.path)
    old, new = house.wire
    both = house.folder / "both.zt"
    both.write_bytes(b"".join([*house.wire[old], *house.wire[new]]))
    result = call("zt", "decrypt", both, "-k", house.path)
    assert result.code == 1
    assert len(result.out.splitlines()) == FIRST
    assert f"the data needs epoch {new}" in result.err


# --- twin kid ----------------------------------------------------------------------------------


@pytest.fixture
def twins(
    tmp_path: Path,
    profile: Profile,
    demo_events: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[History, Path]:
    """A house of one epoch, and another ring of the tenant whose epoch has the same kid.

    The rings are real but for one thing: the twin's root gives this kid, as one in 2^32 would.
    """
    guesses = [event for event in demo_events if event["type"] == "auth-failed"]
    house = with_findings(make_history(tmp_path / "house", [guesses], profile))
    kid = house.ring.active.kid
    only_kid = property(lambda keys: kid, lambda keys, own: None)
    monkeypatch.setattr(EpochKeys, "kid", only_kid, raising=False)
    twin = init_ring(tmp_path / "twin.json", "acme", "file:twin.key")
    assert twin.active.kid == house.ring.active.kid
    assert twin.active.kcv != house.ring.active.kcv
    return house, twin.path


def test_twin_kid_is_told_by_its_check_value(twins: tuple[History, Path]) -> None:
    house, ring = twins
    kid = house.ring.active.kid.hex()
    refused(house, ASKING, everywhere(f"has an epoch {kid}, but it is another key"), ring)
    for command in ASKING.values():
        assert ask(house, command)[0] == 0, "the house's own ring still does"


def test_twin_kid_is_not_ingested(twins: tuple[History, Path]) -> None:
    """What somebody encrypts with the twin never comes beside the events of the other key."""
    house, ring = twins
    state = stored(house)
    wire = house.folder / "twin.zt"
    fine("zt", "encrypt", house.folder / "plain.ndjson", "-o", wire, "-k", ring)
    result = call("zt-analytics", "ingest", "-s", house.store, wire)
    assert (result.code, result.out) == (1, b"")
    assert house.ring.active.kid.hex() in result.err
    assert stored(house) == state
    with house.open() as store:
        assert len(contents(Session(house.ring, store))) == FIRST + SECOND


# --- damaged rings -----------------------------------------------------------------------------


def test_wrong_passphrase(house: History, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = house.folder / "right", house.folder / "wrong"
    for path in (right, wrong):
        path.touch(0o600)
        path.write_text(f"the {path.name} passphrase\n")
    fine(
        "zt-keys",
        "passwd",
        "-k",
        house.path,
        "--provider",
        PASSPHRASE,
        "--new-passphrase-file",
        right,
    )
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(right))
    assert ask(house, ASKING["top"])[0] == 0
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(wrong))
    content = house.path.read_bytes()
    refused(house, ASKING | CHANGING, everywhere("its provider gives another wrapping key"))
    assert house.path.read_bytes() == content


def damaged(house: History, damage: Callable[[bytes], bytes], says: str) -> None:
    content = house.path.read_bytes()
    broken = damage(content)
    assert broken != content
    house.path.write_bytes(broken)
    refused(house, ASKING | CHANGING, everywhere(says))
    assert house.path.read_bytes() == broken, "it is not written over"


@pytest.mark.parametrize("epoch", [0, 1])
def test_damaged_root(house: History, epoch: int) -> None:
    """One hexadecimal digit, of the active epoch's root or of a retired one's."""
    root = json.loads(house.path.read_bytes())["epochs"][epoch]["root"]
    other = root[:20] + ("1" if root[20] == "0" else "0") + root[21:]
    damaged(house, lambda ring: ring.replace(root.encode(), other.encode()), "was altered")


@pytest.mark.parametrize("left", [0, 1, 200, -2, -1])
def test_truncated_ring(house: History, left: int) -> None:
    damaged(house, lambda ring: ring[:left], "is damaged")


def test_state_flipped(house: History) -> None:
    """To have it encrypt under the retired epoch again."""

    def flipped(ring: bytes) -> bytes:
        words = {b"active": b"retired", b"retired": b"active"}
        return re.sub(rb'(?<="state": ")\w+', lambda found: words[found[0]], ring)

    damaged(house, flipped, "was altered")


# --- other rings -------------------------------------------------------------------------------


def test_rollback_to_an_older_generation(house: History) -> None:
    """It has all the epochs, so that only the generation tells: a change may have been undone."""
    older = {name: (house.folder / name).read_bytes() for name in ("ring.json", "ring.key")}
    fine("zt-keys", "passwd", "-k", house.path, "--provider", "file:other.key")
    wire = house.folder / "newest.zt"
    fine("zt", "encrypt", house.folder / "plain.ndjson", "-o", wire, "-k", house.path)
    fine("zt-analytics", "ingest", "-s", house.store, wire)
    assert ask(house, ASKING["check"])[0] == 0
    for name, content in older.items():
        (house.folder / name).write_bytes(content)
    says = "is an old copy: it has generation 2, the store has seen 3"
    refused(house, but(ASKING, *OF_WIRE), everywhere(says))


def test_ring_of_another_tenant(house: History) -> None:
    stranger = init_ring(house.folder / "stranger.json", "stranger", "file:stranger.key").path
    old, new = house.wire

    def says(name: str) -> str:
        if name == "decrypt":
            return f"the data needs epoch ({old}|{new}), which the key ring .* does not hold"
        return "does not open everything" if "check" in name else "tenant 'acme', .* 'stranger'"

    refused(house, ASKING, says, stranger)


def test_ring_of_another_tenant_brings_nothing_in(house: History) -> None:
    init_ring(house.folder / "stranger.json", "stranger", "file:stranger.key")
    state, wire = stored(house), house.folder / "stranger.zt"
    plain = house.folder / "plain.ndjson"
    fine("zt", "encrypt", plain, "-o", wire, "-k", house.folder / "stranger.json")
    result = call("zt-analytics", "ingest", "-s", house.store, wire)
    assert (result.code, result.out) == (1, b"")
    assert "tenant `stranger`" in result.err
    assert stored(house) == state


def test_destroyed_epochs_data_is_refused(house: History) -> None:
    """By force, with events in the store: they are told as lost, and the others come."""
    old, new = house.wire
    destroy = ("zt-keys", "destroy", old, "-k", house.path, "-s", house.store, "--force")
    assert f"{FIRST} events will be lost" in fine(*destroy, stdin=f"{old}\n".encode()).err
    of_wire = {name: ASKING[name] for name in OF_WIRE}
    refused(house, of_wire, everywhere(f"epoch {old} of the key ring .* was destroyed"), kid=old)
    for name in ("search", "top", "findings", "policy"):
        code, out, said = ask(house, ASKING[name])
        assert code == 1, name
        assert out, name
        assert f"refused {FIRST} times: an event whose epoch was destroyed" in said, name
    with house.open() as store:
        found = list(Session(house.ring, store).search())
    assert (len(found), {item.plan.kid for item in found}) == (SECOND, {new})
    opened = call("zt", "decrypt", house.folder / f"{new}.zt", "-k", house.path)
    assert (opened.code, len(opened.out.splitlines())) == (0, SECOND)
    assert "destroyed" in fine("zt-keys", "list", "-k", house.path).out.decode()


def test_destroyed_after_rewrap_nothing_is_lost(house: History) -> None:
    old, _ = house.wire
    with house.open() as store:
        before = contents(Session(house.ring, store))
    fine("zt-keys", "rewrap", "-k", house.path, "-s", house.store)
    fine("zt-keys", "destroy", old, "-k", house.path, "-s", house.store)
    with house.open() as store:
        assert contents(Session(Ring.open(house.path), store)) == before
    result = call("zt", "decrypt", house.folder / f"{old}.zt", "-k", house.path)
    assert (result.code, result.out) == (1, b"")
    assert f"epoch {old} of the key ring" in result.err
    assert "was destroyed" in result.err
