"""Running the commands that documents show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.commands import MODULES

SHIM = '#!/bin/sh\nexec "{python}" -m {module} "$@"\n'

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
"""The blocks of commands of a page."""


def environment(home: Path) -> dict[str, str]:
    """An environment in which the commands are found, which are put into the folder."""
    commands = home / "bin"
    commands.mkdir()
    for name, module in MODULES.items():
        (commands / name).write_text(SHIM.format(python=sys.executable, module=module))
        (commands / name).chmod(0o755)
    return {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}


def bash(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script that stops at the first command that fails."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
