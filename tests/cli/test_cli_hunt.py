"""`zt hunt`: what it prints, how it ends, and what it says of what it could not do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result
from support.history import History, make_history
from support.in_process import call, fine
from support.list_server import Answer, Asked, list_server

from zt.profile import Profile

PROFILE = Profile.model_validate(
    {
        "name": "hunted",
        "time": "time",
        "fields": {
            "time": {"scheme": "clear", "kind": "time"},
            "client.ip": {"scheme": "ip"},
            "type": {"scheme": "clear"},
        },
    }
)
EVENTS = [
    {"time": f"2026-11-24T0{n}:00:00Z", "client.ip": f"192.0.2.{n % 3}", "type": "x"}
    for n in range(7)
]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return make_history(
        tmp_path_factory.mktemp("hunt") / "house", [EVENTS[:4], EVENTS[4:]], PROFILE
    )


@pytest.fixture
def hunt(history: History) -> Any:
    def run(*words: str | Path, stdin: bytes = b"") -> Result:
        return call("zt", "hunt", *words, "-k", history.path, "-s", history.store, stdin=stdin)

    return run


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.txt"
    path.write_text("192.0.2.0\n192.0.2.2/31\n198.51.100.7\nexample.org\n")
    return path


def test_a_table_for_people(hunt: Any, bad: Path) -> None:
    result = hunt("--list", bad)
    assert result.code == 1
    rows = [line.split("  ") for line in result.out.decode().splitlines()]
    table = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    zero, two = "2026-11-24T00:00:00Z", "2026-11-24T02:00:00Z"
    assert table == [
        ["address", "first seen", "last seen", "events", "fields", "listed by"],
        ["192.0.2.0", zero, "2026-11-24T06:00:00Z", "3", "client.ip", "bad.txt"],
        ["192.0.2.2", two, "2026-11-24T05:00:00Z", "2", "client.ip", "bad.txt (192.0.2.2/31)"],
    ]
    assert "passed over 1 that are no address, the first at 4" in result.err
    assert "2 found: 3 entries against 6 values of client.ip" in result.err


def test_objects_and_tables_for_machines(hunt: Any, bad: Path) -> None:
    result = hunt("--list", bad, "--json", "--until", "2026-11-24T05:00:00Z")
    assert result.code == 1
    assert [json.loads(line) for line in result.out.splitlines()] == [
        {
            "address": "192.0.2.0",
            "first": "2026-11-24T00:00:00.000000Z",
            "last": "2026-11-24T03:00:00.000000Z",
            "count": 2,
            "fields": {"client.ip": 2},
            "listed": [{"list": "bad.txt", "entry": "192.0.2.0"}],
        },
        {
            "address": "192.0.2.2",
            "first": "2026-11-24T02:00:00.000000Z",
            "last": "2026-11-24T02:00:00.000000Z",
            "count": 1,
            "fields": {"client.ip": 1},
            "listed": [{"list": "bad.txt", "entry": "192.0.2.2/31"}],
        },
    ]
    text = hunt("--list", bad, "--csv").out.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["address"], row["count"], row["listed"]) for row in rows] == [
        ("192.0.2.0", "3", "bad.txt"),
        ("192.0.2.2", "2", "bad.txt (192.0.2.2/31)"),
    ]


def test_it_ends_with_0_only_if_none_was_seen_and_all_was_searched(hunt: Any) -> None:
    nobody = hunt("--list", "-", stdin=b"203.0.113.1\n")
    assert (nobody.code, "0 found: 1 entries" in nobody.err) == (0, True)
    hidden = hunt("--list", "-", "--field", "server.ip", stdin=b"203.0.113.1\n")
    assert hidden.code == 1
    assert "not searched: server.ip of profile hunted in epoch" in hidden.err


def test_a_list_of_nothing_is_an_error(hunt: Any, tmp_path: Path) -> None:
    for stdin in (b"", b"#\n", b"<html>"):
        result = hunt("--list", "-", stdin=stdin)
        assert (result.code, result.out) == (1, b"")
        assert "the list stdin holds no address" in result.err
    missing = hunt("--list", tmp_path / "missing")
    assert (missing.code, "no such file" in missing.err) == (1, True)
    assert hunt("--list", "-", "--list", "-").code == 2


def test_a_server_is_asked_with_the_key_of_a_private_file(hunt: Any, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("s3cret\n")
    key.chmod(0o600)

    def answer(asked: Asked) -> Answer:
        assert asked.headers["authorization"] == "Bearer s3cret"
        question = json.loads(asked.body)
        if question["set"] != "sip" or question["id"] != "100":
            return Answer(400, b'{"ipaddress":["no new bans"],"ID":"none"}')
        return Answer(200, b'{"ipaddress":["192.0.2.1"],"ID":"101"}')

    with list_server(answer) as server:
        place = f"apiban+http://127.0.0.1:{server.port}"
        result = hunt("--list", place, "--key-file", key)
        other = hunt("--list", place, "--list", "https://192.0.2.1/", "--key-file", key)
        key.chmod(0o644)
        open_key = hunt("--list", place, "--key-file", key)
    assert (result.code, b"192.0.2.1" in result.out) == (1, True)
    assert len(server.asked) == 3
    assert (other.code, "several servers" in other.err) == (2, True)
    assert (open_key.code, "open to other users" in open_key.err) == (1, True)
    assert "s3cret" not in result.err + other.err + open_key.err


def test_a_page_of_a_longer_list_is_called_one(hunt: Any) -> None:
    page = b'{"ipaddress":["203.0.113.1"],"ID":"1600000000"}'
    assert "one page of a longer list" in hunt("--list", "-", stdin=page).err


def test_an_empty_store_is_said(tmp_path: Path, history: History) -> None:
    fine("zt-keys", "init", "-k", tmp_path / "r", "--tenant", "acme", "--provider", "file:key")
    store = f"duckdb:{tmp_path / 'empty'}"
    fine("zt-analytics", "ingest", "-s", store, "-")
    result = call(
        "zt", "hunt", "--list", "-", "-k", tmp_path / "r", "-s", store, stdin=b"192.0.2.1"
    )
    assert (result.code, "holds no events yet" in result.err) == (1, True)
