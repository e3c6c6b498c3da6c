"""Reader rings on the command line: what they open, and how everything else is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.commands import Result, ok, run
from support.house import DATA, House, build


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return build(tmp_path_factory.mktemp("house"), DATA / "demo.pcap")


@pytest.fixture(scope="module")
def address(house: House) -> Path:
    """A reader ring for addresses, without any other grant."""
    path = house.folder / "address.json"
    ok("zt-keys", "reader", "-k", house.ring, "--keyspaces", "address", "-o", path)
    return path


@pytest.fixture(scope="module")
def verifying(house: House) -> Path:
    """One for addresses and identities that verifies events."""
    path = house.folder / "verifying.json"
    grants = ("--keyspaces", "address,sip.identity", "--grant-seal")
    ok("zt-keys", "reader", "-k", house.ring, "-s", house.store, *grants, "-o", path)
    return path


def refused(result: Result, why: str) -> None:
    """One message, no output, exit code 1."""
    assert (result.code, result.out) == (1, b""), result.err
    assert result.err.count("error: ") == 1
    assert why in result.err
    assert "Traceback" not in result.err


def test_it_says_what_it_opens(house: House, tmp_path: Path) -> None:
    make = ("zt-keys", "reader", "-k", house.ring, "--keyspaces", " address, sip.identity")
    said = ok(*make, "-o", tmp_path / "a.json")
    assert said.out == b""
    assert "  address: client.ip, server.ip" in said.err
    assert "  sip.identity: sip.contact, sip.from, sip.pai1, sip.to, uri.original" in said.err
    assert "can't verify events" in said.err
    assert "opens what events hide" not in said.err
    said = ok(*make, "-o", tmp_path / "b.json", "--grant-seal", "--grant-event")
    assert "can therefore also make events that verify" in said.err
    assert "it opens what events hide" in said.err
    facts = json.loads(ok(*make, "-o", tmp_path / "c.json", "-s", house.store, "--json").out)
    assert facts["keyspaces"] == ["address", "sip.identity", "zt:profile"]
    assert facts["fields"]["address"] == ["client.ip", "server.ip"]
    listed = json.loads(ok("zt-keys", "list", "-k", tmp_path / "b.json", "--json").out)
    granted = ["address", "sip.identity", "zt:event", "zt:profile", "zt:seal"]
    assert listed["keyspaces"] == granted
    assert ", ".join(granted) in ok("zt-keys", "list", "-k", tmp_path / "b.json").err


ODD = """
name: odd
fields:
  a: {scheme: det, keyspace: "x,y"}
  b: {scheme: det, keyspace: " pad "}
  c: {scheme: det, keyspace: "address"}
  "d,é": {scheme: det}
