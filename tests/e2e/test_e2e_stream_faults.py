"""What befalls a stream: whatever it is, no part of a line, a message, and a second run that
doubles nothing."""

from __future__ import annotations

import gzip
import json
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from support.commands import MODULES, ok, run
from support.in_process import fine

from analytics.store import open_store
from analytics.wire import AnalyticsError, EventLine, parse_line

PATIENCE = 60.0  # seconds; a busy machine is no defect
BOUND = 100_000  # bytes of a file on a disk that is soon full


def lines_of(number: int, pad: int = 0) -> list[bytes]:
    """Lines of events, no two alike."""
    return [
        b'{"@timestamp":"2026-11-24T10:00:00Z","type":"call","number":%d,"pad":"%s"}\n'
        % (n, b"x" * pad)
        for n in range(number)
    ]


def start(name: str, *arguments: object, **pipes: Any) -> subprocess.Popen[bytes]:
    """A command of the product beside the test."""
    command = [sys.executable, "-m", MODULES[name], *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **pipes)


def wait_for(happened: Callable[[], bool], reason: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, reason
        time.sleep(0.02)


def feed(stream: IO[bytes] | None, data: bytes) -> None:
    assert stream is not None
    stream.write(data)
    stream.flush()


def events_in(wire: bytes) -> int:
    """The events of a wire stream, each line of which must be whole."""
    assert not wire or wire.endswith(b"\n")
    lines = [parse_line(line) for line in wire.splitlines()]
    return sum(isinstance(line, EventLine) for line in lines)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    fine("zt-keys", "init", "-k", tmp_path / "ring.json", "--tenant", "acme")
    return tmp_path / "ring.json"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"duckdb:{tmp_path / 'cloud.duckdb'}"


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Files of processes that the test starts end at `BOUND` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BOUND, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- signals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_whole_lines_and_a_second_run_doubles_nothing(
    number: int, ring: Path, store: str, tmp_path: Path
) -> None:
    wire, lines = tmp_path / "cut.zt", lines_of(900)
    options = ("encrypt", "-k", ring, "--stream", "s", "-")
    with (
        wire.open("wb") as out,
        start("zt", *options, stdin=subprocess.PIPE, stdout=out) as process,
    ):
        feed(process.stdin, b"".join(lines[:500]))
        wait_for(lambda: wire.stat().st_size > 0, "nothing came out")
        feed(process.stdin, b"".join(lines[500:800]) + lines[800][:20])
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert process.stderr is not None
        said = process.stderr.read().decode()
    written = events_in(wire.read_bytes())
    assert 0 < written <= 800
    assert f"interrupted: {written} events were written; run it again" in said
    again = fine("zt", *options, stdin=b"".join(lines)).out
    stored = [
        json.loads(fine("zt-analytics", "ingest", "-s", store, "--json", stdin=given).out)
        for given in (wire.read_bytes(), again)
    ]
    assert [report["events"] for report in stored] == [written, 900 - written]


def test_a_second_signal_ends_it_even_if_the_reader_takes_nothing(ring: Path) -> None:
    options = ("encrypt", "-k", ring, "-")
    with start("zt", *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        feed(process.stdin, b"".join(lines_of(2000)))
        assert process.stdout is not None
        process.stdout.read(1)  # it writes now, more than the pipe holds
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert process.wait(PATIENCE) == 130
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert "interrupted: at least 0 events were written; run it again" in said
    assert "Traceback" not in said


def test_a_signal_leaves_no_output_file(ring: Path, tmp_path: Path) -> None:
    """A file that appears is whole."""
    before = set(tmp_path.iterdir())
    out = tmp_path / "out.zt"
    options = ("encrypt", "-k", ring, "-", "-o", out)
    with start("zt", *options, stdin=subprocess.PIPE) as process:
        feed(process.stdin, b"".join(lines_of(100)))
        wait_for(
            lambda: any(p.stat().st_size for p in set(tmp_path.iterdir()) - before), "no output"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stderr is not None
        assert f"interrupted: {out} was not written; run it again" in process.stderr.read().decode()
    assert set(tmp_path.iterdir()) == before


# --- readers that stall or die -----------------------------------------------------------------


def test_a_reader_that_stalls_holds_the_writer_up(ring: Path) -> None:
    """Little is taken in that can't go out, so memory is bounded; and nothing is lost by it."""
    lines = lines_of(40_000, pad=1000)
    options = ("encrypt", "-k", ring, "-p", "generic", "-")
    with start("zt", *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        taken = 0

        def write() -> None:
            nonlocal taken
            for at in range(0, len(lines), 100):
                feed(process.stdin, b"".join(lines[at : at + 100]))
                taken = at + 100
            assert process.stdin is not None
            process.stdin.close()

        thread = threading.Thread(target=write)
        thread.start()
        assert process.stdout is not None
        first = process.stdout.read(1)
        before = -1
        while before != taken:  # until it stands still
            before = taken
            time.sleep(1)
        assert taken < 20_000
        status = Path(f"/proc/{process.pid}/status").read_text()
        (resident,) = [line.split()[1] for line in status.splitlines() if "VmHWM" in line]
        assert int(resident) < 300_000  # KiB
        rest = process.stdout.read()
        thread.join(PATIENCE)
        assert process.wait(PATIENCE) == 0
    assert (first + rest).count(b'"seal":') == len(lines)


@pytest.mark.parametrize("command", ["encrypt", "decrypt"])
def test_a_reader_that_dies_ends_it_quietly(command: str, ring: Path) -> None:
    given = b"".join(lines_of(2000))
    if command == "decrypt":
        given = fine("zt", "encrypt", "-k", ring, stdin=given).out
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with start("zt", command, "-k", ring, **pipes) as process:
        assert process.stdout is not None
        process.stdout.close()
        feed(process.stdin, given)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


# --- full disks --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["encrypt", "decrypt"])
def test_a_full_disk_leaves_whole_lines_or_no_file(
    command: str, ring: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    given = tmp_path / "given"
    given.write_bytes(b"".join(lines_of(2000)))
    if command == "decrypt":
        fine("zt", "encrypt", "-k", ring, given, "-o", tmp_path / "given.zt")
        given = tmp_path / "given.zt"
    request.getfixturevalue("full_disk")
    out, before = tmp_path / "out", set(tmp_path.iterdir())
    result = run("zt", command, "-k", ring, given, "-o", out)
    assert result.code == 1
    assert "file too large" in result.err
    assert "Traceback" not in result.err
    assert set(tmp_path.iterdir()) == before

    with (
        out.open("wb") as file,
        start("zt", command, "-k", ring, given, stdout=file) as process,
    ):
        assert process.wait(PATIENCE) == 1
    lines = out.read_bytes().splitlines(keepends=True)
    assert lines
    assert all(isinstance(json.loads(line), dict) and line.endswith(b"\n") for line in lines)
    assert BOUND - 10_000 < out.stat().st_size <= BOUND


def test_a_device_that_is_full(ring: Path) -> None:
    result = run("zt", "encrypt", "-k", ring, "-o", "/dev/full", stdin=lines_of(1)[0])
    assert (result.code, "no space left on device" in result.err) == (1, True)


# --- writers that die, and live ones -----------------------------------------------------------


def test_a_writer_that_dies_in_mid_line(ring: Path, tmp_path: Path) -> None:
    """What it left of the line is refused like any other bad line, the others are encrypted."""
    lines = lines_of(10)
    rejects = tmp_path / "rejects"
    given = b"".join(lines)[:-20]
    result = run("zt", "encrypt", "-k", ring, "--rejects", rejects, stdin=given)
    assert result.code == 1
    assert "line 10: not valid JSON" in result.err
    assert events_in(result.out) == 9
    assert fine("zt", "rejects", "-k", ring, rejects).out == lines[9][:-20] + b"\n"


def stored(store: str, folder: Path) -> int:
    """The events in a store that another process has open: those in a copy of its files."""
    folder.mkdir(exist_ok=True)
    path = Path(store.removeprefix("duckdb:"))
    for name in (path, path.with_name(path.name + ".wal")):
        (folder / name.name).unlink(missing_ok=True)
        if name.exists():
            shutil.copy(name, folder)
    try:
        with open_store(f"duckdb:{folder / path.name}") as opened:
            return opened.position()
    except AnalyticsError:  # copied while it was written
        return 0


def test_events_of_a_live_pipe_are_stored_at_once_and_never_twice(
    ring: Path, store: str, tmp_path: Path
) -> None:
    lines = lines_of(6)
    for turn in range(2):
        with (
            start(
                "zt",
                *("encrypt", "-k", ring, "--stream", "s"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            ) as edge,
            start("zt-analytics", "ingest", "-s", store, stdin=edge.stdout) as cloud,
        ):
            assert edge.stdout is not None
            edge.stdout.close()
            for sent in (1, 3, 6) if not turn else ():
                feed(edge.stdin, b"".join(lines[sent // 2 : sent]))
                wait_for(
                    lambda sent=sent: stored(store, tmp_path / "copy") == sent,  # type: ignore[misc]
                    "the events wait for others",
                )
            if turn:
                feed(edge.stdin, b"".join(lines))
            assert edge.stdin is not None
            edge.stdin.close()
            assert cloud.stderr is not None
            said = cloud.stderr.read().decode()
            assert (edge.wait(PATIENCE), cloud.wait(PATIENCE)) == (0, 0)
        assert f"stored {0 if turn else 6} events" in said
    assert stored(store, tmp_path / "copy") == 6


def test_events_of_a_live_pipe_are_decrypted_at_once(ring: Path) -> None:
    pipes = {"stdout": subprocess.PIPE}
    with (
        start("zt", "encrypt", "-k", ring, stdin=subprocess.PIPE, **pipes) as there,
        start("zt", "decrypt", "-k", ring, stdin=there.stdout, **pipes) as back,
    ):
        assert back.stdout is not None
        for line in lines_of(3):
            feed(there.stdin, line)
            ready, _, _ = select.select([back.stdout], [], [], PATIENCE)
            assert ready, "the event waits for others"
            assert back.stdout.readline() == line
        there.communicate(timeout=PATIENCE)
        assert back.wait(PATIENCE) == 0


def test_an_interrupted_ingest_has_stored_what_it_read(
    ring: Path, store: str, tmp_path: Path
) -> None:
    wire = fine("zt", "encrypt", "-k", ring, "--stream", "s", stdin=b"".join(lines_of(50))).out
    with start("zt-analytics", "ingest", "-s", store, stdin=subprocess.PIPE) as process:
        feed(process.stdin, wire[: len(wire) // 2])
        wait_for(lambda: stored(store, tmp_path / "copy") > 0, "nothing is stored")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
        assert process.stderr is not None
        said = process.stderr.read().decode()
    count = stored(store, tmp_path / "copy")
    assert f"stored {count} events" in said
    assert "refused 0 lines" in said, "the part of a line that had come is no line"
    again = fine("zt-analytics", "ingest", "-s", store, stdin=wire)
    assert f"stored {50 - count} events" in again.err


def test_a_compressed_file_that_is_cut_off(ring: Path, store: str, tmp_path: Path) -> None:
    """What came before the cut is stored; the whole file adds the rest."""
    whole, cut = tmp_path / "whole.zt.gz", tmp_path / "cut.zt.gz"
    fine("zt", "encrypt", "-k", ring, "-o", whole, stdin=b"".join(lines_of(500)))
    cut.write_bytes(whole.read_bytes()[:-5000])
    result = run("zt-analytics", "ingest", "-s", store, cut)
    assert (result.code, "Traceback" in result.err) == (1, False)
    assert "the compressed input ends in the middle" in result.err
    with open_store(store) as opened:
        before = opened.position()
    assert 0 < before < 500
    assert events_in(gzip.decompress(whole.read_bytes())) == 500
    assert f"stored {500 - before} events" in ok("zt-analytics", "ingest", "-s", store, whole).err
    edge = run("zt", "decrypt", "-k", ring, cut, "-o", tmp_path / "out")
    assert (edge.code, (tmp_path / "out").exists()) == (1, False)
