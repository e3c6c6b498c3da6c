"""`zt profile explain|suggest` on the command line: figures and names, never values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.commands import ok, run

SECRETS = ("alice", "example.org", "192.0.2.", "s3cret", "4930123")
EVENTS = [
    {
        "time": f"2026-01-02T03:04:{n % 60:02}Z",
        "type": "alert" if n % 3 else "dns",
        "user": f"alice{n % 40}",
        "peer": {"ip": f"192.0.2.{n % 90}", "sip": f"sip:alice{n % 30}@example.org"},
        "note": f"login of alice{n} failed",
        "password": f"s3cret{n}",
        "seen": {f"alice{n}@example.org": {"count": 1}},
        "odd\x1b[2J\nname": n,
    }
    for n in range(120)
]
SHOWS = """\
name: careless
time: time
derive:
  where: {from: peer.ip, part: subnet}
fields:
  time: {scheme: clear, kind: time}
  type: {scheme: det}
  user: {scheme: fpe}
  peer.ip: {scheme: ip}
  note: {scheme: clear}
  where: {scheme: det}
  seen.*.*.count: {scheme: clear}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events, and a careless profile for them."""
    folder = tmp_path_factory.mktemp("survey")
    (folder / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in EVENTS))
    (folder / "careless.yaml").write_text(SHOWS)
    return folder


def holds_no_value(text: str) -> bool:
    """Whether nothing of the events' values stands in a text."""
    return not any(secret in text for secret in SECRETS)


def test_a_suggestion_loads_encrypts_and_is_no_alarm(folder: Path) -> None:
    said = ok("zt", "profile", "suggest", "events.ndjson", "-o", "mine.yaml", cwd=folder)
    assert said.out == b""
    text = (folder / "mine.yaml").read_text()
    assert holds_no_value(text + said.err)
    assert "\x1b" not in text
    ok("zt", "profile", "check", "mine.yaml", cwd=folder)
    ok("zt-keys", "init", "-k", "ring.json", "--tenant", "acme", cwd=folder)
    wire = ok("zt", "encrypt", "-k", "ring.json", "-p", "mine.yaml", "events.ndjson", cwd=folder)
    assert holds_no_value(wire.out.decode())
    back = ok("zt", "decrypt", "-k", "ring.json", cwd=folder, stdin=wire.out).out.splitlines()
    without = [{k: v for k, v in event.items() if k != "password"} for event in EVENTS]
    assert [json.loads(line) for line in back] == without
    told = ok("zt", "profile", "explain", "events.ndjson", "-p", "mine.yaml", cwd=folder)
    assert holds_no_value(told.out.decode() + told.err)
    assert "0 with identities in clear" in told.err


def test_a_suggestion_goes_to_stdout_and_from_stdin(folder: Path) -> None:
    events = (folder / "events.ndjson").read_bytes()
    said = ok("zt", "profile", "suggest", "-", "--name", "mine", stdin=events)
    assert said.out.startswith(b"# Suggested by `zt profile suggest`")
    assert b'\nname: "mine"\n' in said.out
    assert said.out == ok("zt", "profile", "suggest", "-", "--name", "mine", stdin=events).out


def test_explain_says_what_the_cloud_learns(folder: Path) -> None:
    told = run("zt", "profile", "explain", "events.ndjson", "-p", "careless.yaml", cwd=folder)
    assert told.code == 1  # identities in clear
    table = told.out.decode()
    assert holds_no_value(table + told.err)
    assert not {"\x1b", "\n\n"} & set(table)
    lines = {line.split()[0]: line for line in table.splitlines()}
    assert "IN CLEAR: 120 free texts" in lines["note"]
    assert "2 values only, so this hides nothing" in lines["type"]
    assert "opaque, or clear if it's no secret" in lines["type"]
    assert "120 of 120 values don't fit fpe" in lines["user"]
    assert "names of keys are values" in lines["seen.*"]
    assert "fpe user" in lines["user"]
    assert "hidden" in lines["password"]
    assert "where" in lines
    assert "with identities in clear" in told.err


def test_explain_for_machines(folder: Path) -> None:
    command = ("zt", "profile", "explain", "events.ndjson", "-p", "careless.yaml", "--json")
    told = run(*command, "--sample", "50", cwd=folder)
    assert told.code == 1
    said = json.loads(told.out)
    assert (said["profile"], said["events"], said["bad_lines"]) == ("careless", 50, 0)
    fields = {field["field"]: field for field in said["fields"]}
    assert fields["user"] == {
        "field": "user",
        "scheme": "fpe",
        "keyspace": "user",
        "search": [],
        "derived_from": None,
        "learns": "equality, length",
        "events": 50,
        "values": 50,
        "distinct": 40,
        "distinct_is_at_least": False,
        "top_share": 0.04,
        "unfit": 50,
        "level": "warning",
        "verdict": "50 of 50 values don't fit fpe and fall back to det: use det, or opaque",
    }
    assert fields["where"]["derived_from"] == "subnet of peer.ip"
    assert fields["where"]["distinct"] == 1
    assert fields["peer.sip"]["scheme"] == "opaque"
    assert fields["type"]["level"] == "warning"


@pytest.mark.parametrize("command", ["explain", "suggest"])
def test_bad_lines_are_counted_and_named(command: str, folder: Path) -> None:
    lines = [
        b'{"type": "a"}',
        b'{"type": "s3cret"',
        b"[1]",
        b"",
        b"\xff\xfe",
        b'{"zt": {"id": "alice"}}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"type": "b"}',
    ]
    told = run("zt", "profile", command, "-", stdin=b"\n".join(lines) + b"\n", cwd=folder)
    assert told.code == 1
    for number, reason in ((2, "not valid JSON"), (3, "no JSON object"), (7, "a key stands twice")):
        assert f"line {number}: {reason}" in told.err
    assert "lines that are no events: 6; they were left out" in told.err
    assert "Traceback" not in told.err
    assert holds_no_value(told.out.decode() + told.err)
    assert told.out  # of the two that are


@pytest.mark.parametrize("command", ["explain", "suggest"])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "the input is empty"),
        (b"\n\n", "the input is empty"),
        (b"no json\n", "none of 1 lines is an event; line 1: not valid JSON"),
    ],
)
def test_no_events_at_all(command: str, given: bytes, reason: str) -> None:
    told = run("zt", "profile", command, "-", stdin=given)
    assert (told.code, told.out) == (1, b"")
    assert reason in told.err


def test_wrong_use(folder: Path) -> None:
    for words in (("explain",), ("suggest",), ("suggest", "events.ndjson", "--sample", "0")):
        assert run("zt", "profile", *words, cwd=folder).code == 2
    told = run("zt", "profile", "suggest", "events.ndjson", "--name", "A: b", cwd=folder)
    assert told.code == 1
    assert "name" in told.err
    told = run("zt", "profile", "explain", "none.ndjson", cwd=folder)
    assert told.code == 1
    assert "none.ndjson: no such file" in told.err
    told = run("zt", "profile", "explain", "events.ndjson", "-p", "none", cwd=folder)
    assert told.code == 1
    assert "there is no profile none" in told.err
