"""The cloud's package can't reach keys or ciphers, whatever the import contracts say.

import-linter reads imports; here the package runs where the forbidden modules do not exist, and
its sources are searched for imports that are made at run time.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = ("zt", "keys", "cryptography", "pyffx")
OF_ANALYTICS_FOR_THE_EDGE = ("analytics.wire", "analytics.store", "analytics.jobs")

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {forbidden!r}:
            raise ImportError("forbidden: " + name)

sys.meta_path.insert(0, Refuse())
for name in {extra!r}:
    importlib.import_module(name)
import analytics
count = 0
for module in pkgutil.walk_packages(analytics.__path__, "analytics."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        count += 1
print(count)
"""


def import_everything(extra: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    code = IMPORT_EVERYTHING.format(forbidden=FORBIDDEN, extra=extra)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_cloud_runs_where_keys_and_ciphers_do_not_exist() -> None:
    done = import_everything()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


@pytest.mark.parametrize("module", FORBIDDEN)
def test_the_refusal_works(module: str) -> None:
    done = import_everything((module,))
    assert done.returncode != 0
    assert f"forbidden: {module}" in done.stderr


def sources(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("path", sources("analytics"), ids=lambda path: path.stem)
def test_the_cloud_imports_nothing_at_run_time(path: Path) -> None:
    """No `importlib`, `__import__`, `exec`, `eval` or entry points that a contract can't see."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = {alias.name.split(".")[0] for alias in node.names}
            modules.add((getattr(node, "module", None) or "").split(".")[0])
            assert not modules & {"importlib", "pkgutil", "runpy", "pickle", *FORBIDDEN}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("__import__", "exec", "eval", "compile")


@pytest.mark.parametrize("package", ["zt"])
def test_the_edge_uses_only_the_doors_of_the_cloud(package: str) -> None:
    for path in sources(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("analytics"):
                assert (node.module or "").startswith(OF_ANALYTICS_FOR_THE_EDGE), path
