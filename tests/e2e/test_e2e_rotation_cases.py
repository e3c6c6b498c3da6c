"""The named cases of rotation, and where each of them is tested.

rotated while encoding             test_rotated_while_encoding_*, test_rotated_at_any_moment
two rotations between two batches  test_two_rotations_between_two_batches
late events of a retired epoch     test_late_events_of_a_retired_epoch*
clock moved back                   test_clock_moved_back_*
top N differs from epoch to epoch  test_top_n_*
kid unknown                        test_e2e_wrong_rings.test_kid_unknown*
twin kid                           test_e2e_wrong_rings.test_twin_kid*
wrong passphrase                   test_e2e_wrong_rings.test_wrong_passphrase
damaged root                       test_e2e_wrong_rings.test_damaged_root*
truncated ring                     test_e2e_wrong_rings.test_truncated_ring
state flipped in the file          test_e2e_wrong_rings.test_state_flipped
rollback to an older generation    test_e2e_wrong_rings.test_rollback_*
ring of another tenant             test_e2e_wrong_rings.test_ring_of_another_tenant*
destroyed, then decrypted          test_e2e_wrong_rings.test_destroyed_*
rotated in the middle of an attack test_e2e_rotation (all of it)
rewrap killed                      test_e2e_rewrap.test_killed_at_any_moment_it_goes_on
ciphertexts that coincide          test_e2e_coincidences (all of it)
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from support.commands import ok
from support.history import contents, make_history
from support.in_process import fine

from analytics.jobs import run_jobs
from analytics.wire import EventLine, HeaderLine, parse_line
from analytics.wire.transport import BATCH_LINES
from keys import Ring
from zt.encoder import Encoder
from zt.jobs import compile_job, load_pack
from zt.profile import Profile
from zt.query import Session

BEFORE = BATCH_LINES + 100

SMALL_BATCHES = """
import sys
from analytics.wire.transport import line_batches
line_batches.__kwdefaults__["max_lines"] = 20
from zt.cli import main
sys.argv = ["zt", *sys.argv[1:]]
main()
"""


def lines_of(number: int) -> list[bytes]:
    """Lines of events, no two alike."""
    events = (
        {
            "@timestamp": f"2026-11-24T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z",
            "type": "auth-failed",
            "sip": {"from": f"sip:{n % 50}@example.org", "call_id": f"{n}"},
            "client": {"ip": f"192.0.2.{n % 7}"},
        }
        for n in range(number)
    )
    return [json.dumps(event).encode() + b"\n" for event in events]


def encrypting(ring: Path, out: BinaryIO, *python: str) -> subprocess.Popen[bytes]:
    """`zt encrypt` reading what the test writes into its pipe."""
    program = python or ("-m", "zt")
    options = ["-k", str(ring), "--stream", "s", "--rejects", str(ring.with_name("out.rejects"))]
    command = [sys.executable, *program, "encrypt", *options, "-"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> None:
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()


def wait_for_output(path: Path, events: int) -> None:
    deadline = time.monotonic() + 120
    while path.read_bytes().count(b'"seal":') < events:
        assert time.monotonic() < deadline, "nothing came out"
        time.sleep(0.01)


def epochs_of(path: Path) -> list[tuple[str, int]]:
    """The epochs of a wire stream's events, as runs of (kid, number)."""
    lines = [parse_line(line) for line in path.read_bytes().splitlines()]
    kids = [line.meta.kid for line in lines if isinstance(line, EventLine)]
    return [(kid, len(list(run))) for kid, run in groupby(kids)]


def ids_of(wire: bytes) -> list[str]:
    lines = [parse_line(line) for line in wire.splitlines()]
    return [line.meta.id for line in lines if isinstance(line, EventLine)]


def kids_of(ring: Path) -> list[str]:
    return [epoch.kid for epoch in Ring.open(ring).epochs]


# --- rotated while encoding --------------------------------------------------------------------


