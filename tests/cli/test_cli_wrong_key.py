"""Every command that reads a ring, with every kind of wrong key: one message, and nothing else.

The commands run in this process, each as its own command line does: there are many.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from support.twins import twin_of
from typer.testing import CliRunner

from analytics.cli.root import app as analytics_app
from analytics.store import open_store
from analytics.wire import format_time, write_line
from keys import Ring, init_ring, rotate_ring
from zt.cli.keys import app as keys_app
from zt.cli.root import app as zt_app
from zt.encoder import Encoder
from zt.encoder.encrypt import Reject
from zt.encoder.rejects import seal_reject
from zt.profile import Profile

FIELDS = {
    "time": {"scheme": "clear", "kind": "time"},
    "from": {"scheme": "det", "search": ["gram"]},
    "phone": {"scheme": "fpe"},
    "address": {"scheme": "ip", "search": ["net"]},
}
PROFILE = Profile.model_validate({"name": "numbers", "time": "time", "fields": FIELDS})
EVENTS = [
    {
        "time": format_time((1_800_000_000 + n) * 1_000_000),
        "from": f"alice{n % 3}",
        "phone": f"49301234567{n % 2}",
        "address": f"192.0.2.{n % 4}",
        "n": n,
    }
    for n in range(150)
]
PACK = """
name: calls
jobs:
  - {id: many, kind: event_count, where: "*", group_by: [address], window: 5m, threshold: 2,
     severity: low}
