"""Profiles on the command line: shown, checked, and what encryption says of what did not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.commands import ok, run

PROFILE = """\
name: mine
time: at
derive:
  who.host: {from: who, part: host}
fields:
  at: {scheme: coarsen, kind: time, step: 1h}
  who: {scheme: uri}
  who.host: {scheme: det}
  phone: {scheme: fpe, keep: country, search: [prefix]}
  ip: {scheme: ip, search: [net]}
  client.ip: {scheme: unsafe-clear}
aliases:
  caller: [who, phone]
"""
EVENTS = [
    {"at": "2026-01-02T03:04:05Z", "who": "SIP:bob@Example.org:5060", "phone": "+4930123456"},
    {"at": "2026-01-02T03:59:59Z", "who": "sip:bob@example.org", "phone": "+4930999999"},
    {"at": "2026-01-02T04:00:00Z", "who": "secret-name", "phone": "112", "ip": "192.0.2.1"},
    {"at": "soon", "ip": "gateway", "client": {"ip": "192.0.2.9"}},
]
ENCRYPT = ("zt", "encrypt", "-k", "ring.json", "-p", "mine.yaml", "events.ndjson")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring, a profile, events, their wire file and a store."""
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "mine.yaml").write_text(PROFILE)
    (folder / "events.ndjson").write_text("".join(json.dumps(e) + "\n" for e in EVENTS))
    ok("zt-keys", "init", "-k", "ring.json", "--tenant", "acme", cwd=folder)
    ok(*ENCRYPT, "-o", "events.zt", cwd=folder)
    ok("zt-analytics", "ingest", "-s", "duckdb:cloud.duckdb", "events.zt", cwd=folder)
    return folder


def test_encryption_says_what_did_not_fit_and_what_is_in_clear(folder: Path) -> None:
    result = ok(*ENCRYPT, cwd=folder)
    assert "4 values did not fit the scheme of their field and were encrypted by det" in result.err
    for count in ("at 1", "who 1", "phone 1", "ip 1"):
        assert count in result.err
    assert "the cloud sees these in clear (unsafe-clear): client.ip" in result.err
    assert "secret-name" not in result.err + result.out.decode()
    assert "gateway" not in result.err + result.out.decode()


def test_events_come_back_as_they_were(folder: Path) -> None:
    out = ok("zt", "decrypt", "-k", "ring.json", "events.zt", cwd=folder).out.decode()
    assert [json.loads(line) for line in out.splitlines()] == EVENTS


def ask(folder: Path, *words: str) -> list[str]:
    out = ok("zt", *words, "-k", "ring.json", "-s", "duckdb:cloud.duckdb", cwd=folder).out.decode()
    return out.splitlines()


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("who:sip:bob@example.org", 2),
        ('who:"SIPS:bob@example.org"', 0),
        ("who.host:example.org", 2),
        ("who:secret-name", 1),
        ("phone:+4930*", 2),
        ("phone:112", 1),
        ("ip:192.0.2.0/24", 1),
        ('at:"2026-01-02T03:30:00Z"', 2),
        ("at:soon", 1),
    ],
)
def test_questions(folder: Path, question: str, found: int) -> None:
    assert len(ask(folder, "search", question)) == found


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--since", "2026-01-02T04:00"), 1),
        (("--since", "2026-01-02T05:00", "--time-zone", "Europe/Berlin"), 1),
        (("--until", "2026-01-02", "--time-zone", "UTC"), 0),
        (("--until", "2026-01-02", "--time-zone", "America/Los_Angeles"), 3),
        (("--since", "1h"), 0),
    ],
)
def test_times_are_those_of_a_zone(folder: Path, options: tuple[str, ...], found: int) -> None:
    assert len(ask(folder, "search", "*", *options)) == found


def test_the_time_zone_comes_from_the_environment_too(folder: Path) -> None:
    command = ("zt", "search", "*", "-k", "ring.json", "-s", "duckdb:cloud.duckdb")
    said = run(*command, cwd=folder, env={"ZT_TIME_ZONE": "Mars/Base"})
    assert said.code == 1
    assert "there is no time zone 'Mars/Base'" in said.err


def test_groups(folder: Path) -> None:
    (line,) = ask(folder, "top", "who", "--json")
    assert json.loads(line) == [
        {"value": "sip:bob@example.org", "count": 2},
        {"value": "secret-name", "count": 1},
    ]
    (line,) = ask(folder, "top", "phone", "--json")
    assert {row["value"] for row in json.loads(line)} == {"+4930123456", "+4930999999", "112"}


def test_a_profile_is_shown(folder: Path) -> None:
    result = ok("zt", "profile", "show", "mine.yaml", cwd=folder)
    out = result.out.decode()
    for text in ("coarsen (step 1h)", "fpe (keep country)", "host of who", "everything else"):
        assert text in out
    assert "a question for caller asks for any of who, phone" in result.err
    shown = json.loads(ok("zt", "profile", "show", "mine.yaml", "--json", cwd=folder).out)
    assert shown["derive"] == {"who.host": {"from": "who", "part": "host"}}
    (folder / "again.yaml").write_text(json.dumps(shown))  # JSON is YAML
    again = ok("zt", "profile", "show", "again.yaml", "--json", cwd=folder).out.decode()
    assert json.loads(again) == shown


def test_a_profile_is_checked(folder: Path) -> None:
    said = ok("zt", "profile", "check", "mine.yaml", cwd=folder).err
    assert "the profile mine is fine: 6 fields" in said
    assert "unsafe-clear" in said
    (folder / "wrong.yaml").write_text(PROFILE.replace("unsafe-clear", "clear"))
    result = run("zt", "profile", "check", "wrong.yaml", cwd=folder)
    assert result.code == 1
    assert "wrong.yaml, line 11: fields.client.ip: the preset " in result.err
    assert "write scheme: unsafe-clear" in result.err


def test_values_do_not_steer_the_terminal(folder: Path, tmp_path: Path) -> None:
    event = {"who": "\x1b[2J\x9b31m\u202eevil", "[red]x[/red]": 1}
    (tmp_path / "events.ndjson").write_text(json.dumps(event) + "\n")
    ring, profile = folder / "ring.json", folder / "mine.yaml"
    wire, store = tmp_path / "e.zt", f"duckdb:{tmp_path}/c.duckdb"
    ok("zt", "encrypt", "-k", ring, "-p", profile, tmp_path / "events.ndjson", "-o", wire)
    ok("zt-analytics", "ingest", "-s", store, wire)
    out = ok("zt", "top", "who", "-k", ring, "-s", store).out.decode()
    assert "evil" in out
    assert not {"\x1b", "\x9b", "\u202e"} & set(out)
