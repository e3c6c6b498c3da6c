"""Running the commands that documents show."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
"""The blocks of commands of a page."""


def bash(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script that stops at the first command that fails."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
