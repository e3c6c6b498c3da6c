"""The commands of `zt-analytics`, run as users run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.job_lines import HEADER, KID, PROFILE, Event, b16, batch, job

from analytics.store import open_store
from analytics.wire import BatchHeader, encode_bytes, write_line

COMMAND = [sys.executable, "-m", "analytics.cli"]
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "ZT_STORE"}

FLOOD = [Event(time, "attacker") for time in range(5)]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def call(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ended:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=ENVIRONMENT | environment,
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"duckdb:{tmp_path / 'store.db'}"


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    path = tmp_path / "events.zt"
    path.write_bytes(b"".join(batch(enumerate(FLOOD))))
    return path


def push(store: str, **more: Any) -> None:
    with open_store(store, create=True) as opened:
        opened.put_job(job(**more))


def test_help_names_every_command() -> None:
    ended = call("--help")
    assert ended.code == 0
    assert ended.err == ""
    for name in ("init", "ingest", "run", "status", "expire", "compact"):
        assert f"  {name} " in ended.out
        assert call(name, "-h").code == 0


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from analytics.cli import main\n"
        "sys.argv = ['zt-analytics', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'duckdb', 'pydantic', 'msgspec', 'numpy', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_way_through(store: str, wire: Path) -> None:
    ended = call("ingest", "-s", store, wire)
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert "stored 5 events" in ended.err
    assert not Path(f"{wire}.reject").exists()

    push(store)
    ended = call("run", "-s", store)
    assert (ended.code, ended.out) == (0, "")
    assert "1 findings written, 0 failures" in ended.err

    ended = call("status", "-s", store)
    assert (ended.code, ended.err) == (0, "")
    assert "acme" in ended.out
    assert "findings  1" in ended.out
    assert "flood" in ended.out
    assert KID in ended.out


def test_ingest_again_changes_nothing_and_reads_stdin(store: str, wire: Path) -> None:
    first = call("ingest", "--json", stdin=wire.read_bytes(), ZT_STORE=store)
    again = call("ingest", "--json", "-", stdin=wire.read_bytes(), ZT_STORE=store)
    assert (first.code, again.code) == (0, 0)
    assert json.loads(first.out)["events"] == 5
    assert json.loads(again.out) | {"batches": 1} == {
        "batches": 1,
        "events": 0,
        "known_events": 5,
        "values": 0,
        "known_values": 0,
        "rejected": 0,
    }


def test_refused_lines_are_named_and_kept(store: str, tmp_path: Path) -> None:
    header, *events = batch(enumerate(FLOOD))
    bad = [b'{"plain": "event %d"}\n' % number for number in range(25)]
    source = tmp_path / "in.zt"
    source.write_bytes(b"".join([header, *events[:2], *bad, b"\n", *events[2:], b"no end"]))
    ended = call("ingest", "-s", store, source, "--json")
    assert ended.code == 1
    report = json.loads(ended.out)
    assert (report["events"], report["rejected"]) == (5, 26)
    assert "line 4: no JSON object with a key `zt`" in ended.err
    assert "line 23:" in ended.err
    assert "line 24:" not in ended.err
    assert "and 6 lines more" in ended.err
    kept = Path(f"{source}.reject")
    assert kept.read_bytes() == b"".join(bad) + b"no end\n"
    assert kept.stat().st_mode & 0o077 == 0
    assert str(kept) in ended.err


def test_refused_lines_of_stdin_are_kept_where_asked_only(store: str, tmp_path: Path) -> None:
    assert call("ingest", "-s", store, stdin=b"junk\n").code == 1
    assert not [path for path in tmp_path.iterdir() if "reject" in path.name]
    kept = tmp_path / "kept"
    assert call("ingest", "-s", store, "--reject", kept, stdin=b"junk\n").code == 1
    assert kept.read_bytes() == b"junk\n"


def test_what_came_in_does_not_steer_the_terminal(store: str) -> None:
    line = json.dumps({"zt": {"kind": "value", "\x1b[2J": 1}}).encode()
    ended = call("ingest", "-s", store, stdin=line)
    assert ended.code == 1
    assert "\x1b" not in ended.err


def test_status_shows_foreign_paths_escaped(store: str) -> None:
    columns = [{"path": "a\x1b[2Jb\n", "kind": "keyword"}]
    body = json.loads(write_line(HEADER))
    body["zt"]["columns"] = columns
    assert call("ingest", "-s", store, stdin=json.dumps(body).encode()).code == 0
    ended = call("status", "-s", store)
    assert ended.code == 0
    assert "a\\x1b[2Jb\\n" in ended.out
    assert json.loads(call("status", "-s", store, "--json").out)["columns"] == columns


def test_status_as_json(store: str, wire: Path) -> None:
    call("ingest", "-s", store, wire)
    push(store)
    facts = json.loads(call("status", "-s", store, "--json").out)
    assert facts["tenant"] == "acme"
    assert facts["epochs"] == [
        {
            "kid": KID,
            "kcv": HEADER.kcv,
            "generation": 1,
            "events": 5,
            "first": "1970-01-01T00:00:00.000000Z",
            "last": "1970-01-01T00:00:04.000000Z",
        }
    ]
    assert facts["profiles"] == [{"profile": PROFILE, "kid": KID, "columns": 5, "time": "time"}]
    assert {"path": "source", "kind": "keyword"} in facts["columns"]
    assert [item["id"] for item in facts["jobs"]] == ["flood"]
    assert facts["findings"] == 0


def test_status_of_an_empty_store(store: str) -> None:
    call("ingest", "-s", store)
    ended = call("status", "-s", store)
    assert ended.code == 0
    assert "none yet" in ended.out


def test_a_job_that_fails_is_named(store: str, wire: Path) -> None:
    call("ingest", "-s", store, wire)
    push(store, name="odd-one", kind="ratio")
    push(store)
    ended = call("run", "-s", store, "--once", "--json")
    assert ended.code == 1
    assert f"job odd-one, key {KID}: jobs of the kind `ratio` are not evaluated" in ended.err
    report = json.loads(ended.out)
    assert (report["jobs"], report["findings"]) == (2, 1)
    assert report["failures"][0]["job"] == "odd-one"


def other_epoch(header: BatchHeader) -> bytes:
    return write_line(header.model_copy(update={"kcv": encode_bytes(b"\x01" * 32)}))


FAILURES: dict[str, tuple[list[str], bytes, str]] = {
    "no store": (["status", "-s", "duckdb:{}/none.db"], b"", "no store at"),
    "no kind of store": (["run", "-s", "postgres:x"], b"", "no kind of store"),
    "no database": (["status", "-s", "duckdb:{}/junk"], b"", "not a DuckDB database"),
    "no input": (["ingest", "-s", "duckdb:{}/s.db", "{}/none"], b"", "can't read or write"),
    "input is a folder": (["ingest", "-s", "duckdb:{}/s.db", "{}"], b"", "can't read or write"),
    "reject file can't be": (
        ["ingest", "-s", "duckdb:{}/s.db", "--reject", "{}/none/x"],
        b"junk",
        "can't read or write",
    ),
    "other version": (
        ["ingest", "-s", "duckdb:{}/s.db"],
        b'{"zt": {"kind": "batch", "version": 2}}',
        "another version",
    ),
    "other keys": (
        ["ingest", "-s", "duckdb:{}/s.db"],
        write_line(HEADER) + other_epoch(HEADER),
        KID,
    ),
    "loop without a store": (["run", "-s", "duckdb:{}/none.db", "--every", "1s"], b"", "no store"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_exit_1_and_say_what_to_do(name: str, tmp_path: Path) -> None:
    arguments, stdin, said = FAILURES[name]
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    ended = call(*(part.replace("{}", str(tmp_path)) for part in arguments), stdin=stdin)
    assert ended.code == 1
    assert ended.out == ""
    error = ended.err[ended.err.index("error: ") :]
    assert said in error
    assert error.count("\n  ") == 1  # the hint


def test_a_missing_input_makes_no_store(store: str, tmp_path: Path) -> None:
    call("ingest", "-s", store, tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


USAGE = {
    "no command": [],
    "no such command": ["explode"],
    "no store": ["status"],
    "not a time": ["run", "-s", "duckdb:x", "--every", "soon"],
    "no time": ["run", "-s", "duckdb:x", "--every", "0s"],
    "too long": ["run", "-s", "duckdb:x", "--every", "99999h"],
    "both": ["run", "-s", "duckdb:x", "--once", "--every", "1s"],
}


@pytest.mark.parametrize("name", USAGE)
def test_usage_errors_exit_2(name: str) -> None:
    assert call(*USAGE[name]).code == 2


def test_the_reject_file_is_not_the_input(store: str, wire: Path) -> None:
    before = wire.read_bytes()
    assert call("ingest", "-s", store, wire, "--reject", wire).code == 2
    assert wire.read_bytes() == before


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_finds_what_comes_meanwhile_and_ends_cleanly(
    store: str, wire: Path, tmp_path: Path, number: signal.Signals
) -> None:
    call("ingest", "-s", store, wire)
    push(store)
    out = tmp_path / "out"
    with out.open("wb") as file:
        loop = subprocess.Popen(
            [*COMMAND, "run", "-s", store, "--every", "200ms", "--json"],
            stdout=file,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
        )
    try:
        wait_for(lambda: b'"findings":1' in out.read_bytes())
        later = b"".join(batch([(n, Event(100 + n, "other")) for n in range(10, 13)]))
        # The loop leaves the store to others between two runs; only one of them may be in it.
        wait_for(lambda: call("ingest", "-s", store, stdin=later).code == 0)
        wait_for(lambda: out.read_bytes().count(b'"findings":1') == 2)
        loop.send_signal(number)
        _, err = loop.communicate(timeout=30)
    finally:
        loop.kill()
    assert loop.returncode == 0
    assert b"Traceback" not in err
    assert err.endswith(b"stopped\n")


def test_a_loop_waits_for_a_busy_store(store: str, wire: Path) -> None:
    call("ingest", "-s", store, wire)
    push(store)
    with open_store(store):
        loop = subprocess.Popen(
            [*COMMAND, "run", "-s", store, "--every", "100ms"],
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        assert loop.stderr is not None
        said = loop.stderr.readline()
    try:
        assert b"open" in said
        wait_for(lambda: b"1 findings written" in loop.stderr.readline())  # type: ignore[union-attr]
        loop.send_signal(signal.SIGTERM)
        loop.communicate(timeout=30)
    finally:
        loop.kill()
    assert loop.returncode == 0


def test_an_interrupt_ends_quietly(store: str) -> None:
    ingest = subprocess.Popen(
        [*COMMAND, "ingest", "-s", store],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    wait_for(lambda: Path(store.removeprefix("duckdb:")).exists())
    time.sleep(0.2)
    ingest.send_signal(signal.SIGINT)
    _, err = ingest.communicate(timeout=30)
    assert ingest.returncode == 130
    assert b"interrupted" in err
    assert b"Traceback" not in err


def test_a_closed_pipe_is_no_error(store: str, wire: Path) -> None:
    call("ingest", "-s", store, wire)
    reading, writing = os.pipe()
    os.close(reading)
    status = subprocess.run(
        [*COMMAND, "status", "-s", store],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        check=False,
    )
    os.close(writing)
    assert (status.returncode, status.stderr) == (0, b"")


def test_evidence_reaches_the_store(store: str, wire: Path) -> None:
    call("ingest", "-s", store, wire)
    push(store)
    call("run", "-s", store)
    with open_store(store) as opened:
        [finding] = opened.findings()
    assert finding.events == tuple(b16(f"event {number}") for number in range(3))
