"""`zt-keys rewrap` as users run it: killed at any moment, stopped, estimated, run again."""

from __future__ import annotations

import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.commands import ok, run
from support.history import History, answers, contents, make_history, per_epoch

from analytics.jobs import run_jobs
from analytics.wire import MICROSECONDS, format_time, parse_time
from zt.jobs import compile_job, load_pack
from zt.profile import Profile
from zt.query import Session

QUESTIONS = [
    "sip.from:*hv3k*",
    "client.ip:203.0.113.0/24",
    "type:auth-failed AND user_agent.original:*scan*",
]

REWRAP = """
import sys
import analytics.store.duckdb.runs as runs
import zt.rewrap.rewrap as rewrap
rewrap.BATCH, runs.TAIL = 60, 500
from zt.cli.keys import main
print("go", flush=True)
sys.argv = ["zt-keys", "rewrap", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def origin(
    tmp_path_factory: pytest.TempPathFactory,
    profile: Profile,
    demo_events: list[dict[str, Any]],
) -> History:
    """The same attacks on three days, each under an epoch of its own, and all that jobs find.

    Tests copy it.
    """
    shares = [
        [{**event, "@timestamp": shifted(event["@timestamp"], day)} for event in demo_events]
        for day in range(3)
    ]
    history = make_history(tmp_path_factory.mktemp("rewrap") / "origin", shares, profile)
    with history.open() as store:
        session = Session(history.ring, store)
        for job in load_pack("sip").jobs:
            store.put_job(compile_job(job, session))
        run_jobs(store)
    return history


def shifted(time: str, days: int) -> str:
    return format_time(parse_time(time) + days * 86_400 * MICROSECONDS)


@pytest.fixture
def history(origin: History, tmp_path: Path) -> History:
    return copied(origin, tmp_path / "house")


def copied(origin: History, folder: Path) -> History:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(origin.folder, folder)
    return History(folder, origin.wire)


def look(history: History) -> dict[str, Any]:
    """All that a session can tell, whatever epoch it comes from."""
    with history.open() as store:
        session = Session(history.ring, store)
        return {
            "contents": contents(session),
            "answers": answers(session, QUESTIONS),
            "findings": sorted(
                (item.sequence, item.job, item.start, item.end, item.metric, item.events)
                for item in store.findings()
            ),
        }


def start(history: History, **more: Any) -> subprocess.Popen[bytes]:
    """A rewrap in small batches that has begun."""
    command = [sys.executable, "-c", REWRAP, "-k", str(history.path), "-s", history.store, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **more)
    assert process.stdout is not None
    assert process.stdout.readline() == b"go\n"
    return process


def finish(history: History) -> dict[str, Any]:
    with start(history) as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(out)
    return report


@pytest.mark.parametrize(
    "kills", [5, pytest.param(50, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_killed_at_any_moment_it_goes_on(origin: History, tmp_path: Path, kills: int) -> None:
    before = look(origin)
    events = len(before["contents"])
    assert before["findings"]
    whole_run = time.monotonic()
    history = copied(origin, tmp_path / "whole")
    report = finish(history)
    whole_run = time.monotonic() - whole_run
    assert (report["events"], report["left"]) == (2 * events // 3, {})
    assert look(history) == before

    chance = random.Random(kills)
    killed = halfway = 0
    for attempt in range(kills * 4):
        if attempt % 4 == 0:  # a fresh store now and then, or all the work were soon done
            history = copied(origin, tmp_path / "killed")
        with start(history) as process:
            time.sleep(chance.uniform(0, whole_run / 2))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        assert look(history) == before
        with history.open() as store:
            halfway += len(store.epochs()) > 1 and per_epoch(store) != per_epoch_of(origin)
        if attempt % 4 == 3 or killed >= kills:
            finish(history)
            assert look(history) == before
            with history.open() as store:
                assert [epoch.kid for epoch in store.epochs()] == [report["epoch"]]
                assert len(list(store.epoch_events(report["epoch"]))) == events
        if killed >= kills:
            break
    assert killed >= kills
    assert halfway


def per_epoch_of(history: History) -> dict[str, int]:
    with history.open() as store:
        return per_epoch(store)


def test_a_dry_run_tells_and_writes_nothing(history: History) -> None:
    before = (history.folder / "cloud.duckdb").read_bytes()
    command = ("zt-keys", "rewrap", "--dry-run", "-k", history.path, "-s", history.store)
    said = ok(*command)
    assert said.out == b""
    old = list(history.wire)[:2]
    assert all(f"epoch {kid}, profile" in said.err for kid in old)
    old_events = sum(per_epoch_of_wire(history)[kid] for kid in old)
    assert f"would encrypt {old_events} events again under epoch" in said.err
    assert "nothing was written" in said.err
    facts = json.loads(ok(*command, "--json").out)
    assert (facts["events"], facts["failed"]) == (old_events, {})
    assert [stock["kid"] for stock in facts["stock"]] == old
    assert facts["seconds"] > 0
    with history.open() as store:
        assert per_epoch(store) == per_epoch_of_wire(history)
    assert len(before) == len((history.folder / "cloud.duckdb").read_bytes())


def per_epoch_of_wire(history: History) -> dict[str, int]:
    return {
        kid: sum(b'"zt":{"id"' in line for line in lines) for kid, lines in history.wire.items()
    }


def test_it_says_what_it_did_and_what_to_do_next(history: History) -> None:
    command = ("zt-keys", "rewrap", "-k", history.path, "-s", history.store)
    first, second, active = history.wire
    history.rotate()  # so that the jobs have no part for what encrypts
    new = history.ring.active.kid.hex()
    said = ok(*command)
    assert said.out == b""
    total = sum(per_epoch_of_wire(history).values())
    assert f"encrypted {total} events and" in said.err
    assert f"findings again under epoch {new}" in said.err
    for kid in (first, second, active):
        assert f"the store holds no event of epoch {kid} any more" in said.err
        ok("zt-keys", "destroy", kid, "-k", history.path, "-s", history.store)
    assert "jobs without a part" in said.err
    assert "zt jobs push" in said.err
    again = ok(*command)
    assert "encrypted 0 events and 0 findings" in again.err
    dry = ok(*command, "--dry-run")
    assert f"nothing to do: no event is of another epoch than {new}" in dry.err
    ok("zt", "jobs", "push", "-k", history.path, "-s", history.store)
    ok("zt-analytics", "run", "-s", history.store, "--once")
    found = ok("zt", "findings", "-k", history.path, "-s", history.store, "--json")
    groups = {tuple(json.loads(line)["group"].values()) for line in found.out.splitlines()}
    assert ("203.0.113.58",) in groups


def test_a_wrong_ring_is_refused(history: History, other_ring: Any) -> None:
    before = per_epoch_of(history)
    result = run("zt-keys", "rewrap", "-k", other_ring.path, "-s", history.store)
    assert (result.code, result.out) == (1, b"")
    assert "does not hold" in result.err
    assert per_epoch_of(history) == before
    missing = run("zt-keys", "rewrap", "-k", history.path, "-s", "duckdb:/nowhere/x.duckdb")
    assert missing.code == 1
    assert (
        run("zt-keys", "rewrap", "-k", history.path, "-s", history.store, "--rate", "0").code == 2
    )


def test_what_stays_makes_the_exit_code_1(
    tmp_path: Path, profile: Profile, demo_events: list[dict[str, Any]]
) -> None:
    def alter(wire: list[bytes]) -> list[bytes]:
        wire[-1] = wire[-1].replace(b'"type":"', b'"type":"altered-')
        return wire

    history = make_history(tmp_path / "house", [[]], profile)
    kid = history.add(demo_events[:20], profile, alter=alter)
    history.rotate()
    command = ("zt-keys", "rewrap", "-k", history.path, "-s", history.store)
    dry = run(*command, "--dry-run")
    assert (dry.code, dry.out) == (1, b"")
    assert "1 of 20 events tried would stay: an event's seal does not verify" in dry.err
    result = run(*command)
    assert (result.code, result.out) == (1, b"")
    assert "encrypted 19 events and 0 findings" in result.err
    assert f"epoch {kid} still has 1 events" in result.err
    assert "1 stay as they were: an event's seal does not verify" in result.err
    facts = run(*command, "--json")
    assert facts.code == 1
    assert json.loads(facts.out)["left"] == {kid: 1}
    refused = run("zt-keys", "destroy", kid, "-k", history.path, "-s", history.store)
    assert refused.code == 1


def test_ctrl_c_stops_after_the_batch(history: History) -> None:
    """Where stdin and stderr are a terminal, as for people; a bar shows how far it is."""
    before = look(history)
    ours, theirs = pty.openpty()
    with start(history, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"left" not in shown:  # the bar is there
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while data := os.read(ours, 4096):
                shown += data
        except OSError:  # the other side of a terminal has gone
            pass
        os.close(ours)
    assert process.returncode == 130
    assert b"stopping after this batch" in shown
    assert b"the same command goes on" in shown
    assert look(history) == before
    report = finish(history)
    assert 0 < report["events"] < 2 * len(before["contents"]) // 3
    assert look(history) == before
