"""`zt-analytics init`, run as users run it, on both kinds of store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.test_cli_analytics import call, wire
from support.job_lines import Event, batch
from support.opensearch.removing import remove

__all__ = ["wire"]


@pytest.fixture
def cluster_store(opensearch_url: str) -> Iterator[tuple[str, str, str]]:
    """The URL of a store that is not there yet, the cluster's, and the prefix."""
    prefix = f"init{secrets.token_hex(6)}"
    yield f"opensearch+{opensearch_url}/{prefix}", opensearch_url, prefix
    remove(opensearch_url, prefix)


def made(store: str) -> list[str]:
    ended = call("init", "-s", store, "--json")
    assert ended.code == 0, ended.err
    names: list[str] = json.loads(ended.out)["made"]
    assert [f"made {name}" for name in names] == [
        line for line in ended.err.splitlines() if line.startswith("made ")
    ]
    return names


def test_a_file_is_made_once_and_kept(tmp_path: Path, wire: Path) -> None:
    path = tmp_path / "new.duckdb"
    store = f"duckdb:{path}"
    assert made(store) == [f"the file {path}"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert call("ingest", "-s", store, wire).code == 0
    ended = call("init", "-s", store)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "the store is there, and lacks nothing\n"
    assert json.loads(call("status", "-s", store, "--json").out)["events"] == 5


def test_what_is_no_store_is_neither_taken_nor_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("dear cloud")
    ended = call("init", "-s", f"duckdb:{path}")
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert path.read_text() == "dear cloud"
    assert call("init", "-s", "redis:x").code == 1


@pytest.mark.opensearch
def test_indices_and_template_are_made_once(cluster_store: tuple[str, str, str]) -> None:
    store, _, prefix = cluster_store
    names = made(store)
    assert f"the index template {prefix}.events" in names
    assert {f"the index {prefix}.{name}" for name in ("values", "state", "findings")} <= set(names)
    assert made(store) == []
    shown = call("status", "-s", store).out
    assert "events    0" in shown
    assert "None" not in shown


@pytest.mark.opensearch
def test_what_a_restored_snapshot_lacks_is_made_anew(
    cluster_store: tuple[str, str, str], wire: Path
) -> None:
    """Without its template a new month would lie beside the alias, and be in no answer."""
    store, url, prefix = cluster_store
    assert call("ingest", "-s", store, wire).code == 0
    remove(url, prefix, indices=False)
    assert made(store) == [f"the index template {prefix}.events"]
    later = b"".join(batch([(100, Event(1_764_000_000, "attacker"))]))
    assert call("ingest", "-s", store, stdin=later).code == 0
    assert json.loads(call("status", "-s", store, "--json").out)["events"] == 6
