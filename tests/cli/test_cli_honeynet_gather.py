"""`zt honeynet gather`: from the cloud's findings into a collector's book, here or by HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result
from support.honeynet_cloud import NOW, Cloud, attack, make_cloud
from support.honeynet_process import add_honeypot, add_key, running_collector
from support.in_process import call, fine
from support.list_server import Answer, Asked, list_server

from zt.honeynet.collector.book.book import Book

ONE, TWO = "45.0.0.1", "45.0.0.2"
PATIENCE = 60  # seconds for what takes one


def just_now(address: str, kind: str) -> dict[str, Any]:
    return attack(address, kind, (NOW - time.time_ns() // 1000) / 1_000_000 + 5)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    make_cloud(tmp_path, [just_now(ONE, "auth-failed")])
    return Cloud(tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "book.db"
    fine("zt", "honeynet", "honeypots", "add", "cloud", "--region", "cloud", "--db", path)
    return path


def words(cloud: Cloud) -> tuple[str | Path, ...]:
    history = cloud.history
    return ("-k", history.path, "-s", history.store, "--state", cloud.state)


def gather(cloud: Cloud, *more: str | Path) -> Result:
    return call("zt", "honeynet", "gather", *words(cloud), *more)


def listed(db: Path) -> list[str]:
    return fine("zt", "honeynet", "list", "--db", db).out.decode().split()


def test_findings_stand_in_the_book_and_are_told_once(cloud: Cloud, db: Path) -> None:
    first, second = gather(cloud, "--db", db), gather(cloud, "--db", db)
    assert (first.code, first.err) == (0, "told the collector 1 sightings\n")
    assert (second.code, second.err) == (0, "told the collector 0 sightings\n")
    assert listed(db) == [ONE]


def test_what_can_not_be_told_is_an_error_and_told_later(cloud: Cloud, db: Path) -> None:
    unknown = gather(cloud, "--db", db, "--as", "nobody")
    assert unknown.code == 1
    assert "nobody called nobody may report" in unknown.err
    assert "zt honeynet honeypots add nobody" in unknown.err
    assert listed(db) == []
    fine("zt", "honeynet", "honeypots", "revoke", "cloud", "--db", db)
    assert gather(cloud, "--db", db).code == 1
    fine("zt", "honeynet", "honeypots", "add", "cloud", "--region", "cloud", "--db", db)
    assert gather(cloud, "--db", db).code == 0
    assert listed(db) == [ONE]


def test_a_collector_elsewhere_is_told_by_http(cloud: Cloud, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    answers = [Answer(503), Answer(401), Answer(200, b'{"taken":1}')]

    def answer(asked: Asked) -> Answer:
        assert (asked.method, asked.path) == ("POST", "/honeynet/v1/sightings")
        assert asked.headers["authorization"] == "Bearer s3cret"
        return answers.pop(0)

    with list_server(answer) as server:
        place = ("--report", f"http://127.0.0.1:{server.port}", "--token-file", token)
        results = [gather(cloud, *place) for _ in range(4)]
    assert [result.code for result in results] == [1, 1, 0, 0]
    assert "the collector answered 503" in results[0].err
    assert "does not know this honeypot's token" in results[1].err
    assert len(server.asked) == 3
    (sighting,) = json.loads(server.asked[2].body)["sightings"]
    assert (sighting["address"], sighting["kind"], sighting["proven"]) == (ONE, "guess", True)


def test_a_real_collector_shares_what_was_gathered(cloud: Cloud, db: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(add_honeypot(db, "elsewhere"))
    token.chmod(0o600)
    key = add_key(db)
    with running_collector(db) as running:
        place = ("--report", f"http://127.0.0.1:{running.port}", "--token-file", token)
        assert gather(cloud, *place).code == 0
        assert running.ask("/lists/ipv4.txt", secret=key) == (200, f"{ONE}\n".encode())


def test_a_token_does_not_travel_in_the_clear(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    result = gather(cloud, "--report", "http://192.0.2.1", "--token-file", tmp_path / "token")
    assert (result.code, "url has no TLS" in result.err) == (1, True)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--db", "book.db", "--report", "https://127.0.0.1"),
        ("--db", "book.db", "--every", "1s"),
        ("--db", "book.db", "--follow", "--every", "soon"),
    ],
)
def test_options_that_do_not_go_together(cloud: Cloud, options: tuple[str, ...]) -> None:
    assert gather(cloud, *options).code == 2


def test_it_follows_until_it_is_stopped(cloud: Cloud, db: Path) -> None:
    command = [sys.executable, "-m", "zt", "honeynet", "gather", *map(str, words(cloud))]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ZT_")}
    with (
        Book.open(db) as book,
        subprocess.Popen(
            [*command, "--db", str(db), "--follow"], stderr=subprocess.PIPE, env=clean
        ) as process,
    ):
        try:
            _until(lambda: book.check(ONE) is not None, process)
            _add(cloud, just_now(TWO, "call-attempt"))
            _until(lambda: book.check(TWO) is not None, process)
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert said.decode() == "told the collector 2 sightings\n"
    assert gather(cloud, "--db", db).err == "told the collector 0 sightings\n"


def _add(cloud: Cloud, event: dict[str, Any]) -> None:
    """Events and a turn of the jobs, when the store is free."""
    from analytics.jobs import run_jobs
    from analytics.store import open_store
    from zt.encoder import Encoder
    from zt.profile import load_profile

    history = cloud.history
    encoder = Encoder(history.ring, load_profile("honeynet"), stream="later")
    wire = list(encoder.encrypt([json.dumps(event).encode() + b"\n"]))
    with open_store(history.store, wait=PATIENCE) as store:
        store.ingest(wire)
        run_jobs(store)


def _until(has_come: Any, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while not has_come():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