"""
APPS = {"zt": zt_app, "zt-keys": keys_app, "zt-analytics": analytics_app}
LATER = datetime(2040, 1, 1, tzinfo=UTC)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: bytes
    err: str


class Case(NamedTuple):
    """A ring that is wrong for some data, and the data.

    Attributes:
        says: a part of the one message.
        exempt: commands that this ring may run, by their names in `COMMANDS`.
    """

    ring: Path
    folder: Path
    says: str
    exempt: tuple[str, ...] = ()

    @property
    def store(self) -> str:
        return f"duckdb:{self.folder / 'cloud.duckdb'}"


def run(name: str, *arguments: str | Path) -> Ended:
    done = CliRunner().invoke(APPS[name], list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Ended(done.exit_code, done.stdout_bytes, done.stderr)


def encrypt(ring: Ring, stream: str) -> list[bytes]:
    lines = (msgspec.json.encode(event) + b"\n" for event in EVENTS)
    return list(Encoder(ring, PROFILE, stream=stream).encrypt(lines))


def fill(folder: Path, ring: Ring, *wires: list[bytes]) -> Path:
    """A folder with a store of the wires, the last of them as a file, and a reject file."""
    folder.mkdir()
    with open_store(f"duckdb:{folder / 'cloud.duckdb'}", create=True) as store:
        for wire in wires:
            store.ingest(wire)
    (folder / "events.zt").write_bytes(b"".join(wires[-1]))
    record = seal_reject(Reject(1, "not valid JSON", b"alice's broken line"), ring.active)
    (folder / "rejects").write_bytes(write_line(record))
    (folder / "pack.yaml").write_text(PACK)
    (folder / "events.ndjson").write_text('{"type": "a"}\n')
    return folder


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """The wrong rings and, as `right`, the right one."""
    root = tmp_path_factory.mktemp("wrong")

    def copied(name: str, ring: Ring) -> Path:
        folder = root / name
        folder.mkdir()
        for file in (ring.path, ring.path.with_name("ring.key")):
            shutil.copy(file, folder)
        return folder / ring.path.name

    (root / "right").mkdir()
    ring = init_ring(root / "right" / "ring.json", "acme", "file:ring.key")
    lacking = copied("lacking", ring)
    first = encrypt(ring, "one")
    ring = rotate_ring(ring.path)
    older = copied("older", ring)
    ring = rotate_ring(ring.path, LATER)
    data = fill(root / "data", ring, first, encrypt(ring, "two"))
    right = Case(ring.path, data, "")

    for name, tenant in (("stranger", "stranger"), ("other", "acme"), ("twin", "acme")):
        (root / name).mkdir()
        if name != "twin":
            init_ring(root / name / "ring.json", tenant, "file:ring.key")
    twin = twin_of(ring, root / "twin" / "ring.json")
    of_twin = fill(root / "of twin", twin, encrypt(twin, "two"))
    unlocked = copied("another provider key", ring)
    unlocked.with_name("ring.key").write_bytes(b"ab" * 32)
    altered = copied("altered", ring)
    altered.write_bytes(altered.read_bytes().replace(b'"retired"', b'"deserve"'))
    edited = copied("edited", ring)
    edited.write_bytes(edited.read_bytes().replace(b'"generation": 3', b'"generation": 4'))
    writes = ("encrypt",)  # into a new stream, under any ring; stores judge it
    without_store = ("decrypt", "rejects", "check a file")
    return {
        "right": right,
        "another tenant's": Case(root / "stranger/ring.json", data, "stranger", writes),
        "another of the tenant": Case(root / "other/ring.json", data, "does not hold", writes),
        "an older one without the epoch": Case(lacking, data, "does not hold", writes),
        "an older one with every epoch": Case(
            older, data, "an old copy: it has generation 2", (*writes, *without_store)
        ),
        "a twin": Case(ring.path, of_twin, "it is another key", writes),
        "another provider key": Case(unlocked, data, "gives another wrapping key"),
        "an altered one": Case(altered, data, "is damaged"),
        "an edited one": Case(edited, data, "was altered"),
    }


Command = Callable[[Case, Path], tuple[str | Path, ...]]


def asking(*words: str) -> Command:
    """A command of `zt` or `zt-keys` with ring and store."""
    return lambda case, out: (*words, "-k", case.ring, "-s", case.store)


def with_pack(*words: str) -> Command:
    """The same with a pack of jobs."""
    return lambda case, out: (
        *asking(*words)(case, out), "--pack", case.folder / "pack.yaml",
    )  # fmt: skip


COMMANDS: dict[str, Command] = {
    "encrypt": lambda case, out: (
        "zt", "encrypt", "-k", case.ring, case.folder / "events.ndjson", "-o", out,
    ),
    "decrypt": lambda case, out: (
        "zt", "decrypt", "-k", case.ring, case.folder / "events.zt", "-o", out,
    ),
    "decrypt to stdout": lambda case, out: (
        "zt", "decrypt", "-k", case.ring, case.folder / "events.zt", "-s", case.store,
        "--rejects", out,
    ),
    "rejects": lambda case, out: ("zt", "rejects", "-k", case.ring, case.folder / "rejects"),
    "search": asking("zt", "search", "from:alice1"),
    "search for all": asking("zt", "search", "*", "--json"),
    "top": asking("zt", "top", "from"),
    "top of fpe": asking("zt", "top", "phone", "--json"),
    "top of ip": asking("zt", "top", "address"),
    "jobs push": lambda case, out: (
        "zt", "jobs", "push", case.folder / "pack.yaml", "-k", case.ring, "-s", case.store,
    ),
    "findings": with_pack("zt", "findings"),
    "findings in json": with_pack("zt", "findings", "--json"),
    "policy": with_pack("zt", "policy", "run", "--dry-run"),
    "policy in json": with_pack("zt", "policy", "run", "--dry-run", "--json"),
    "check a file": lambda case, out: (
        "zt-keys", "check", case.folder / "events.zt", "-k", case.ring,
    ),
    "check a store": asking("zt-keys", "check"),
    "rewrap": asking("zt-keys", "rewrap"),
    "dry rewrap": asking("zt-keys", "rewrap", "--dry-run", "--json"),
}  # fmt: skip
WRONG = [
    "another tenant's",
    "another of the tenant",
    "an older one without the epoch",
    "an older one with every epoch",
    "a twin",
    "another provider key",
    "an altered one",
    "an edited one",
]
DAMAGED = WRONG[-3:]


def told_once(ended: Ended) -> None:
    assert ended.code == 1, ended.err
    assert ended.out == b""
    assert ended.err.count("error:") == 1, ended.err
    assert "alice" not in ended.err


def held(case: Case) -> list[Any]:
    """What the store holds, and the files beside it and beside the ring."""
    with open_store(case.store) as store:
        state = [store.epochs(), store.header_lines(), store.jobs(), list(store.findings())]
    folders = (case.folder, case.ring.parent)
    files = {path for folder in folders for path in folder.iterdir() if path.suffix != ".lock"}
    return [*state, files, case.ring.read_bytes()]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_key_is_told_once_and_changes_nothing(
    cases: dict[str, Case], kind: str, command: str, tmp_path: Path
) -> None:
    case = cases[kind]
    if command in case.exempt:
        return
    before = held(case)
    ended = run(*map(str, COMMANDS[command](case, tmp_path / "out")))
    told_once(ended)
    if not command.startswith("check"):  # which says of each epoch, and then that there are some
        # a line of a reject file has no key check value: of a twin its ciphertext tells
        says = "does not open" if (kind, command) == ("a twin", "rejects") else case.says
        assert says in ended.err
        assert len(ended.err.splitlines()) == 2, "what happened, what to do next"
    assert list(tmp_path.iterdir()) == [], "no output, no reject file, nothing temporary"
    assert held(case) == before


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "rewrap"])
def test_the_right_key_is_taken(cases: dict[str, Case], command: str, tmp_path: Path) -> None:
    """The counterpart: it is the keys that the tests above are refused for."""
    ended = run(*map(str, COMMANDS[command](cases["right"], tmp_path / "out")))
    assert ended.code == 0, ended.err


def test_what_an_older_copy_may_do_without_a_store(cases: dict[str, Case], tmp_path: Path) -> None:
    """Late ingest, and files of epochs that it holds: only a store shows that it is old."""
    case = cases["an older one with every epoch"]
    for command in case.exempt:
        assert run(*map(str, COMMANDS[command](case, tmp_path / command))).code == 0


@pytest.mark.parametrize("kind", WRONG)
def test_no_epoch_is_destroyed_by_a_store_that_is_not_the_rings(
    cases: dict[str, Case], kind: str
) -> None:
    """Another tenant's store holds no event of the epoch, and would permit anything."""
    case = cases[kind]
    before = held(case)
    whole = cases["right"] if kind in DAMAGED else case
    kid = Ring.open(whole.ring).epochs[0].kid
    told_once(run("zt-keys", "destroy", kid, "-k", case.ring, "-s", case.store))
    assert held(case) == before


