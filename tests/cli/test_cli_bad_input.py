"""Bad input: one clear error that names what to do, the right exit code, no traceback, and
nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import Result, ok, run

EVENT = {
    "@timestamp": "2026-11-23T10:00:00Z",
    "type": "auth-failed",
    "sip": {"from": "sip:alice-secret@example.com", "response": {"status": 401}},
    "client": {"ip": "203.0.113.9", "port": 5060},
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ring, events, a wire file and a store."""
    folder = tmp_path_factory.mktemp("prepared")
    lines = [json.dumps({**EVENT, "number": n}) + "\n" for n in range(20)]
    (folder / "events.ndjson").write_text("".join(lines))
    for name in ("ring", "other"):
        ok("zt-keys", "init", "-k", f"{name}.json", "--tenant", "acme", cwd=folder)
    ok("zt", "encrypt", "-k", "ring.json", "events.ndjson", "-o", "events.zt", cwd=folder)
    ok("zt-analytics", "ingest", "-s", "duckdb:cloud.duckdb", "events.zt", cwd=folder)
    return folder


@pytest.fixture
def edge(prepared: Path, tmp_path: Path) -> Path:
    """A copy of that folder, which the test may alter."""
    return Path(shutil.copytree(prepared, tmp_path / "edge"))


def refused(result: Result, *says: str, code: int = 1) -> None:
    """The command failed as its contract says."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert "secret" not in result.err
    for text in says:
        assert text in result.err


def test_a_file_that_is_no_capture(edge: Path) -> None:
    result = run("zt", "probe", "pcap", "events.ndjson", "-o", "out.ndjson", cwd=edge)
    refused(result, "not a capture file", "pcap")
    assert not (edge / "out.ndjson").exists()


def test_a_truncated_capture_gives_what_came_before(edge: Path, demo_capture: Path) -> None:
    (edge / "cut.pcap").write_bytes(demo_capture.read_bytes()[:300_001])
    result = run("zt", "probe", "pcap", "cut.pcap", "-o", "out.ndjson", cwd=edge)
    refused(result, "cut off after packet")
    events = [json.loads(line) for line in (edge / "out.ndjson").read_text().splitlines()]
    assert len(events) > 50


def test_an_invalid_line_is_named_and_kept_and_the_others_are_encrypted(edge: Path) -> None:
    good = json.dumps(EVENT)
    (edge / "mixed.ndjson").write_text(f'{good}\n{{"type": secret\n{good}\n{{"a":1,"a":2}}\n')
    result = run("zt", "encrypt", "-k", "ring.json", "mixed.ndjson", "-o", "mixed.zt", cwd=edge)
    refused(result, "line 2: not valid JSON", "line 4: a key stands twice", "mixed.zt.rejects")
    back = ok("zt", "decrypt", "-k", "ring.json", "mixed.zt", cwd=edge)
    assert [json.loads(line) for line in back.out.splitlines()] == [EVENT, EVENT]
    assert b"secret" not in (edge / "mixed.zt.rejects").read_bytes()
    kept = ok("zt", "rejects", "-k", "ring.json", "mixed.zt.rejects", cwd=edge)
    assert kept.out == b'{"type": secret\n{"a":1,"a":2}\n'


def test_a_missing_ring(edge: Path) -> None:
    result = run("zt", "encrypt", "-k", "no.json", "events.ndjson", "-o", "out.zt", cwd=edge)
    refused(result, "no key ring at no.json", "zt-keys init")
    assert not (edge / "out.zt").exists()


@pytest.mark.parametrize("name", ["ring.json", "ring.json.key"])
def test_a_ring_or_key_file_with_loose_permissions(edge: Path, name: str) -> None:
    (edge / name).chmod(0o644)
    result = run("zt", "decrypt", "-k", "ring.json", "events.zt", "-o", "out", cwd=edge)
    refused(result, "open to other users (mode 644)", "chmod 600")
    assert not (edge / "out").exists()


def test_a_ring_with_a_flipped_byte(edge: Path) -> None:
    raw = bytearray((edge / "ring.json").read_bytes())
    raw[len(raw) // 2] ^= 1
    (edge / "ring.json").write_bytes(raw)
    result = run("zt", "decrypt", "-k", "ring.json", "events.zt", cwd=edge)
    refused(result, "restore", "ring.json")
    assert result.out == b""


@pytest.mark.parametrize(
    "command",
    [
        ("zt", "decrypt", "events.zt"),
        ("zt", "search", "*", "-s", "duckdb:cloud.duckdb"),
        ("zt", "top", "client.ip", "-s", "duckdb:cloud.duckdb"),
        ("zt", "jobs", "push", "-s", "duckdb:cloud.duckdb"),
        ("zt", "findings", "--json", "-s", "duckdb:cloud.duckdb"),
        ("zt", "policy", "run", "--dry-run", "-s", "duckdb:cloud.duckdb"),
        ("zt-keys", "check", "events.zt"),
        ("zt-keys", "check", "-s", "duckdb:cloud.duckdb"),
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_a_wrong_key_gives_no_output(edge: Path, command: tuple[str, ...]) -> None:
    result = run(*command, "-k", "other.json", cwd=edge)
    refused(result, "epoch", "does not hold")
    assert result.out == b""


def test_another_tenants_ring(edge: Path) -> None:
    ok("zt-keys", "init", "-k", edge / "theirs.json", "--tenant", "other")
    result = run("zt", "top", "type", "-k", "theirs.json", "-s", "duckdb:cloud.duckdb", cwd=edge)
    refused(result, "tenant 'acme'", "'other'")


@pytest.mark.parametrize("kind", ["header", "value", "event"])
def test_a_batch_altered_by_one_bit(edge: Path, kind: str) -> None:
    lines = (edge / "events.zt").read_bytes().splitlines(keepends=True)
    marks = {"header": b'"tag":"', "value": b'"tokens":[', "event": b'"status":'}
    number = next(
        n
        for n, line in enumerate(lines)
        if marks[kind] in line and (kind != "header" or b'"kind":"batch"' in line)
    )
    at = lines[number].index(marks[kind]) + len(marks[kind])
    altered = bytearray(lines[number])
    altered[at] ^= 1
    lines[number] = bytes(altered)
    (edge / "events.zt").write_bytes(b"".join(lines))
    result = run("zt", "decrypt", "-k", "ring.json", "events.zt", "-o", "out", cwd=edge)
    refused(result, "events failed" if kind == "header" else f"line {number + 1}: ")
    if kind != "header":  # without its header no event of a batch can be opened
        expected = 19 if kind == "event" else 20
        assert len((edge / "out").read_bytes().splitlines()) == expected
        assert (edge / "out.rejects").read_bytes() == lines[number]


@pytest.fixture
def locked(edge: Path) -> Iterator[Path]:
    """The store, held by another process."""
    code = (
        "import sys; from analytics.store import open_store\n"
        "with open_store('duckdb:cloud.duckdb'): print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=edge, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        yield edge
        assert holder.stdin is not None
        holder.stdin.close()


@pytest.mark.parametrize(
    "command",
    [
        ("zt-analytics", "ingest", "events.zt"),
        ("zt-analytics", "run", "--once"),
        ("zt-analytics", "status"),
        ("zt", "search", "*", "-k", "ring.json"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_store_locked_by_another_process(locked: Path, command: tuple[str, ...]) -> None:
    result = run(*command, "-s", "duckdb:cloud.duckdb", cwd=locked)
    refused(result, "has the store cloud.duckdb open", "stop process")


def test_a_missing_store(edge: Path) -> None:
    result = run("zt", "search", "*", "-k", "ring.json", "-s", "duckdb:no.duckdb", cwd=edge)
    refused(result, "no.duckdb")
    assert not (edge / "no.duckdb").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\nfields:\n  sip.from: {scheme: det, serach: [gram]}\n", "line 3"),
        ("name: x\nfeilds: {}\n", "line 2"),
        ("name: x\nfields:\n  type: {scheme: rot13}\n", "line 3"),
        (
            "name: x\nfields:\n  type: {scheme: clear}\n  type: {scheme: drop}\n",
            "stands here twice",
        ),
        ("name: [\n", "line 2"),
    ],
)
def test_an_unknown_option_in_a_profile(edge: Path, text: str, says: str) -> None:
    (edge / "mine.yaml").write_text(text)
    result = run(
        "zt", "encrypt", "-k", "ring.json", "-p", "mine.yaml", "events.ndjson", "-o", "out.zt",
        cwd=edge,
    )  # fmt: skip
    refused(result, "mine.yaml", says)
    assert not (edge / "out.zt").exists()


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("sip.from", "a word without a field"),
        ("type:x AND sip.from:x~2", "fuzzy words (~) are not understood"),
        ("client.port:5060", "hidden from the cloud"),
        ("sip.from:*ab*", "at least 3 characters"),
        ("client.ip:*203.0*", "no search tokens"),
    ],
)
def test_questions_that_can_not_be_answered(edge: Path, question: str, says: str) -> None:
    result = run("zt", "search", question, "-k", "ring.json", "-s", "duckdb:cloud.duckdb", cwd=edge)
    refused(result, says)
    assert result.out == b""


@pytest.mark.parametrize(
    "command",
    [
        ("zt",),
        ("zt", "nonsense"),
        ("zt", "encrypt", "--nonsense"),
        ("zt-keys", "init"),
        ("zt-analytics", "ingest"),
    ],
    ids=" ".join,
)
def test_usage_errors_exit_with_2(command: tuple[str, ...]) -> None:
    assert run(*command).code == 2


def test_a_closed_pipe_ends_quietly(edge: Path) -> None:
    command = f"{sys.executable} -m zt decrypt -k ring.json events.zt | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=edge, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_a_full_disk_is_one_clear_error(edge: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    result = run("zt", "decrypt", "-k", "ring.json", "events.zt", "-o", "/dev/full", cwd=edge)
    refused(result, "can't read or write")


def test_encrypting_and_ingesting_again_changes_nothing(edge: Path) -> None:
    ok("zt", "encrypt", "-k", "ring.json", "events.ndjson", "-o", "again.zt", cwd=edge)
    assert (edge / "again.zt").read_bytes() == (edge / "events.zt").read_bytes()
    for name in ("events.zt", "again.zt"):
        ok("zt-analytics", "ingest", "-s", "duckdb:cloud.duckdb", name, cwd=edge)
    top = ok(
        "zt", "top", "type", "-k", "ring.json", "-s", "duckdb:cloud.duckdb", "--json", cwd=edge
    )
    assert json.loads(top.out) == [{"value": "auth-failed", "count": 20}]