def encoded_over(folder: Path, rotations: int) -> tuple[bytes, Path]:
    """A stream of which `zt encrypt` has written `BEFORE` events when the ring rotates, so many
    times.

    Gives the plain lines and the wire file.
    """
    ring, wire = folder / "ring.json", folder / "rotated.zt"
    fine("zt-keys", "init", "-k", ring, "--tenant", "acme")
    lines = lines_of(BEFORE + 400)
    with wire.open("wb") as out, encrypting(ring, out) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join(lines[:BEFORE]))
        process.stdin.flush()
        wait_for_output(wire, BEFORE)
        for _ in range(rotations):
            ok("zt-keys", "rotate", "-k", ring)
        process.stdin.write(b"".join(lines[BEFORE:]))
        end(process)
    return b"".join(lines), wire


def test_rotated_while_encoding_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """What is read after the rotation is of the new epoch; a resend changes nothing in the store.

    The resend comes from a spool of plaintext, after the rotation: all of it is of the new epoch.
    """
    plain, wire = encoded_over(tmp_path, 1)
    ring, store = tmp_path / "ring.json", f"duckdb:{tmp_path / 'cloud.duckdb'}"
    old, new = kids_of(ring)
    assert epochs_of(wire) == [(old, BEFORE), (new, 400)]
    assert fine("zt", "decrypt", "-k", ring, wire).out.splitlines() == [
        json.dumps(json.loads(line), separators=(",", ":")).encode() for line in plain.splitlines()
    ]

    resent = fine("zt", "encrypt", "-k", ring, "--stream", "s", "-", stdin=plain).out
    assert b'"kid":"' + old.encode() not in resent
    assert ids_of(resent) == ids_of(wire.read_bytes()), "the ids are those of no rotation"
    assert len(set(ids_of(resent))) == BEFORE + 400
    events = [
        json.loads(fine("zt-analytics", "ingest", "-s", store, "-", "--json", stdin=given).out)
        for given in (wire.read_bytes(), resent)
    ]
    assert [report["events"] for report in events] == [BEFORE + 400, 0]
    checked = json.loads(fine("zt-keys", "check", "-k", ring, "-s", store, "--json").out)
    counts = {epoch["kid"]: epoch["events"] for epoch in checked["epochs"]}
    assert counts == {old: BEFORE, new: 400}
    top = json.loads(fine("zt", "top", "type", "-k", ring, "-s", store, "--json").out)
    assert top == [{"value": "auth-failed", "count": BEFORE + 400}]


def test_two_rotations_between_two_batches(tmp_path: Path) -> None:
    """The epoch in between encrypts nothing, and the ring holds it all the same."""
    plain, wire = encoded_over(tmp_path, 2)
    ring = tmp_path / "ring.json"
    first, _, last = kids_of(ring)
    assert epochs_of(wire) == [(first, BEFORE), (last, 400)]
    opened = fine("zt", "decrypt", "-k", ring, wire).out.splitlines()
    assert [json.loads(line) for line in opened] == [
        json.loads(line) for line in plain.splitlines()
    ]


def test_rotated_at_any_moment(tmp_path: Path) -> None:
    """Rotations run beside the encoder and hit it where they will."""
    ring, wire = tmp_path / "ring.json", tmp_path / "rotated.zt"
    fine("zt-keys", "init", "-k", ring, "--tenant", "acme")
    lines = lines_of(2_000)
    rotation = [sys.executable, "-m", "zt.cli.keys", "rotate", "-k", str(ring)]
    with wire.open("wb") as out, encrypting(ring, out, "-c", SMALL_BATCHES) as process:
        assert process.stdin is not None
        rest = iter(lines)
        for _ in range(3):
            with subprocess.Popen(rotation, stderr=subprocess.DEVNULL) as rotating:
                while rotating.poll() is None:
                    process.stdin.write(b"".join(islice(rest, 5)))
                    process.stdin.flush()
                    time.sleep(0.01)
            assert rotating.returncode == 0
        process.stdin.write(b"".join(rest))
        end(process)
    kids = kids_of(ring)
    met = [kid for kid, _ in epochs_of(wire)]
    assert [kid for kid in kids if kid in met] == met, "no epoch comes again after a newer one"
    batch = ""
    for line in map(parse_line, wire.read_bytes().splitlines()):
        if isinstance(line, HeaderLine):
            batch = line.header.kid
        elif isinstance(line, EventLine):
            assert line.meta.kid == batch, "a batch is of one epoch"
    unrotated = fine("zt", "encrypt", "-k", ring, "--stream", "s", "-", stdin=b"".join(lines)).out
    assert ids_of(unrotated) == ids_of(wire.read_bytes())
    opened = fine("zt", "decrypt", "-k", ring, wire).out.splitlines()
    assert [json.loads(line) for line in opened] == [json.loads(line) for line in lines]


