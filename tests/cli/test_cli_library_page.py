"""docs/library.md: its program runs as it stands, and what it names is there."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from inspect import signature
from pathlib import Path

import keys
import zt.encoder
import zt.errors
from zt.encoder import Decoder, DecryptReport, Encoder, EncryptReport

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text()


def test_the_quick_start_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "192.0.2.7\n0 0\n"), done.stderr


def test_what_the_page_says_to_import_is_there() -> None:
    """And of the encoder it is all that there is."""
    rows = re.findall(r"^\| `((?:keys|zt|analytics)[a-z.]*)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for module, text in rows:
        names = re.findall(r"`([A-Za-z_]+)[`(]", text)
        assert all(hasattr(import_module(module), name) for name in names), module
        if module == "zt.encoder":
            assert sorted(names) == sorted(zt.encoder.__all__)


def test_signatures_and_report_fields_are_what_the_page_says() -> None:
    for kind in (Encoder, Decoder):
        (said,) = re.findall(rf"^`{kind.__name__}\((.*)\)`$", PAGE, re.MULTILINE)
        parameters = re.findall(r"(\w+)(?:=|,|$)", said.replace("=None", "=").replace("=1", "="))
        assert parameters == list(signature(kind).parameters)
    for report in (EncryptReport, DecryptReport):
        table = PAGE.split(f"| `{report.__name__}` |")[1].split("\n\n")[0]
        first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
        assert named == {field.name for field in fields(report)}


def test_the_errors_are_errors() -> None:
    named = re.findall(r"`(?:keys\.|zt\.errors\.)?(\w+Error)`", PAGE)
    assert len(set(named)) >= 9
    for name in named:
        kind = getattr(keys, name, None) or getattr(zt.errors, name)
        assert issubclass(kind, keys.KeysError | zt.errors.ZtError)
