"""Key rings on the command line: rotated, destroyed, given another provider, recovered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.commands import Result, ok, run
from support.documents import BLOCK, bash

ROOT = Path(__file__).parents[2]
EVENTS = [{"type": "a", "sip": {"from": f"sip:{n % 3}@example.org"}, "n": n} for n in range(12)]
STORE = "duckdb:cloud.duckdb"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ring that has rotated, and a store with events of both epochs."""
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in EVENTS))
    ok("zt-keys", "init", "-k", "ring.json", "--tenant", "acme", cwd=tmp_path)
    for stream in ("one", "two"):
        encrypt = ("zt", "encrypt", "-k", "ring.json", "--stream", stream, "events.ndjson")
        ok(*encrypt, "-o", f"{stream}.zt", cwd=tmp_path)
        ok("zt-analytics", "ingest", "-s", STORE, f"{stream}.zt", cwd=tmp_path)
        if stream == "one":
            ok("zt-keys", "rotate", "-k", "ring.json", cwd=tmp_path)
    return tmp_path


def epochs(folder: Path) -> list[dict[str, str]]:
    listed = json.loads(ok("zt-keys", "list", "-k", "ring.json", "--json", cwd=folder).out)
    found: list[dict[str, str]] = listed["epochs"]
    return found


def refused(result: Result, says: str) -> None:
    assert result.code == 1, result.err
    assert says in result.err
    assert "Traceback" not in result.err
    assert result.out == b""


def test_machines_read_what_was_made(tmp_path: Path) -> None:
    ring = ("-k", "ring.json", "--json")
    made = json.loads(ok("zt-keys", "init", *ring, "--tenant", "acme", cwd=tmp_path).out)
    rotated = json.loads(ok("zt-keys", "rotate", *ring, cwd=tmp_path).out)
    assert (made["state"], made["generation"]) == ("active", 1)
    assert (rotated["state"], rotated["generation"]) == ("active", 2)
    assert [epoch["kid"] for epoch in epochs(tmp_path)] == [made["kid"], rotated["kid"]]


def test_answers_unite_epochs(folder: Path) -> None:
    asked = ("-k", "ring.json", "-s", STORE)
    top = json.loads(ok("zt", "top", "sip.from", "--json", *asked, cwd=folder).out)
    expected = {f"sip:{n}@example.org": 8 for n in range(3)}
    assert {row["value"]: row["count"] for row in top} == expected
    found = ok("zt", "search", "sip.from:*1@example*", *asked, cwd=folder).out.splitlines()
    assert len(found) == 8
    both = folder / "both.zt"
    both.write_bytes((folder / "two.zt").read_bytes() + (folder / "one.zt").read_bytes())
    opened = ok("zt", "decrypt", "-k", "ring.json", both, cwd=folder).out.splitlines()
    assert [json.loads(line) for line in opened] == EVENTS * 2


def test_an_epoch_with_events_is_not_destroyed(folder: Path) -> None:
    old, new = (epoch["kid"] for epoch in epochs(folder))
    destroy = ("zt-keys", "destroy", old, "-k", "ring.json")
    refused(run(*destroy, "-s", STORE, cwd=folder), f"the store holds 12 events of epoch {old}")
    refused(run(*destroy, cwd=folder), "no store was given")
    refused(run(*destroy, "-s", STORE, "--force", cwd=folder, stdin=b"no\n"), "not the kid")
    refused(run("zt-keys", "destroy", new, "-k", "ring.json", "--force", cwd=folder,
                stdin=new.encode() + b"\n"), "is the active one")  # fmt: skip
    assert [epoch["state"] for epoch in epochs(folder)] == ["retired", "active"]