def test_rotated_while_encoding_refused_lines_are_of_the_new_epoch_too(tmp_path: Path) -> None:
    """A retired epoch encrypts nothing any more, or destroying it would lose more than was said."""
    ring, wire, rejects = (tmp_path / name for name in ("ring.json", "out.zt", "out.rejects"))
    fine("zt-keys", "init", "-k", ring, "--tenant", "acme")
    with wire.open("wb") as out, encrypting(ring, out, "-c", SMALL_BATCHES) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join([b"bad\n", *lines_of(20)]))
        process.stdin.flush()
        wait_for_output(wire, 20)
        ok("zt-keys", "rotate", "-k", ring)
        process.stdin.write(b"worse\n")
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said.decode()
    kept = [json.loads(line)["zt"] for line in rejects.read_bytes().splitlines()]
    old, new = kids_of(ring)
    assert [(line["kid"], line["line"]) for line in kept] == [(old, 1), (new, 22)]
    assert fine("zt", "rejects", "-k", ring, rejects).out == b"bad\nworse\n"


# --- late events of a retired epoch ------------------------------------------------------------


@pytest.fixture
def guesses(demo_events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The demo's events of one source that guesses passwords, in order."""
    found = [event for event in demo_events if event["client"]["ip"] == "203.0.113.58"]
    assert len(found) == 12
    return sorted(found, key=lambda event: str(event["@timestamp"]))


def test_late_events_of_a_retired_epoch(
    tmp_path: Path, profile: Profile, guesses: list[dict[str, Any]]
) -> None:
    """A spool from before the rotation arrives last, with the middle of an attack in it.

    Encrypted in the order of time, ingested in another one, judged by the jobs after each.
    """
    history = make_history(tmp_path / "house", [[]], profile)
    old = history.ring
    spool = list(Encoder(old, profile, stream="spool").encrypt(map(line, guesses[:6])))
    history.rotate()
    history.add(guesses[6:], profile)
    with history.open() as store:
        session = Session(history.ring, store)
        for job in load_pack("sip").jobs:
            store.put_job(compile_job(job, session))
        run_jobs(store)
        assert not [finding for finding in store.findings() if not finding.partial]
        assert store.ingest(spool).events == 6
    asked = ("-k", history.path, "-s", history.store)
    assert "added parts" in fine("zt", "findings", *asked).err
    fine("zt-analytics", "run", "-s", history.store, "--once")
    found = fine("zt", "findings", *asked, "--json").out.splitlines()
    (finding,) = map(json.loads, found)
    assert (finding["group"], finding["metric"]) == ({"client.ip": "203.0.113.58"}, 12)
    assert finding["start"] == guesses[0]["@timestamp"]
    opened = [json.loads(line) for line in fine("zt", "search", "*", *asked).out.splitlines()]
    assert sorted(opened, key=lambda event: str(event["@timestamp"])) == guesses
    top = json.loads(fine("zt", "top", "client.ip", *asked, "--json").out)
    assert top == [{"value": "203.0.113.58", "count": 12}]


def test_late_events_of_a_retired_epoch_sent_twice_are_stored_once(
    tmp_path: Path, profile: Profile, guesses: list[dict[str, Any]]
) -> None:
    """By their spool again, and once more as plaintext under the new epoch."""
    history = make_history(tmp_path / "house", [[]], profile)
    late = list(Encoder(history.ring, profile, stream="s").encrypt(map(line, guesses)))
    history.rotate()
    anew = list(Encoder(history.ring, profile, stream="s").encrypt(map(line, guesses)))
    with history.open() as store:
        assert [store.ingest(wire).events for wire in (late[:-3], anew, late)] == [9, 3, 0]
        assert len(contents(Session(history.ring, store))) == len(guesses)


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"
