"""Fixtures of the command line's tests."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from support.commands import MODULES, ok
from support.examples import Table

from keys import Ring

SHIM = '#!/bin/sh\nexec "{python}" -m {module} "$@"\n'


@pytest.fixture
def desk(tmp_path: Path, demo_capture: Path) -> tuple[Path, dict[str, str]]:
    """A folder with the demo capture, and an environment in which the commands are found."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, module in MODULES.items():
        (commands / name).write_text(SHIM.format(python=sys.executable, module=module))
        (commands / name).chmod(0o755)
    folder = tmp_path / "desk"
    folder.mkdir()
    shutil.copy(demo_capture, folder / "demo.pcap")
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    return folder, {"PATH": path, "HOME": str(tmp_path)}


@pytest.fixture
def table(tmp_path: Path, shared_ring: Ring, demo_capture: Path) -> Table:
    """A ring and the demo's events, for the examples to work on."""
    events = tmp_path / "events.ndjson"
    ok("zt", "probe", "pcap", demo_capture, "-o", events)
    return Table(tmp_path, shared_ring.path, events)
