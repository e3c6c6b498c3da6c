"""`zt-analytics expire`, `compact` and the figures of `status`, run as users run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.test_cli_analytics import call, push, store, wire
from support.job_lines import KID, PROFILE

__all__ = ["store", "wire"]


@pytest.fixture
def filled(store: str, wire: Path) -> str:
    """Five events of the first seconds of 1970, and a job that has not run."""
    call("ingest", "-s", store, wire)
    push(store)
    return store


def test_a_dry_run_then_the_run_itself(filled: str) -> None:
    ended = call("expire", "-s", filled, "--before", "1970-01-01T00:00:03Z", "--dry-run", "--json")
    assert ended.code == 0
    assert "would remove 3 events" in ended.err
    assert "no job had looked at 3" in ended.err
    assert json.loads(ended.out)["events"] == 3
    ended = call("expire", "-s", filled, "--before", "1970-01-01T00:00:03Z")
    assert (ended.code, ended.out) == (0, "")
    assert "removed 3 events" in ended.err
    assert json.loads(call("status", "-s", filled, "--json").out)["events"] == 2


@pytest.mark.parametrize("before", ["90d", "12h", "1w", "5m", "2026-01-01"])
def test_ages_and_dates(filled: str, before: str) -> None:
    ended = call("expire", "-s", filled, "--before", before, "--json")
    assert json.loads(ended.out)["events"] == 5


@pytest.mark.parametrize("before", ["", "0d", "90", "d", "2026-13-01", "9999-01-01", "-5d", "٣d"])
def test_what_is_no_past_time_removes_nothing(filled: str, before: str) -> None:
    """A date in the future would remove everything: a slip, not a wish."""
    assert call("expire", "-s", filled, f"--before={before}").code == 2
    assert json.loads(call("status", "-s", filled, "--json").out)["events"] == 5


def test_expire_needs_a_time_and_a_store(filled: str) -> None:
    assert call("expire", "-s", filled).code == 2
    ended = call("expire", "-s", "duckdb:nowhere.db", "--before", "1d")
    assert (ended.code, "no store at" in ended.err) == (1, True)


def test_compact_says_the_bytes(filled: str) -> None:
    ended = call("compact", "-s", filled, "--json")
    report = json.loads(ended.out)
    assert ended.code == 0
    assert f"{report['before']} bytes before, {report['after']} after" in ended.err
    assert json.loads(call("status", "-s", filled, "--json").out)["bytes"] == report["after"]


def test_status_shows_figures_and_how_far_jobs_are(filled: str) -> None:
    facts = json.loads(call("status", "-s", filled, "--json").out)
    assert (facts["events"], facts["position"], facts["timeless"]) == (5, 5, 0)
    assert facts["first"] == "1970-01-01T00:00:00.000000Z"
    (job,) = facts["jobs"]
    assert job["lag"] == 5
    assert job["progress"] == [{"kid": KID, "profile": PROFILE, "watermark": 0, "lag": 5}]
    call("run", "-s", filled, "--once")
    facts = json.loads(call("status", "-s", filled, "--json").out)
    assert (facts["jobs"][0]["lag"], facts["findings"]) == (0, 1)
    shown = call("status", "-s", filled).out
    for line in ("events    5", "findings  1", "times     1970-01-01T00:00:00.000000Z to"):
        assert line in shown
