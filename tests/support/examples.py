"""Running the programs in `examples/` as users do, and what must not show in what they write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from analytics.wire import EventLine, read_stream
from support.leaks import SHORTEST, strings_in

EXAMPLES = Path(__file__).parents[2] / "examples"
CLEAR = ("@timestamp", "type")


class Table(NamedTuple):
    """A ring and the demo's events, as files."""

    folder: Path
    ring: Path
    events: Path

    def command(self, example: str, *arguments: str | Path) -> list[str]:
        """How an example is started."""
        return [sys.executable, str(EXAMPLES / example), *map(str, arguments)]

    def run(self, example: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
        """Run an example to its end."""
        return subprocess.run(
            self.command(example, *arguments),
            cwd=self.folder, capture_output=True, timeout=120, check=False,
        )  # fmt: skip


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def event_ids(wire: Iterable[bytes]) -> list[str]:
    """The ids of the encrypted events, in their order."""
    return [line.meta.id for line in read_stream(wire) if isinstance(line, EventLine)]


def identities(events: list[dict[str, Any]]) -> set[str]:
    """Every string of events that the preset hides, long enough to be found by more than chance."""
    hidden = [{key: value for key, value in e.items() if key not in CLEAR} for e in events]
    # a call's start is another event's clear time
    times = {event["@timestamp"] for event in events}
    methods = {"REGISTER", "SUBSCRIBE"}
    return {v for v in strings_in(hidden) - times - methods if len(v) >= SHORTEST}
