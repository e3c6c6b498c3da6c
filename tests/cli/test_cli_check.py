"""`zt-keys check`: every epoch of a wire file or store with its events, their times, a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result, ok, run

from analytics.store import open_store
from analytics.wire import parse_line, parse_time, write_line
from keys import Ring, init_ring, rotate_ring
from zt.cli import epochs as module
from zt.cli.epochs import epochs_of_wire
from zt.errors import InputError
from zt.profile import Profile

T = "2026-11-2{}T10:00:00.000000Z"


def events(*days: int) -> list[dict[str, Any]]:
    return [{"@timestamp": T.format(day), "type": "a", "n": day} for day in days]


@pytest.fixture
def folder(tmp_path: Path, encrypt: Callable[..., list[bytes]]) -> Path:
    """A ring with two epochs, a wire file and a store of both; an older copy of the ring."""
    ring = init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    (tmp_path / "old.json").touch(0o600)
    (tmp_path / "old.json").write_bytes(ring.path.read_bytes())
    wire = encrypt(events(3, 1, 2), ring=ring, stream="one")
    wire += encrypt([*events(5), {"type": "timeless"}], ring=rotate_ring(ring.path), stream="two")
    (tmp_path / "both.zt").write_bytes(b"".join(wire))
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as store:
        store.ingest(wire)
    return tmp_path


def check(folder: Path, *what: str, ring: str = "ring.json") -> tuple[Result, dict[str, Any]]:
    result = run("zt-keys", "check", "-k", ring, *what, "--json", cwd=folder)
    return result, json.loads(result.out)


@pytest.mark.parametrize("what", [("both.zt",), ("-s", "duckdb:cloud.duckdb")])
def test_times_and_numbers_of_each_epoch(folder: Path, what: tuple[str, ...]) -> None:
    result, told = check(folder, *what)
    assert result.code == 0, result.err
    kids = [epoch.kid for epoch in Ring.open(folder / "ring.json").epochs]
    place = "store" if "-s" in what else "wire"
    assert told["epochs"] == [
        {"in": place, "kid": kids[0], "events": 3, "first": T.format(1), "last": T.format(3),
         "verdict": "opens"},
        {"in": place, "kid": kids[1], "events": 2, "first": T.format(5), "last": T.format(5),
         "verdict": "opens"},
    ]  # fmt: skip
    said = ok("zt-keys", "check", "-k", "ring.json", *what, cwd=folder)
    assert f"{kids[0]}, 3 events from {T.format(1)} to {T.format(3)}: opens" in said.err
    assert said.out == b""


def test_a_file_and_a_store_are_listed_apart(folder: Path) -> None:
    _, told = check(folder, "both.zt", "-s", "duckdb:cloud.duckdb")
    assert [entry["in"] for entry in told["epochs"]] == ["wire", "wire", "store", "store"]


@pytest.mark.parametrize("what", [("both.zt",), ("-s", "duckdb:cloud.duckdb")])
def test_some_open_and_some_do_not(folder: Path, what: tuple[str, ...]) -> None:
    result, told = check(folder, *what, ring="old.json")
    assert result.code == 1
    verdicts = [entry["verdict"] for entry in told["epochs"]]
    assert verdicts[0] == "opens"
    assert "which the key ring old.json does not hold" in verdicts[1]
    assert told["epochs"][1]["first"] == T.format(5)
    assert result.err.count("error:") == 1
    said = run("zt-keys", "check", "-k", "old.json", *what, cwd=folder)
    assert said.code == 1
    assert "3 events" in said.err
    assert "2 events" in said.err


def test_coarsened_times_and_files_without_any(
    folder: Path, encrypt: Callable[..., list[bytes]]
) -> None:
    hour = {"time": "t", "fields": {"t": {"scheme": "coarsen", "kind": "time", "step": "1h"}}}
    ring = Ring.open(folder / "ring.json")
    lines = [{"t": "2026-11-20T10:59:59Z"}, {"t": "2026-11-20T12:00:01Z"}]
    coarse = encrypt(lines, ring=ring, profile=Profile.model_validate({"name": "x", **hour}))
    (folder / "coarse.zt").write_bytes(b"".join(coarse))
    (entry,) = check(folder, "coarse.zt")[1]["epochs"]
    assert [parse_time(entry[key]) for key in ("first", "last")] == [
        parse_time(f"2026-11-20T{hour}:00:00Z") for hour in (10, 12)
    ]
    hidden = {"time": None, "fields": {"n": {"scheme": "det"}}}
    dark = encrypt(lines, ring=ring, profile=Profile.model_validate({"name": "y", **hidden}))
    (folder / "dark.zt").write_bytes(b"".join(dark))
    (entry,) = check(folder, "dark.zt")[1]["epochs"]
    assert (entry["events"], entry["first"], entry["last"]) == (2, None, None)


def test_events_without_a_header_are_counted(folder: Path) -> None:
    lines = (folder / "both.zt").read_bytes().splitlines(keepends=True)
    kids = [epoch.kid for epoch in Ring.open(folder / "ring.json").epochs]
    (folder / "cut.zt").write_bytes(b"".join(lines[1:]))  # of the first epoch's batch the header
    result, told = check(folder, "cut.zt")
    assert result.code == 1
    assert [(entry["kid"], entry["events"]) for entry in told["epochs"]] == [
        (kids[0], 3),
        (kids[1], 2),
    ]
    assert "no batch header" in told["epochs"][0]["verdict"]
    assert told["epochs"][1]["verdict"] == "opens"
    second = next(n for n, line in enumerate(lines[1:], 1) if b'"kind":"batch"' in line)
    headless = b"".join(lines[:second] + lines[second + 1 :])
    (folder / "headless.zt").write_bytes(headless)
    result, told = check(folder, "headless.zt", ring="old.json")
    assert result.code == 1
    assert "does not hold" in told["epochs"][1]["verdict"]


def test_malformed_lines_are_counted(folder: Path) -> None:
    whole = (folder / "both.zt").read_bytes()
    (folder / "bad.zt").write_bytes(b"garbage\n" + whole + b'{"zt":{}}\n' * 30)
    result, told = check(folder, "bad.zt")
    assert result.code == 1
    assert told["malformed"] == 31
    assert [entry["verdict"] for entry in told["epochs"]] == ["opens", "opens"]
    assert "line 1: not valid JSON" in result.err
    assert "error: 31 lines are malformed" in result.err
    assert result.err.count("\nline") < 21


def test_memory_is_bounded_whatever_a_file_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = parse_line((folder / "both.zt").read_bytes().splitlines()[0]).header  # type: ignore[union-attr]
    named = [write_line(header.model_copy(update={"kid": f"{number:08x}"})) for number in range(50)]
    monkeypatch.setattr(module, "MAX_EPOCHS", 50)
    assert len(epochs_of_wire(BytesIO(b"".join(named * 2))).epochs) == 50
    monkeypatch.setattr(module, "MAX_EPOCHS", 49)
    with pytest.raises(InputError, match="more than 49 epochs"):
        epochs_of_wire(BytesIO(b"".join(named)))
