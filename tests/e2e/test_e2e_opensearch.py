"""The whole way through OpenSearch: the same answers as through DuckDB, and the same blocks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.commands import ok
from support.house import DATA, House, build, policy_run
from support.opensearch.removing import remove

pytestmark = pytest.mark.opensearch

QUESTIONS = [
    ("top", "sip.from", "--where", "type:call-start", "--json"),
    ("top", "client.ip", "--json"),
    ("count", "--by", "type", "--every", "1m", "--json"),
    ("count", "--where", "type:auth-failed", "--distinct", "client.ip", "--seen", "--json"),
    ("count", "--by", "sip.to_host", "--by", "sip.request.method", "--csv"),
    ("values", "sip.from", "*rdpx*"),
    ("search", "type:auth-failed AND user_agent.original:*scanner*", "--json"),
    ("search", "client.ip:203.0.113.0/24 AND NOT type:auth-failed", "--json"),
    ("search", "party:*302312* AND NOT type:(call-start OR call-end)", "--json"),
]


@pytest.fixture(scope="module")
def cloud(opensearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose cloud is a cluster."""
    prefix = f"house{secrets.token_hex(6)}"
    store = f"opensearch+{opensearch_url}/{prefix}"
    try:
        ok("zt-analytics", "init", "-s", store)
        yield build(tmp_path_factory.mktemp("cluster"), DATA / "demo.pcap", cloud=store)
    finally:
        remove(opensearch_url, prefix)


@pytest.fixture(scope="module")
def file(cloud: House) -> House:
    """The same wire, ring and jobs, with a file as its cloud."""
    house = replace(cloud, cloud="")
    ok("zt-analytics", "ingest", "-s", house.store, house.wire)
    ok("zt", "jobs", "push", "-k", house.ring, "-s", house.store)
    ok("zt-analytics", "run", "-s", house.store, "--once")
    return house


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: " ".join(question[:3]))
def test_answers_are_those_of_a_file(cloud: House, file: House, question: tuple[str, ...]) -> None:
    answers = [
        ok("zt", *question, "-k", house.ring, "-s", house.store).out for house in (cloud, file)
    ]
    assert answers[0], "nothing was found, so nothing was compared"
    assert answers[0] == answers[1]


def test_findings_are_those_of_a_file(cloud: House, file: House) -> None:
    """In the order in which they were found, which differs."""
    found = [
        sorted(ok("zt", "findings", "--json", "-k", house.ring, "-s", house.store).out.splitlines())
        for house in (cloud, file)
    ]
    assert len(found[0]) == 8
    assert found[0] == found[1]


def test_all_attackers_and_nobody_else_are_blocked(cloud: House) -> None:
    code, decision, said = policy_run(cloud)
    assert (code, said) == (0, "")
    assert {block["address"] for block in decision["blocks"]} == set(cloud.truth["attackers"])


def test_what_was_ingested_again_changes_nothing(cloud: House) -> None:
    ended = ok("zt-analytics", "ingest", "-s", cloud.store, cloud.wire, "--json")
    report = json.loads(ended.out)
    assert (report["events"], report["known_events"]) == (0, len(cloud.events))


def test_the_wire_of_a_store_decrypts_without_its_header(cloud: House, tmp_path: Path) -> None:
    """`zt decrypt -s` supplies the header that a cut file lacks."""
    lines = cloud.wire.read_bytes().splitlines(keepends=True)
    (tmp_path / "cut.zt").write_bytes(b"".join(lines[-5:]))
    plain = ok("zt", "decrypt", "-k", cloud.ring, "-s", cloud.store, tmp_path / "cut.zt").out
    assert list(map(json.loads, plain.splitlines())) == cloud.events[-5:]


def test_commands_of_the_operator(cloud: House) -> None:
    status = ok("zt-analytics", "status", "-s", cloud.store)
    assert f"events    {len(cloud.events)}\n".encode() in status.out
    assert b"None" not in status.out
    dry = ok(
        "zt-analytics", "expire", "-s", cloud.store, "--before", "2026-11-24T00:13:20Z",
        "--dry-run", "--json",
    )  # fmt: skip
    early = [e for e in cloud.events if e["@timestamp"] < "2026-11-24T00:13:20"]
    assert json.loads(dry.out)["events"] == len(early) > 0
    assert "bytes before" in ok("zt-analytics", "compact", "-s", cloud.store).err
    check = ok("zt-keys", "check", "-k", cloud.ring, "-s", cloud.store)
    assert f"{len(cloud.events)} events" in check.err
