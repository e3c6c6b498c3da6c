"""The systemd units of examples/systemd, as systemd reads them."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "systemd"

LOOSEST = 2.0
"""What a unit may have of systemd's own measure, from 0 (tight) to 10."""


class Unit:
    """One unit.

    Args:
        name: of its file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (FOLDER / name).read_text()
        lines = [line for line in self.text.splitlines() if not line.startswith("#")]
        joined = "\n".join(lines).replace("\\\n", " ")
        self._directives: list[tuple[str, str]] = re.findall(r"^(\w+)=(.*)$", joined, re.MULTILINE)

    def values(self, name: str) -> list[str]:
        """All values of a directive, in their order."""
        return [value for found, value in self._directives if found == name]

    def command(self, variables: dict[str, str]) -> list[str]:
        """What the unit runs, as systemd would replace its variables."""
        for value in self.values("Environment"):
            name, _, content = value.strip('"').partition("=")
            variables = {name: content} | variables
        (line,) = self.values("ExecStart")
        return shlex.split(re.sub(r"\$\{?(\w+)\}?", lambda match: variables[match[1]], line))

    def with_program(self, folder: Path, program: Path) -> Path:
        """The unit in a folder, with a program that is there."""
        path = folder / self.name
        path.write_text(self.text.replace("/opt/zt-analytics/bin/zt", str(program)))
        return path


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze."""
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def exposure(said: str) -> float:
    """The measure that `systemd-analyze security` found."""
    found = re.search(r"exposure level for \S+: (\d+\.\d+)", said)
    assert found, said
    return float(found[1])
