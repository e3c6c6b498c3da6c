"""`zt findings --follow` as users run it, beside the commands that bring events and run jobs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.commands import ok, run
from support.history import History, make_history

from analytics.jobs import run_jobs
from analytics.store import open_store
from keys import init_ring
from zt.encoder import Encoder
from zt.jobs import load_pack, push_jobs
from zt.profile import Profile
from zt.query import Session

PATIENCE = 60  # seconds for what takes one


class Desk:
    """A folder in which the commands find ring, store and profile.

    Half of the events are stored, and the jobs pushed but not run.
    """

    def __init__(self, folder: Path, events: list[dict[str, Any]], profile: Profile) -> None:
        ordered = sorted(events, key=lambda event: str(event["@timestamp"]))
        half = len(ordered) // 2
        self.rest = ordered[half:]
        self.profile = profile
        self.history: History = make_history(folder, [ordered[:half]], profile)
        with self.history.open() as store:
            push_jobs(load_pack("sip").jobs, Session(self.history.ring, store))
        self.env = {
            "ZT_KEYS": str(self.history.path),
            "ZT_STORE": self.history.store,
            "ZT_PROFILE": profile.name,
        }
        self.out, self.err = folder / "out", folder / "err"

    def run_jobs(self) -> None:
        """While nothing follows."""
        with self.history.open() as store:
            assert run_jobs(store).findings

    def add_the_rest(self) -> None:
        """Events and findings, in one turn at the store."""
        lines = (json.dumps(event).encode() + b"\n" for event in self.rest)
        wire = list(Encoder(self.history.ring, self.profile, stream="rest").encrypt(lines))
        with open_store(self.history.store, wait=PATIENCE) as store:
            store.ingest(wire)
            assert run_jobs(store).findings

    def do(self, *command: str, stdin: bytes = b"") -> bytes:
        return ok(*command, env=self.env, stdin=stdin).out

    def send_the_rest(self) -> None:
        lines = "".join(json.dumps(event) + "\n" for event in self.rest)
        self.do("zt-analytics", "ingest", stdin=self.do("zt", "encrypt", stdin=lines.encode()))

    @contextmanager
    def following(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ZT_")} | self.env
        command = [sys.executable, "-m", "zt", "findings", "--follow", *options]
        with (
            self.out.open("wb") as out,
            self.err.open("wb") as err,
            subprocess.Popen(command, stdout=out, stderr=err, env=environment) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    @property
    def lines(self) -> list[str]:
        return self.out.read_text().splitlines()

    def last_said(self) -> list[dict[str, Any]]:
        """The last line of each id, ids left out: of one found again over all they differ."""
        said = {item["id"]: item for item in map(json.loads, self.lines)}
        return by_text(said.values())

    def printed_once(self) -> list[dict[str, Any]]:
        return by_text(map(json.loads, self.do("zt", "findings", "--json").splitlines()))


def by_text(items: Any) -> list[dict[str, Any]]:
    return sorted(({**item, "id": ""} for item in items), key=json.dumps)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path, demo_events: list[dict[str, Any]], profile: Profile) -> Desk:
    return Desk(tmp_path, demo_events, profile)


def test_it_follows_through_a_rotation_until_it_is_interrupted(desk: Desk) -> None:
    with desk.following("--json", "--every", "50ms") as process:
        desk.do("zt-analytics", "run", "--once")
        wait_for(lambda: len(desk.lines) > 0)
        desk.do("zt-keys", "rotate")
        desk.send_the_rest()
        wait_for(lambda: b"added parts for new keys" in desk.err.read_bytes())
        desk.do("zt-analytics", "run", "--once")
        truth = desk.printed_once()
        assert truth
        wait_for(lambda: desk.last_said() == truth)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 130
    said = [(item["id"], item["metric"]) for item in map(json.loads, desk.lines)]
    assert len(said) == len(set(said)) > len({name for name, _ in said}) > 3
    assert desk.err.read_text().splitlines()[-1] == "interrupted"
    assert b"Traceback" not in desk.err.read_bytes()


def test_for_people_it_prints_a_line_each_and_ends_on_sigterm(desk: Desk) -> None:
    desk.run_jobs()
    printed = desk.printed_once()
    with desk.following() as process:
        wait_for(lambda: len(desk.lines) == len(printed))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0
    assert desk.err.read_bytes() == b""
    groups = {item["group"]["client.ip"] for item in printed}
    assert groups == {line.split()[3] for line in desk.lines}


def test_new_leaves_out_what_is_there(desk: Desk) -> None:
    desk.run_jobs()
    before = desk.printed_once()
    with desk.following("--json", "--new", "--every", "50ms") as process:
        said = f"left out {len(before)} findings that were there already\n"
        wait_for(lambda: desk.err.read_text() == said)
        desk.add_the_rest()
        after = [item for item in desk.printed_once() if item not in before]
        wait_for(lambda: desk.last_said() == after)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0


def test_it_ends_when_nobody_reads_though_nothing_comes(desk: Desk) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZT_")} | desk.env
    with subprocess.Popen(
        [sys.executable, "-m", "zt", "findings", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.wait(timeout=PATIENCE) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()


def test_a_ring_of_other_keys_is_refused(desk: Desk) -> None:
    other = init_ring(desk.history.folder / "other.json", "acme", "file:other.key").path
    result = run("zt", "findings", "--follow", "-k", other, env=desk.env)
    assert (result.code, result.out) == (1, b"")
    assert "error: the data needs epoch" in result.err


@pytest.mark.parametrize(
    "options",
    [["--new"], ["--every", "1s"], ["--follow", "--every", "soon"], ["--follow", "--every", "2d"]],
)
def test_usage_errors_exit_2(tmp_path: Path, options: list[str]) -> None:
    assert run("zt", "findings", "-k", "none", "-s", "duckdb:none", *options).code == 2