@pytest.mark.parametrize("command", ["list", "check", "rotate", "passwd", "destroy"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_ring_is_not_changed(cases: dict[str, Case], kind: str, command: str) -> None:
    case = cases[kind]
    before = held(case)
    kid = Ring.open(cases["right"].ring).epochs[0].kid
    more = {"passwd": ("--provider", "file:new.key"), "destroy": (kid, "--force")}
    told_once(run("zt-keys", command, *more.get(command, ()), "-k", case.ring))
    assert held(case) == before


def test_a_store_refuses_what_a_twin_encrypted(cases: dict[str, Case], tmp_path: Path) -> None:
    data = shutil.copytree(cases["right"].folder, tmp_path / "data")
    case = cases["right"]._replace(folder=data)
    before = held(case)[:4]
    wire = cases["a twin"].folder / "events.zt"
    reject = tmp_path / "reject"
    ended = run("zt-analytics", "ingest", "-s", case.store, wire, "--reject", reject)
    told_once(ended)
    assert "came with another key check value" in ended.err
    assert held(case)[:4] == before
    assert not reject.exists()


def test_a_store_refuses_what_another_tenant_encrypted(
    cases: dict[str, Case], tmp_path: Path
) -> None:
    data = shutil.copytree(cases["right"].folder, tmp_path / "data")
    case = cases["right"]._replace(folder=data)
    wire, lines = tmp_path / "wire", data / "events.ndjson"
    done = run("zt", "encrypt", "-k", cases["another tenant's"].ring, lines, "-o", wire)
    assert done.code == 0
    before = held(case)[:4]
    told_once(run("zt-analytics", "ingest", "-s", case.store, wire))
    assert held(case)[:4] == before


# --- decrypt, which goes line by line ----------------------------------------------------------


def test_a_run_in_which_most_fails_stops(cases: dict[str, Case], tmp_path: Path) -> None:
    """The right header, then events that its key did not seal: systemic, after a hundred."""
    right, twin = cases["right"], cases["a twin"]
    header = (right.folder / "events.zt").read_bytes().splitlines(keepends=True)[0]
    events = (twin.folder / "events.zt").read_bytes().splitlines(keepends=True)
    mixed = tmp_path / "mixed.zt"
    sealed = [line for line in events if b'"seal"' in line]
    mixed.write_bytes(b"".join([header, *sealed]))
    out = tmp_path / "out"
    ended = run("zt", "decrypt", "-k", right.ring, mixed, "-o", out)
    assert (ended.code, ended.out) == (1, b"")
    assert "error: 100 of 100 events failed, so the run was stopped" in ended.err
    assert len(ended.err.splitlines()) < 30
    assert not out.exists()
    assert len(out.with_name("out.rejects").read_bytes().splitlines()) == 100
    assert out.with_name("out.rejects").stat().st_mode & 0o077 == 0


def test_what_opens_beside_a_few_of_another_ring_comes_out(
    cases: dict[str, Case], tmp_path: Path
) -> None:
    """Foreign lines first: they are named as soon as something opens, and kept."""
    right = cases["right"]
    foreign = encrypt(Ring.open(cases["another of the tenant"].ring), "foreign")
    few = [line for line in foreign if b'"seal"' in line][:20]
    (tmp_path / "mixed.zt").write_bytes(b"".join(few) + (right.folder / "events.zt").read_bytes())
    out = tmp_path / "out"
    ended = run("zt", "decrypt", "-k", right.ring, tmp_path / "mixed.zt", "-o", out)
    assert ended.code == 1
    assert ended.err.startswith("line 1: the data needs epoch")
    assert "refused lines: 20" in ended.err
    assert len(out.read_bytes().splitlines()) == len(EVENTS)
    assert len(out.with_name("out.rejects").read_bytes().splitlines()) == 20
