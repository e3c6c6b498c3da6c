"""The whole way as users go it: every command run for real on a capture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.commands import ok, run

DATA = Path(__file__).parents[2] / "examples" / "data"


@dataclass(frozen=True)
class House:
    """A customer's folder after the whole way was gone."""

    folder: Path
    events: list[dict[str, Any]]
    truth: dict[str, Any]
    said: str
    """Everything that the commands wrote to stderr."""
    cloud: str = ""
    """The URL of its store, if that is no file in the folder."""

    @property
    def ring(self) -> Path:
        return self.folder / "ring.json"

    @property
    def wire(self) -> Path:
        return self.folder / "events.zt"

    @property
    def database(self) -> Path:
        return self.folder / "cloud.duckdb"

    @property
    def store(self) -> str:
        return self.cloud or f"duckdb:{self.database}"

    @property
    def end(self) -> str:
        """The time of the newest event."""
        return str(max(event["@timestamp"] for event in self.events))


def build(
    folder: Path, capture: Path, truth: Path = DATA / "demo.truth.json", cloud: str = ""
) -> House:
    """Go the whole way up to the findings."""
    ring, wire, store = folder / "ring.json", folder / "events.zt", f"duckdb:{folder}/cloud.duckdb"
    store = cloud or store
    keys_and_store: tuple[str | Path, ...] = ("-k", ring, "-s", store)
    said = [
        ok("zt", "probe", "pcap", capture, "-o", folder / "events.ndjson").err,
        ok("zt-keys", "init", "-k", ring, "--tenant", "acme").err,
        ok("zt", "encrypt", "-k", ring, folder / "events.ndjson", "-o", wire).err,
        ok("zt-analytics", "ingest", "-s", store, wire).err,
        ok("zt", "jobs", "push", *keys_and_store).err,
        ok("zt-analytics", "run", "-s", store, "--once").err,
        ok("zt-analytics", "status", "-s", store).err,
    ]
    lines = (folder / "events.ndjson").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return House(folder, events, json.loads(truth.read_text()), "".join(said), cloud)


def policy_run(house: House, *more: str) -> tuple[int, dict[str, Any], str]:
    """`zt policy run --dry-run --json` as of the capture's end: exit code, decision, stderr."""
    command = ["zt", "policy", "run", "--dry-run", "--json", "--at", house.end, *more]
    result = run(*command, "-k", house.ring, "-s", house.store)
    return result.code, json.loads(result.out), result.err