def test_a_forced_end_loses_what_it_says(folder: Path) -> None:
    old = epochs(folder)[0]["kid"]
    destroy = ("zt-keys", "destroy", old, "-k", "ring.json", "-s", STORE, "--force")
    said = ok(*destroy, cwd=folder, stdin=old.encode() + b"\n").err
    assert "12 events will be lost" in said
    assert [epoch["state"] for epoch in epochs(folder)] == ["destroyed", "active"]
    refused(run("zt", "decrypt", "-k", "ring.json", "one.zt", cwd=folder), "was destroyed")
    assert len(ok("zt", "decrypt", "-k", "ring.json", "two.zt", cwd=folder).out.splitlines()) == 12
    cut = folder / "cut.zt"
    cut.write_bytes(b"".join((folder / "two.zt").read_bytes().splitlines(keepends=True)[-12:]))
    decrypt = ("zt", "decrypt", "-k", "ring.json", "-s", STORE, "cut.zt")
    assert len(ok(*decrypt, cwd=folder).out.splitlines()) == 12
    found = run("zt", "search", "sip.from:*example*", "-k", "ring.json", "-s", STORE, cwd=folder)
    assert len(found.out.splitlines()) == 12, "the other epoch can be asked as before"
    assert found.code == 1
    assert "refused 12 times: an event whose epoch was destroyed" in found.err


def test_another_provider(folder: Path) -> None:
    for name, text in (("old", "an old passphrase\n"), ("new", "a new passphrase\n")):
        (folder / name).touch(0o600)
        (folder / name).write_text(text)
    passwd = ("zt-keys", "passwd", "-k", "ring.json")
    ok(*passwd, "--new-passphrase-file", "old", cwd=folder)
    (folder / "ring.json.key").unlink()
    listing = ("zt-keys", "list", "-k", "ring.json", "--json")
    env = {"ZT_PASSPHRASE_FILE": "old"}
    assert len(json.loads(ok(*listing, cwd=folder, env=env).out)["epochs"]) == 2
    ok(*passwd, "--passphrase-file", "old", "--new-passphrase-file", "new", cwd=folder)
    refused(run(*listing, cwd=folder, env=env), "gives another wrapping key")
    ok("zt", "decrypt", "-k", "ring.json", "one.zt", cwd=folder, env={"ZT_PASSPHRASE_FILE": "new"})
    for path in folder.iterdir():
        if path.name not in ("old", "new"):
            assert b"passphrase\n" not in path.read_bytes()


def test_a_torn_ring_is_recovered(folder: Path) -> None:
    ring = folder / "ring.json"
    ring.write_bytes(ring.read_bytes()[:100])
    refused(run("zt-keys", "list", "-k", "ring.json", cwd=folder), "is damaged")
    ok("zt-keys", "recover", "-k", "ring.json", cwd=folder)
    assert [epoch["state"] for epoch in epochs(folder)] == ["active"]
    older = run("zt", "top", "sip.from", "-k", "ring.json", "-s", STORE, cwd=folder)
    refused(older, "which the key ring ring.json does not hold")


def test_a_rotation_that_has_passed_is_refused(folder: Path) -> None:
    rotate = ("zt-keys", "rotate", "-k", "ring.json", "--at")
    refused(run(*rotate, "2020-01-01T00:00:00Z", cwd=folder), "has passed")
    refused(run(*rotate, "tomorrow", cwd=folder), "is no time")


def test_the_runbook_for_rotation_is_what_happens(desk: tuple[Path, dict[str, str]]) -> None:
    folder, env = desk
    (folder / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in EVENTS))
    before = (
        "zt-keys init -k ring.json --tenant acme\n"
        "zt encrypt -k ring.json events.ndjson -o first.zt\n"
        "zt-analytics ingest -s duckdb:cloud.duckdb first.zt\n"
    )
    page = (ROOT / "docs" / "operations.md").read_text()
    blocks = BLOCK.findall(page)
    assert len(blocks) == 7
    done = bash(before + "".join(blocks), folder, env)
    assert done.returncode == 0, done.stderr
    assert re.search(r"pre-active +\S+ +2030-01-01T00:00:00Z", done.stdout)
    assert done.stderr.count("12 events: opens") == 2
    assert "sip:1@example.org" in done.stdout
