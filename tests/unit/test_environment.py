"""The set-up tells people whose Python can't do it what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "environment.py"

RUN = """
import builtins, sys
real = builtins.__import__
def without(name, *rest):
    if name == {missing!r}:
        raise ImportError(name)
    return real(name, *rest)
builtins.__import__ = without
sys.version_info = {version!r}
sys.argv = ["environment.py", "run"]
exec(compile(open({script!r}).read(), "environment.py", "exec"), {{"__name__": "__main__"}})
"""


@pytest.mark.parametrize(
    ("version", "missing", "says"),
    [
        ((3, 9, 2), "nothing", "Python 3.11 or later is needed, this is 3.9"),
        ((3, 11, 2), "ensurepip", "apt-get install python3-venv"),
    ],
)
def test_the_set_up_says_what_is_missing(
    tmp_path: Path, version: tuple[int, ...], missing: str, says: str
) -> None:
    code = RUN.format(version=version, missing=missing, script=str(SCRIPT))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
