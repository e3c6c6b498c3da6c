"""Keys rotate in the middle of the attacks, history is encrypted again, the old keys are destroyed:
what is found and blocked stays what it would be under one key.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.commands import ok
from support.house import House, policy_run


def findings(house: House) -> list[dict[str, Any]]:
    """What was found, but for ids and the number of events, which hangs on theirs."""
    answer = ok("zt", "findings", "-k", house.ring, "-s", house.store, "--json")
    found = [json.loads(line) for line in answer.out.splitlines()]
    assert all(item.pop("id") and item.pop("events") for item in found)
    return sorted(found, key=json.dumps)


def groups(findings: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    return {(item["job"], *item["group"].values()) for item in findings}


def blocks(house: House) -> list[tuple[str, str]]:
    code, decision, said = policy_run(house)
    assert (code, said) == (0, "")
    return sorted((block["address"], block["job"]) for block in decision["blocks"])


@pytest.fixture
def rotated(house: House, tmp_path: Path) -> House:
    """The same events, half of them under each of two epochs."""
    other = replace(house, folder=tmp_path)
    ok("zt-keys", "init", "-k", other.ring, "--tenant", "acme")
    ordered = sorted(house.events, key=lambda event: str(event["@timestamp"]))
    for turn, events in enumerate((ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :])):
        if turn:
            ok("zt-keys", "rotate", "-k", other.ring)
        plain, wire = tmp_path / f"{turn}.ndjson", tmp_path / f"{turn}.zt"
        plain.write_text("".join(json.dumps(event) + "\n" for event in events))
        ok("zt", "encrypt", "-k", other.ring, plain, "-o", wire)
        ok("zt-analytics", "ingest", "-s", other.store, wire)
    return other


@pytest.mark.parametrize("found_before", [True, False], ids=["found-before", "not-found-before"])
def test_findings_and_blocks_outlive_the_old_keys(
    house: House, rotated: House, found_before: bool
) -> None:
    """A window that was found in one epoch keeps its place when older events of the other join it:
    then the same attacks are found, if not with the same first event.
    """
    wanted, wanted_blocks = findings(house), blocks(house)
    keys_and_store: tuple[str | Path, ...] = ("-k", rotated.ring, "-s", rotated.store)

    def check() -> None:
        found = findings(rotated)
        assert blocks(rotated) == wanted_blocks
        assert len(found) == len(wanted)
        assert groups(found) == groups(wanted)
        assert found_before or found == wanted

    ok("zt", "jobs", "push", *keys_and_store)
    if found_before:
        ok("zt-analytics", "run", "-s", rotated.store, "--once")
        check()
    rings = json.loads(ok("zt-keys", "list", "-k", rotated.ring, "--json").out)
    old = rings["epochs"][0]["kid"]
    ok("zt-keys", "rewrap", *keys_and_store)
    if found_before:
        check()
    for _ in range(2):
        ok("zt-analytics", "run", "-s", rotated.store, "--once")
        check()
    ok("zt-keys", "destroy", old, *keys_and_store)
    check()
    ok("zt-analytics", "run", "-s", rotated.store, "--once")
    check()
