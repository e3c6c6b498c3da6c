"""The example's roles: each lets its commands do all that they do, and nothing else.

No security plugin judges here: what the commands ask is recorded, and compared with the roles.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from opensearchpy import OpenSearch
from support.in_process import fine
from support.opensearch.asked import CLUSTER, Right, recording
from support.opensearch.removing import remove

pytestmark = pytest.mark.opensearch

ROLES = Path(__file__).parents[2] / "examples" / "opensearch-dashboards" / "roles.yml"
NAMES = ["edge_write", "edge_read", "runner", "operator", "dashboards"]


def roles() -> dict[str, Any]:
    """The roles by name, without the prefix of the store."""
    found: dict[str, Any] = yaml.safe_load(ROLES.read_text())
    assert found.pop("_meta") == {"type": "roles", "config_version": 2}
    return {name.removeprefix("acme_"): role for name, role in found.items()}


@pytest.fixture(scope="module")
def monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    """Undone after the last test of this file."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def needed(
    opensearch_url: str,
    demo_capture: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, set[Right]]:
    """By role the rights that its commands need, over the whole life of a store."""
    prefix, folder = f"role{secrets.token_hex(6)}", tmp_path_factory.mktemp("roles")
    store = f"opensearch+{opensearch_url}/{prefix}"
    names = ("events.ndjson", "old.ndjson", "more.ndjson", "events.zt")
    events, old, more, wire = (folder / name for name in names)
    rights: dict[str, set[Right]] = {}

    def do(role: str, *command: str | Path) -> None:
        with recording(prefix) as found:
            fine(*command, "-s", store)
        rights.setdefault(role, set()).update(found)

    monkeypatch.setenv("ZT_KEYS", str(folder / "ring.json"))
    # What comes in one page needs no right to points in time, and what is larger does.
    monkeypatch.setattr("analytics.store.opensearch.cluster.PAGE", 1)
    fine("zt", "probe", "pcap", demo_capture, "-o", events)
    old.write_text(events.read_text().replace('":"2026-11-24T', '":"2025-11-24T'))
    more.write_text(events.read_text().replace('"call_id":"', '"call_id":"more-'))
    try:
        do("operator", "zt-analytics", "init")
        # Each in an epoch of its own, but the last one: its groups have findings already.
        for source, is_new in ((old, True), (events, True), (events, True), (more, False)):
            if is_new:
                fine("zt-keys", "rotate" if wire.exists() else "init", *_tenant(wire))
            fine("zt", "encrypt", source, "-o", wire)
            do("edge_write" if source == old else "later_write", "zt-analytics", "ingest", wire)
            do("edge_write", "zt", "jobs", "push")
            do("runner", "zt-analytics", "run", "--once")
        do("operator", "zt-analytics", "expire", "--before", "2026-01-01")  # a month, an epoch
        do("edge_read", "zt", "top", "sip.from")
        do("edge_read", "zt", "count", "--by", "type", "--every", "1m")
        do("edge_read", "zt", "count", "--distinct", "client.ip")
        do("edge_read", "zt", "values", "sip.from", "*rdpx*")
        do("edge_read", "zt", "search", "party:*302312* AND NOT type:call-end")
        do("edge_read", "zt", "search", "client.ip:203.0.113.0/24")
        do("edge_read", "zt", "findings")
        do("edge_read", "zt", "jobs", "list")
        do("edge_read", "zt", "policy", "run", "--dry-run", "--at", "2026-11-24T00:13:40Z")
        do("edge_read", "zt-keys", "check")
        do("edge_write", "zt-keys", "rewrap")
        do("edge_write", "zt", "jobs", "remove", "scanning")
        do("operator", "zt-analytics", "expire", "--before", "2026-11-24T00:13:20Z")
        do("operator", "zt-analytics", "status")
        do("operator", "zt-analytics", "compact")
        with OpenSearch(opensearch_url) as client, recording(prefix) as rights["dashboards"]:
            client.field_caps(index=f"{prefix}.events", params={"fields": "*"})
            client.search(index=f"{prefix}.events", body={"size": 0})
    finally:
        remove(opensearch_url, prefix)
    rights["edge_write"] |= rights["later_write"]
    return rights


def _tenant(wire: Path) -> tuple[str, ...]:
    return () if wire.exists() else ("--tenant", "acme")


def granted(role: dict[str, Any]) -> set[tuple[str, str]]:
    """A role's patterns of indices, without the prefix, each with a pattern of actions."""
    found = {(CLUSTER, action) for action in role["cluster_permissions"]}
    for part in role["index_permissions"]:
        for pattern in part["index_patterns"]:
            assert pattern.startswith("acme.")
            found |= {(pattern.removeprefix("acme"), action) for action in part["allowed_actions"]}
    return found


def allows(grant: tuple[str, str], right: Right) -> bool:
    pattern, action = grant
    literal = action.replace("[", "[[]")
    return fnmatchcase(right.place, pattern) and fnmatchcase(right.action, literal)


@pytest.mark.parametrize("name", NAMES)
def test_a_role_lets_its_commands_do_all_that_they_do(
    needed: dict[str, set[Right]], name: str
) -> None:
    grants = granted(roles()[name])
    rights = needed[name]
    assert [" ".join(r) for r in sorted(rights) if not any(allows(g, r) for g in grants)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_role_allows_nothing_that_its_commands_do_not_do(
    needed: dict[str, set[Right]], name: str
) -> None:
    needs = needed[name]
    grants = sorted(granted(roles()[name]))
    assert [" ".join(g) for g in grants if not any(allows(g, r) for r in needs)] == []


def test_a_writer_of_known_columns_maps_nothing(needed: dict[str, set[Right]]) -> None:
    """So the operator can keep the right to index templates, which have no owners."""
    actions = {right.action for right in needed["later_write"]}
    assert "indices:data/write/bulk" in actions
    assert not actions & {"indices:admin/index_template/put", "indices:admin/mapping/put"}
