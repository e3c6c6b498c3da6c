"""Fixtures of the command line's tests."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from support.commands import MODULES

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
