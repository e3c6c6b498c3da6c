"""Running the command lines as users do."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MODULES = {"zt": "zt", "zt-analytics": "analytics.cli", "zt-keys": "zt.cli.keys"}


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: bytes
    err: str


def run(
    *command: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
) -> Result:
    """Run `zt`, `zt-analytics` or `zt-keys`, bounded in time."""
    name, *arguments = map(str, command)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ZT_")}
    done = subprocess.run(
        [sys.executable, "-m", MODULES[name], *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=clean | (env or {}),
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def ok(
    *command: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
) -> Result:
    """Run a command that must end with 0."""
    result = run(*command, cwd=cwd, stdin=stdin, env=env)
    assert result.code == 0, result.err
    return result
