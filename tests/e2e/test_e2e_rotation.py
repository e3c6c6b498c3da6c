"""Keys rotate in the middle of the attacks: the same are found and blocked as without."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.commands import ok, run
from support.house import House, policy_run

from keys.lifecycle import rotate_ring

SLOW_GUESSER = "203.0.113.58"
"""It guesses twelve passwords; eight within five minutes are an attack."""


def findings(house: House) -> list[dict[str, Any]]:
    """What was found, but for what hangs on keys: ids, and how many events, taken in the order of
    theirs, weigh enough for a proof (one may stand for many).
    """
    answer = ok("zt", "findings", "-k", house.ring, "-s", house.store, "--json")
    found = [json.loads(line) for line in answer.out.splitlines()]
    assert all(item.pop("id") and item.pop("events") for item in found)
    return sorted(found, key=json.dumps)


def blocks(house: House) -> list[tuple[str, str]]:
    code, decision, said = policy_run(house)
    assert (code, said) == (0, "")
    return sorted((block["address"], block["job"]) for block in decision["blocks"])


def pieces(house: House, number: int) -> list[list[str]]:
    """The events by time, cut so that the slow guesser has as many in each piece."""
    ordered = sorted(house.events, key=lambda event: str(event["@timestamp"]))
    guesses = [i for i, event in enumerate(ordered) if event["client"]["ip"] == SLOW_GUESSER]
    assert len(guesses) == 12
    cuts = [0, *(guesses[12 * n // number] for n in range(1, number)), len(ordered)]
    return [
        [json.dumps(event) + "\n" for event in ordered[low:high]] for low, high in pairwise(cuts)
    ]


def send(house: House, lines: list[str], stream: str) -> None:
    plain = house.folder / f"{stream}.ndjson"
    plain.write_text("".join(lines))
    wire = plain.with_suffix(".zt")
    ok("zt", "encrypt", "-k", house.ring, plain, "-o", wire, "--stream", stream)
    ok("zt-analytics", "ingest", "-s", house.store, wire)


def rotated(house: House, folder: Path, number: int, between: Callable[[House], None]) -> House:
    """A house whose keys rotated between pieces of the same events."""
    ok("zt-keys", "init", "-k", folder / "ring.json", "--tenant", "acme")
    other = replace(house, folder=folder)
    for turn, lines in enumerate(pieces(house, number)):
        if turn:
            rotate_ring(other.ring)
        send(other, lines, f"piece-{turn}")
        between(other)
    return other


def push(house: House) -> None:
    ok("zt", "jobs", "push", "-k", house.ring, "-s", house.store)


def run_jobs(house: House) -> None:
    ok("zt-analytics", "run", "-s", house.store, "--once")


@pytest.mark.parametrize("number", [2, 3])
def test_what_straddles_a_rotation_is_found_and_blocked_as_without(
    house: House, tmp_path: Path, number: int
) -> None:
    other = rotated(house, tmp_path, number, lambda house: None)
    push(other)
    run_jobs(other)
    assert findings(other) == findings(house)
    found = blocks(other)
    assert found == blocks(house)
    assert {address for address, _ in found} == set(house.truth["attackers"])
    assert not {address for address, _ in found} & set(house.truth["ordinary"])


def test_jobs_follow_a_rotation_by_themselves(house: House, tmp_path: Path) -> None:
    """Pushed once, before the rotation: who looks at findings brings the new epoch's parts."""

    def go_on(other: House) -> None:
        if not (other.folder / "pushed").exists():
            push(other)
            (other.folder / "pushed").touch()
        run_jobs(other)

    other = rotated(house, tmp_path, 2, go_on)
    arguments = ("-k", other.ring, "-s", other.store)
    said = run("zt", "policy", "run", "--dry-run", "--at", house.end, *arguments).err
    assert "password-guessing, scanning, probing: added parts for new keys" in said
    listed = json.loads(ok("zt", "jobs", "list", "-s", other.store, "--json").out)
    assert [len(job["parts"]) for job in listed] == [2, 2, 2]
    run_jobs(other)
    assert ok("zt", "findings", *arguments).err == ""
    assert findings(other) == findings(house)
    assert blocks(other) == blocks(house)
