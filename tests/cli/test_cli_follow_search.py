"""`zt search --follow` as users run it, beside what brings events."""

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
from support.history import History, make_history

from analytics.store import open_store
from analytics.wire import format_time
from keys import init_ring
from zt.encoder import Encoder
from zt.profile import Profile

PATIENCE = 60  # seconds for what takes one


def event(name: str, *, ago: float = 0) -> dict[str, Any]:
    moment = time.time_ns() // 1000 - round(ago * 1_000_000)
    return {"@timestamp": format_time(moment), "type": "a", "sip.from": f"sip:{name}@example.org"}


class Desk:
    """A store with three events, and one who follows it."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        self.profile = profile
        events = [event(f"old{n}", ago=10 - n) for n in range(3)]
        self.history: History = make_history(folder, [events], profile)
        self.out, self.err = folder / "out", folder / "err"
        self.batches = 0

    def add(self, *events: dict[str, Any], spoil: bool = False) -> None:
        """In a turn at the store."""
        self.batches += 1
        lines = (json.dumps(one).encode() + b"\n" for one in events)
        encoder = Encoder(self.history.ring, self.profile, stream=f"batch {self.batches}")
        wire = [
            line.replace(b'"type":"a"', b'"type":"b"') if spoil else line
            for line in encoder.encrypt(lines)
        ]
        with open_store(self.history.store, wait=PATIENCE) as store:
            assert store.ingest(wire).events == len(events)

    @contextmanager
    def following(
        self, *options: str, keys: Path | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "zt", "search", "--follow", "--every", "50ms", *options]
        command += ["-k", str(keys or self.history.path), "-s", self.history.store]
        with (
            self.out.open("wb") as out,
            self.err.open("wb") as err,
            subprocess.Popen(command, stdout=out, stderr=err) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    @property
    def names(self) -> list[str]:
        events = map(json.loads, self.out.read_text().splitlines())
        return [one["sip.from"][4:].partition("@")[0] for one in events]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path, profile: Profile) -> Desk:
    return Desk(tmp_path, profile)


def test_it_follows_through_a_rotation_until_it_is_interrupted(desk: Desk) -> None:
    with desk.following("sip.from:*@example.org") as process:
        wait_for(lambda: desk.names == ["old0", "old1", "old2"])
        desk.add(event("new"), event("late", ago=30))
        wait_for(lambda: len(desk.names) == 5)
        desk.history.rotate()
        desk.add(event("rotated"), event("too-late", ago=90))
        wait_for(lambda: len(desk.names) == 6)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 130
    assert desk.names == ["old0", "old1", "old2", "late", "new", "rotated"]
    assert desk.err.read_text() == "interrupted\n"


def test_new_leaves_out_what_is_there_and_sigterm_ends_it_well(desk: Desk) -> None:
    with desk.following("*", "--new", "--lateness", "2m") as process:
        deadline = time.monotonic() + PATIENCE
        while not desk.out.read_bytes():  # added until the first look is over
            assert time.monotonic() < deadline
            desk.add(event("marker"))
            time.sleep(0.5)
        desk.add(event("late", ago=90))
        wait_for(lambda: "late" in desk.names)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0
    assert set(desk.names) == {"marker", "late"}
    assert desk.err.read_bytes() == b""


def test_what_does_not_verify_is_left_out_and_the_exit_code_says_so(desk: Desk) -> None:
    with desk.following("*", "--json") as process:
        wait_for(lambda: desk.out.read_bytes().count(b"\n") == 3)
        desk.add(event("spoilt"), spoil=True)
        wait_for(lambda: b"refused 1 times: " in desk.err.read_bytes())
        desk.add(event("honest"))
        wait_for(lambda: desk.out.read_bytes().count(b"\n") == 4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 1
    lines = [json.loads(line) for line in desk.out.read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["event", "id"]] * 4
    assert len({line["id"] for line in lines}) == 4
    assert "spoilt" not in desk.out.read_text() + desk.err.read_text()
    assert desk.err.read_bytes().count(b"refused") == 1  # once, not at every look


def test_it_ends_when_nobody_reads(desk: Desk) -> None:
    command = [sys.executable, "-m", "zt", "search", "*", "--follow", "--new"]
    env = os.environ | {"ZT_KEYS": str(desk.history.path), "ZT_STORE": desk.history.store}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
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
    with desk.following("*", keys=other) as process:
        assert process.wait(timeout=PATIENCE) == 1
    assert desk.out.read_bytes() == b""
    assert desk.err.read_text().startswith("error: the data needs epoch")


def test_a_question_that_can_not_be_answered_ends_it(desk: Desk) -> None:
    with desk.following("nowhere:x") as process:
        assert process.wait(timeout=PATIENCE) == 1
    assert "hidden from the cloud" in desk.err.read_text()
