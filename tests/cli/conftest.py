"""Fixtures of the command line's tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.commands import ok
from support.documents import environment
from support.examples import Table

from keys import Ring


@pytest.fixture
def desk(tmp_path: Path, demo_capture: Path) -> tuple[Path, dict[str, str]]:
    """A folder with the demo capture, and an environment in which the commands are found."""
    folder = tmp_path / "desk"
    folder.mkdir()
    shutil.copy(demo_capture, folder / "demo.pcap")
    return folder, environment(tmp_path)


@pytest.fixture
def table(tmp_path: Path, shared_ring: Ring, demo_capture: Path) -> Table:
    """A ring and the demo's events, for the examples to work on."""
    events = tmp_path / "events.ndjson"
    ok("zt", "probe", "pcap", demo_capture, "-o", events)
    return Table(tmp_path, shared_ring.path, events)
