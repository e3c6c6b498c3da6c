"""Streams of the commands: compressed by name, a summary at the end, progress on a terminal."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.in_process import call, fine

LINES = b"".join(
    b'{"@timestamp":"2026-11-24T10:00:00Z","type":"call","client":{"ip":"192.0.2.%d"}}\n' % n
    for n in range(100)
)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    fine("zt-keys", "init", "-k", tmp_path / "ring.json", "--tenant", "acme")
    return tmp_path / "ring.json"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_files_are_compressed_by_their_names(suffix: str, ring: Path, tmp_path: Path) -> None:
    """In and out, on both sides; the events have the ids that they have uncompressed."""
    given, wire, out = (tmp_path / (name + suffix) for name in ("given", "wire", "out"))
    fine("zt", "encrypt", "-k", ring, "-o", wire, stdin=LINES)
    plain = fine("zt", "encrypt", "-k", ring, stdin=LINES).out
    assert wire.stat().st_size < len(plain) / 2
    fine("zt", "decrypt", "-k", ring, wire, "-o", out)
    assert fine("zt", "decrypt", "-k", ring, stdin=plain).out == LINES
    out.rename(given)
    assert fine("zt", "encrypt", "-k", ring, given).out == plain
    store = f"duckdb:{tmp_path / 'cloud.duckdb'}"
    assert "stored 100 events" in fine("zt-analytics", "ingest", "-s", store, wire).err
    assert "stored 0 events" in fine("zt-analytics", "ingest", "-s", store, stdin=plain).err


def test_a_file_that_is_not_what_its_name_says(ring: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(LINES)
    for command in (("zt", "encrypt", "-k", ring), ("zt", "decrypt", "-k", ring)):
        result = call(*command, tmp_path / "plain.gz", "-o", tmp_path / "out")
        assert (result.code, (tmp_path / "out").exists()) == (1, False)
        assert "the compressed input is damaged, or not what its name says" in result.err


def test_the_summary_says_what_came_and_went(ring: Path, tmp_path: Path) -> None:
    given, wire, out = tmp_path / "given.gz", tmp_path / "wire", tmp_path / "out"
    given.write_bytes(gzip.compress(LINES + b"bad\n"))
    said = call("zt", "encrypt", "-k", ring, given, "-o", wire, "--json")
    facts = json.loads(said.err.splitlines()[-2])
    assert said.out == b"", "stdout is for the wire"
    assert (facts["events"], facts["rejected"], facts["values"]) == (100, 1, 100)
    sizes = (given.stat().st_size, wire.stat().st_size)
    assert (facts["bytes_in"], facts["bytes_out"]) == sizes
    back = json.loads(fine("zt", "decrypt", "-k", ring, wire, "-o", out, "--json").err)
    assert (back["events"], back["rejected"]) == (100, 0)
    assert (back["bytes_in"], back["bytes_out"]) == (wire.stat().st_size, len(LINES))
    text = fine("zt", "decrypt", "-k", ring, wire, "-o", out).err
    assert text.startswith("decrypted 100 events, refused 0 lines\n")
    assert f"{wire.stat().st_size:,} bytes in, {len(LINES):,} bytes out" in text


def test_quiet_says_only_what_went_wrong(ring: Path, tmp_path: Path) -> None:
    assert fine("zt", "encrypt", "-k", ring, "--quiet", stdin=LINES).err == ""
    result = call("zt", "encrypt", "-k", ring, "--quiet", stdin=LINES + b"bad\n")
    assert (result.code, result.err.splitlines()[0]) == (1, "line 101: not valid JSON")


def on_terminal(tmp_path: Path, *command: object) -> str:
    """What a command shows on a terminal that is its stderr alone."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "zt", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(end)
        shown = b""
        try:
            while block := os.read(terminal, 65536):
                shown += block
        except OSError:  # the terminal's way to say that the other end is closed
            pass
        assert process.wait(60) == 0
    os.close(terminal)
    return shown.decode()


def test_progress_is_shown_on_a_terminal_unless_quiet(ring: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_bytes(LINES * 150)  # one batch and a half
    shown = on_terminal(tmp_path, "encrypt", "-k", ring, given)
    assert "10,000 events" in shown
    assert "/s" in shown
    assert "encrypted 15000 events" in shown
    assert on_terminal(tmp_path, "encrypt", "-k", ring, given, "--quiet") == ""
