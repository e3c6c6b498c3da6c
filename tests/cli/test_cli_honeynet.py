"""`zt honeynet keys|honeypots|forget|list`."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.commands import run
from support.in_process import call, fine

from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.web.formats import FORMATS
from zt.honeynet.sighting import Kind, Sighting, SightingBatch


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "book.db"


@contextmanager
def opened(db: Path) -> Iterator[Book]:
    with Book.open(db) as book:
        yield book


def report(db: Path, *addresses: str, name: str = "fra1") -> None:
    with opened(db) as book:
        honeypot = book.honeypot_named(name)
        assert honeypot is not None
        now = time.time_ns() // 1000
        sightings = tuple(Sighting(a, Kind.SCAN, True, now, now, 1) for a in addresses)
        book.take(honeypot, SightingBatch(f"batch-{now}", sightings), now)


def test_a_key_is_shown_once_and_only_its_hash_is_kept(db: Path) -> None:
    made = fine("zt", "honeynet", "keys", "add", "acme", "--db", db)
    secret = made.out.decode().strip()
    assert len(secret) >= 43  # 256 bits
    assert "this once" in made.err
    listed = fine("zt", "honeynet", "keys", "list", "--db", db).out.decode()
    assert "acme" in listed
    assert "11/2m" in listed
    assert secret not in listed
    for path in db.parent.iterdir():
        assert secret.encode() not in path.read_bytes()
    with opened(db) as book:
        assert book.find_key(secret) is not None
    assert stat.S_IMODE(db.stat().st_mode) == 0o600


def test_a_revoked_key_is_worth_nothing_and_stays_listed(db: Path) -> None:
    secret = fine("zt", "honeynet", "keys", "add", "acme", "--db", db).out.decode().strip()
    fine("zt", "honeynet", "keys", "revoke", "acme", "--db", db)
    (key,) = json.loads(fine("zt", "honeynet", "keys", "list", "--json", "--db", db).out)
    assert key["name"] == "acme"
    assert key["revoked"]
    with opened(db) as book:
        assert book.find_key(secret) is None
    again = call("zt", "honeynet", "keys", "revoke", "acme", "--db", db)
    assert again.code == 1
    fine("zt", "honeynet", "keys", "add", "acme", "--db", db)


def test_json_has_the_secret_too(db: Path) -> None:
    key = json.loads(fine("zt", "honeynet", "keys", "add", "a", "--json", "--db", db).out)
    honeypot = json.loads(
        fine("zt", "honeynet", "honeypots", "add", "h", "--region", "r", "--json", "--db", db).out
    )
    with opened(db) as book:
        assert book.find_key(key["key"]) is not None
        assert book.find_honeypot(honeypot["token"]) is not None


@pytest.mark.parametrize("rate", ["11", "0/2m", "x/2m", "11/2", "11/2y", "-1/2m"])
def test_what_is_no_rate_makes_no_key(db: Path, rate: str) -> None:
    result = call("zt", "honeynet", "keys", "add", "a", "--rate", rate, "--db", db)
    assert result.code == 1
    assert "11/2m" in result.err
    assert json.loads(fine("zt", "honeynet", "keys", "list", "--json", "--db", db).out) == []


def test_two_valid_keys_never_have_one_name(db: Path) -> None:
    fine("zt", "honeynet", "keys", "add", "a", "--db", db)
    assert call("zt", "honeynet", "keys", "add", "a", "--db", db).code == 1


def test_honeypots_are_listed_with_region_and_owner(db: Path) -> None:
    for name, owner in (("fra1", []), ("sin1", ["--owner", "acme"])):
        fine("zt", "honeynet", "honeypots", "add", name, "--region", name[:3], *owner, "--db", db)
    report(db, "45.0.0.1")
    found = json.loads(fine("zt", "honeynet", "honeypots", "list", "--json", "--db", db).out)
    assert [(h["name"], h["region"], h["owner"]) for h in found] == [
        ("fra1", "fra", "fra1"),
        ("sin1", "sin", "acme"),
    ]
    assert found[0]["seen"]
    assert found[1]["seen"] is None
    table = fine("zt", "honeynet", "honeypots", "list", "--db", db).out.decode()
    assert "sin1" in table


def test_what_a_stolen_token_brought_can_be_removed(db: Path) -> None:
    for name in ("fra1", "sin1"):
        fine("zt", "honeynet", "honeypots", "add", name, "--region", "r", "--db", db)
    report(db, "45.0.0.1", "45.0.0.2")
    report(db, "45.0.0.2", name="sin1")
    done = fine("zt", "honeynet", "honeypots", "revoke", "fra1", "--disown", "--db", db)
    assert "removed 1 addresses" in done.err
    assert fine("zt", "honeynet", "list", "--db", db).out == b"45.0.0.2\n"


def test_a_revoked_honeypots_addresses_stay_where_nothing_else_is_said(db: Path) -> None:
    fine("zt", "honeynet", "honeypots", "add", "fra1", "--region", "r", "--db", db)
    report(db, "45.0.0.1")
    fine("zt", "honeynet", "honeypots", "revoke", "fra1", "--db", db)
    assert fine("zt", "honeynet", "list", "--db", db).out == b"45.0.0.1\n"


def test_a_forgotten_address_is_gone_and_kept_off(db: Path) -> None:
    fine("zt", "honeynet", "honeypots", "add", "fra1", "--region", "r", "--db", db)
    report(db, "45.0.0.1", "2a00:1::1")
    fine("zt", "honeynet", "forget", "45.0.0.1", "--db", db)
    fine("zt", "honeynet", "forget", "2A00:1:0::1", "--db", db)
    report(db, "45.0.0.1")
    assert fine("zt", "honeynet", "list", "--db", db).out == b""
    assert fine("zt", "honeynet", "list", "--ipv6", "--db", db).out == b""
    again = call("zt", "honeynet", "forget", "45.0.0.1", "--db", db)
    assert again.code == 1
    assert "not on the list" in again.err
    wrong = call("zt", "honeynet", "forget", "45.0.0.400", "--db", db)
    assert wrong.code == 1
    assert "no address" in wrong.err


def test_addresses_are_printed_in_each_format(db: Path) -> None:
    fine("zt", "honeynet", "honeypots", "add", "fra1", "--region", "r", "--db", db)
    report(db, "45.0.0.1", "2a00:1::1")
    for name in FORMATS:
        four = fine("zt", "honeynet", "list", "--format", name, "--db", db).out.decode()
        six = fine("zt", "honeynet", "list", "--format", name, "--ipv6", "--db", db).out.decode()
        assert "45.0.0.1" in four
        assert "2a00:1::1" in six
    assert call("zt", "honeynet", "list", "--format", "exe", "--db", db).code == 2


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"no book at all, but something else\n" * 100)
    result = call("zt", "honeynet", "keys", "list", "--db", other)
    assert result.code == 1
    assert "no book" in result.err
    assert other.read_bytes() == b"no book at all, but something else\n" * 100


def test_without_the_packages_that_it_needs_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(name='uvicorn')")
    result = run(
        "zt", "honeynet", "serve", "--db", tmp_path / "b", env={"PYTHONPATH": str(tmp_path)}
    )
    assert result.code == 1
    assert "pip install 'zt-analytics[honeynet]'" in result.err
