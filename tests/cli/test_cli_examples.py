"""Every program in `examples/` does what it says, as a process of its own, on the demo capture."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from support.examples import EXAMPLES, Table, event_ids, identities, read
from support.leaks import leaked


def test_all_examples_are_tested_and_listed() -> None:
    """A program that is added here is one that a test runs and the page names."""
    here = {path.name for path in EXAMPLES.glob("*.py")}
    tests = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_cli_examples*.py")
    )
    page = (EXAMPLES / "README.md").read_text()
    assert len(here) == 4
    assert all(f'"{name}"' in tests and f"]({name})" in page for name in here)
    assert all((EXAMPLES / link).exists() for link in re.findall(r"\]\(([^)]+)\)", page))


def test_a_file_there_and_back(table: Table) -> None:
    wire, again = table.folder / "events.zt", table.folder / "again.ndjson"
    done = table.run("batch_file.py", table.ring, "sip-balanced", table.events, wire, again)
    assert done.returncode == 0, done.stderr
    events = read(table.events)
    assert read(again) == events
    ids = event_ids(wire.read_bytes().splitlines(keepends=True))
    assert len(set(ids)) == len(ids) == len(events) > 150
    secrets = identities(events)
    assert len(secrets) > 500
    assert not leaked(secrets, wire.read_bytes() + done.stderr)


def test_a_file_with_bad_lines_shows_them_and_keeps_the_rest(table: Table) -> None:
    lines = table.events.read_bytes().splitlines(keepends=True)[:5]
    lines[2:2] = [b'{"password": "kept-to-itself"\n', b'{"zt": {}}\n']
    table.events.write_bytes(b"".join(lines))
    done = table.run("batch_file.py", table.ring, "generic", table.events, "wire", "again")
    assert done.returncode == 1
    assert b"line 3: " in done.stderr
    assert b"line 4: it has a key `zt`" in done.stderr
    assert b"kept-to-itself" not in done.stderr
    assert len(read(table.folder / "again")) == 5


@pytest.mark.parametrize("example", ["batch_file.py", "frames.py"])
def test_a_wrong_ring_is_said_in_two_lines(example: str, table: Table) -> None:
    for ring in (table.folder / "none.json", table.events):
        done = table.run(example, ring, "generic", table.events, "wire", "again")
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 2
        assert not (table.folder / "wire").exists()


def test_a_frame_there_and_back(table: Table) -> None:
    """With datetimes, nulls where an event lacks a field, and structs."""
    frame = pl.read_ndjson(table.events, infer_schema_length=None).with_columns(
        pl.col("@timestamp").str.to_datetime(time_zone="UTC"),
        large=pl.int_range(2**53, 2**53 + pl.len(), dtype=pl.Int64),
    )
    given, wire, again = (table.folder / name for name in ("in.parquet", "wire", "out.parquet"))
    frame.write_parquet(given)
    done = table.run("frames.py", table.ring, "sip-balanced", given, wire, again)
    assert done.returncode == 0, done.stderr
    back = pl.read_parquet(again)
    assert back.schema == frame.schema
    assert back.equals(frame)
    ids = event_ids(wire.read_bytes().splitlines(keepends=True))
    assert len(set(ids)) == len(ids) == frame.height > 150
    assert not leaked(identities(read(table.events)), wire.read_bytes())