"""


def test_keyspaces_of_any_name_and_of_all_stored_profiles(house: House, tmp_path: Path) -> None:
    store, odd, path = tmp_path / "cloud.duckdb", tmp_path / "odd.yaml", tmp_path / "reader.json"
    shutil.copy(house.database, store)
    odd.write_text(ODD)
    event = b'{"a":"A","b":"B","c":"C","d,\xc3\xa9":"D"}\n'
    ok("zt", "encrypt", "-k", house.ring, "-p", odd, "-o", tmp_path / "odd.zt", stdin=event)
    make = ("zt-keys", "reader", "-k", house.ring, "--json", "--grant-seal", "-o", path)
    names: tuple[str, ...] = ("--keyspaces", "address", "--keyspace", "x,y", "--keyspace", " pad ")
    names += ("--keyspace", "d,é")
    odd_fields = {" pad ": ["b"], "x,y": ["a"], "d,é": ["d,é"]}
    both = {"address": ["c", "client.ip", "server.ip"]} | odd_fields

    def fields(*more: str | Path) -> dict[str, list[str]]:
        path.unlink(missing_ok=True)
        made: dict[str, list[str]] = json.loads(ok(*make, *names, *more).out)["fields"]
        return made

    assert fields("-p", odd) == {"address": ["c"]} | odd_fields
    assert fields("-p", odd, "-s", f"duckdb:{store}") == both
    ok("zt-analytics", "ingest", "-s", f"duckdb:{store}", tmp_path / "odd.zt")
    assert fields("-s", f"duckdb:{store}") == both
    opened = ok("zt", "decrypt", "-k", path, tmp_path / "odd.zt").out
    assert json.loads(opened) == json.loads(event)
    other = tmp_path / "other.json"
    said = "it opens the fields that other profiles give these keyspaces, too"
    make = ("zt-keys", "reader", "-k", house.ring, "--keyspaces", "address", "-o", other)
    assert said in ok(*make).err
    other.unlink()
    assert said not in ok(*make, "-s", f"duckdb:{store}").err


def test_what_makes_no_sense_is_refused(house: House, address: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    make = ("zt-keys", "reader", "-k", house.ring, "-o", path, "--keyspaces")
    refused(run(*make, "client.ip"), "no field of the profile has the keyspace client.ip")
    refused(run(*make, "type"), "name one of: address, sip.call_id")
    refused(run(*make, "address,zt:seal"), "no field of the profile has the keyspace zt:seal")
    refused(run(*make, " , "), "no keyspace is named")
    refused(run(*make, "address", "-p", "no-such"), "no-such")
    assert not path.exists()
    again = ("zt-keys", "reader", "-k", address, "-o", path, "--keyspaces", "address")
    refused(run(*again), "is a reader ring itself")
    refused(run(*make[:4], "-o", address, "--keyspaces", "address"), "is there already")


def test_what_it_opens_is_what_the_full_ring_opens(
    house: House, address: Path, verifying: Path
) -> None:
    for ring in (address, verifying):
        for command in (
            ("zt", "top", "client.ip", "--json"),
            ("zt", "top", "type", "--where", "client.ip:203.0.113.0/24", "--json"),
            ("zt", "findings", "--json"),
            ("zt-keys", "check"),
        ):
            whole = ok(*command, "-k", house.ring, "-s", house.store)
            some = ok(*command, "-k", ring, "-s", house.store)
            assert some.out == whole.out


def test_events_with_only_what_it_opens(house: House, verifying: Path, tmp_path: Path) -> None:
    search = ("zt", "search", "client.ip:203.0.113.58", "-k", verifying, "-s", house.store)
    said = ok(*search)
    events = [json.loads(line) for line in said.out.splitlines()]
    assert events
    assert {event["client"]["ip"] for event in events} == {"203.0.113.58"}
    assert all(event["client"].keys() == {"ip"} for event in events)
    assert "left out, since the reader ring does not open them: sip.auth.username" in said.err
    assert "all hidden fields" in said.err
    plain = tmp_path / "plain.ndjson"
    said = ok("zt", "decrypt", house.wire, "-k", verifying, "-o", plain)
    assert f"decrypted {len(house.events)} events, refused 0 lines" in said.err
    decrypted = [json.loads(line) for line in plain.read_text().splitlines()]
    assert [e["@timestamp"] for e in decrypted] == [e["@timestamp"] for e in house.events]
    assert not any("user_agent" in event for event in decrypted)


def test_all_else_is_refused(house: House, address: Path, verifying: Path, tmp_path: Path) -> None:
    store, out = ("-s", house.store), tmp_path / "out"
    events = house.folder / "events.ndjson"
    no_seal = "can't verify events"
    for ring, command, why in (
        (address, ("zt", "search", "type:call", *store), no_seal),
        (address, ("zt", "decrypt", house.wire, "-o", out), no_seal),
        (address, ("zt", "policy", "run", "--dry-run", *store), no_seal),
        (verifying, ("zt", "policy", "run", "--dry-run", *store), "opens no hidden fields"),
        (address, ("zt", "top", "sip.from", *store), "keyspace sip.identity"),
        (verifying, ("zt", "search", "user_agent.original:*scan*", *store), "keyspace user-agent"),
        (verifying, ("zt", "encrypt", events, "-o", out), "can't encrypt"),
        (verifying, ("zt", "jobs", "push", *store), "pushes no jobs"),
        (verifying, ("zt-keys", "rewrap", *store), "can't encrypt"),
        (verifying, ("zt-keys", "rewrap", "--dry-run", *store), "can't encrypt"),
        (verifying, ("zt-keys", "rotate"), "is a reader ring"),
    ):
        refused(run(*command, "-k", ring), why)
        assert not out.exists()
    kid = json.loads(ok("zt-keys", "list", "-k", address, "--json").out)["epochs"][0]["kid"]
    for more in (("--force",), store, ()):
        destroy = run("zt-keys", "destroy", kid, "-k", address, *more)
        refused(destroy, "is a reader ring")
        assert destroy.err.startswith("error: ")  # nobody was asked to type the kid


def test_findings_of_other_groups_are_refused(house: House, tmp_path: Path) -> None:
    ring = tmp_path / "agents.json"
    ok("zt-keys", "reader", "-k", house.ring, "--keyspaces", "user-agent", "-o", ring)
    result = run("zt", "findings", "--json", "-k", ring, "-s", house.store)
    assert (result.code, result.out) == (1, b"")
    assert "the reader ring does not open the keyspace address" in result.err


def test_after_a_rotation_it_is_made_anew(house: House, tmp_path: Path) -> None:
    """Rather than count without the later epoch's events."""
    folder = tmp_path / "house"
    shutil.copytree(house.folder, folder)
    ring, store, old = folder / "ring.json", f"duckdb:{folder}/cloud.duckdb", folder / "old.json"
    ok("zt-keys", "reader", "-k", ring, "--keyspaces", "address", "-o", old)
    ok("zt-keys", "rotate", "-k", ring)
    ok("zt", "top", "client.ip", "-k", old, "-s", store)
    ok("zt", "encrypt", "-k", ring, "--stream", "b", folder / "events.ndjson", "-o", folder / "b")
    ok("zt-analytics", "ingest", "-s", store, folder / "b")
    refused(run("zt", "top", "client.ip", "-k", old, "-s", store), "does not hold")
    new = folder / "new.json"
    ok("zt-keys", "reader", "-k", ring, "--keyspaces", "address", "-o", new)
    whole, some = (
        ok("zt", "top", "client.ip", "--json", "-k", k, "-s", store).out for k in (ring, new)
    )
    assert some == whole


