"""All attackers are found and blocked, no ordinary user, and a lying cloud blocks nobody."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.captures import without_addresses
from support.commands import ok, run
from support.house import DATA, House, build, policy_run
from support.lies import Lies

CONSERVATIVE = """
name: proven-only
rules:
  - {job: password-guessing, block: client.ip, for: 1h, max_age: 10m}
  - {job: scanning, block: client.ip, for: 1h, max_age: 10m}
"""


def blocked(decision: dict[str, object]) -> set[str]:
    blocks = decision["blocks"]
    assert isinstance(blocks, list)
    return {block["address"] for block in blocks}


def test_all_attackers_and_nobody_else_are_blocked(house: House) -> None:
    code, decision, said = policy_run(house)
    assert (code, said) == (0, "")
    assert blocked(decision) == set(house.truth["attackers"])
    assert not blocked(decision) & set(house.truth["ordinary"])


def test_every_attacker_is_found_for_what_it_did(house: House) -> None:
    jobs = {"guess": "password-guessing", "scan": "scanning", "probe": "probing"}
    answer = ok("zt", "findings", "-k", house.ring, "-s", house.store, "--json")
    found = {
        (finding["group"]["client.ip"], finding["job"])
        for finding in map(json.loads, answer.out.splitlines())
    }
    assert found == {
        (address, jobs[kind])
        for address, kinds in house.truth["attackers"].items()
        for kind in kinds
    }


def test_a_policy_that_wants_proof_blocks_only_those_who_gave_it(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(CONSERVATIVE)
    code, decision, said = policy_run(house, "-c", str(tmp_path / "policy.yaml"))
    guessers = {a for a, kinds in house.truth["attackers"].items() if "guess" in kinds}
    assert blocked(decision) == guessers
    assert code == 1
    assert "never proved its address" in said


def test_networks_of_never_are_not_blocked(house: House, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(CONSERVATIVE + "never: [198.51.100.0/24]\n")
    _, decision, said = policy_run(house, "-c", str(tmp_path / "policy.yaml"))
    assert "198.51.100.83" not in blocked(decision)
    assert "never blocks" in said


def test_old_evidence_blocks_nobody(house: House) -> None:
    result = run(
        "zt", "policy", "run", "--dry-run", "--json", "-k", house.ring, "-s", house.store,
        "--at", "2027-06-01T00:00:00Z",
    )  # fmt: skip
    assert result.code == 1
    assert blocked(json.loads(result.out)) == set()
    assert "too old" in result.err


def test_without_the_attackers_packets_there_is_no_finding(house: House, tmp_path: Path) -> None:
    peaceful = tmp_path / "peaceful.pcap"
    without_addresses(DATA / "demo.pcap", peaceful, set(house.truth["attackers"]))
    (tmp_path / "house").mkdir()
    quiet = build(tmp_path / "house", peaceful)
    assert {event["type"] for event in quiet.events} >= {"reg-new", "call-start", "auth-failed"}
    assert ok("zt", "findings", "-k", quiet.ring, "-s", quiet.store, "--json").out == b""
    code, decision, _ = policy_run(quiet)
    assert (code, decision["blocks"]) == (0, [])


@pytest.mark.parametrize("lie", Lies.ALL, ids=lambda lie: lie.__name__)
def test_a_lying_cloud_blocks_nobody_wrongly(
    house: House, tmp_path: Path, lie: Callable[[Lies], None]
) -> None:
    """Each lie is told to a copy of the store; the truth still gets its block, if it is told."""
    folder = tmp_path / "liar"
    shutil.copytree(house.folder, folder)
    liar = replace(house, folder=folder)
    lie(Lies(liar))
    code, decision, said = policy_run(liar)
    assert blocked(decision) <= set(house.truth["attackers"])
    assert code == 1
    assert "refused" in said