def test_with_a_passphrase_of_its_own(house: House, tmp_path: Path) -> None:
    ring, secret = tmp_path / "reader.json", tmp_path / "passphrase"
    secret.write_text("a reader's own, long passphrase\n")
    secret.chmod(0o600)
    ok(
        *("zt-keys", "reader", "-k", house.ring, "--keyspaces", "address", "-o", ring),
        *("--new-passphrase-file", secret),
    )
    top = ("zt", "top", "client.ip", "--json", "-k", ring, "-s", house.store)
    opened = ok(*top, env={"ZT_PASSPHRASE_FILE": str(secret)})
    assert opened.out == ok(*top[:4], "-k", house.ring, "-s", house.store).out
    assert not list(tmp_path.glob("*.key"))
    secret.write_text("another, just as long passphrase\n")
    refused(run(*top, env={"ZT_PASSPHRASE_FILE": str(secret)}), "another wrapping key")


def test_what_opens_the_full_ring_is_not_handed_on(house: House, tmp_path: Path) -> None:
    secret, ring, path = tmp_path / "passphrase", tmp_path / "ring.json", tmp_path / "reader.json"
    secret.write_text("the ring's own, long passphrase\n")
    secret.chmod(0o600)
    own = ("--provider", "passphrase:", "--passphrase-file", secret)
    ok("zt-keys", "init", "-k", ring, "--tenant", "acme", *own)
    make = ("zt-keys", "reader", "--keyspaces", "address", "-o", path)
    refused(run(*make, "-k", ring, *own), "would have the passphrase of the full ring")
    key = f"file:{house.ring}.key"
    refused(run(*make, "-k", house.ring, "--provider", key), "the key that opens the full ring")
    assert not path.exists()
