"""The mutation check itself: its table fits the code, and it tells the three verdicts apart."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts import mutants
from scripts.mutant import Mutant, MutantError
from scripts.mutant_table import MUTANTS
from scripts.mutants import PAGE, ROOT, check, copy_tree, with_table

GUARD = "def allowed(number):\n    return number > 3\n"
TEST = """
from hypothesis import settings

from zt.guard import allowed


def test_guard():
    assert allowed(4)
    assert not allowed(3)
    assert settings().derandomize
    assert settings().database is None
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_code_as_it_is(mutant: Mutant) -> None:
    """A failure means: the code was changed; say in the table how to turn this off now."""
    text = (ROOT / mutant.file).read_text("utf-8")
    assert mutant.mutated(text) != text
    assert mutant.tests
    for test in mutant.tests:
        assert (ROOT / test.partition("::")[0]).is_file()


def test_names_are_distinct_and_can_stand_in_a_table() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert not any("|" in mutant.name for mutant in MUTANTS)


def test_the_page_has_the_table_of_today() -> None:
    """If it has not: python -m scripts.mutants --write"""
    page = (ROOT / PAGE).read_text("utf-8")
    assert with_table(page, MUTANTS) == page
    with pytest.raises(MutantError, match="lost the markers"):
        with_table(page.replace(mutants.END, ""), MUTANTS)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one guard and its test, with all the names that the product has."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # of a hook that runs the tests
    root = tmp_path / "repository"
    for package in ("analytics", "keys", "zt"):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").touch()
    (root / "zt" / "guard.py").write_text(GUARD)
    (root / "tests").mkdir()
    (root / "tests" / "test_guard.py").write_text(TEST)
    subprocess.run(["git", "init", "--quiet", root], check=True)
    return root


def mutant(name: str, old: str, new: str) -> Mutant:
    return Mutant(name, "zt/guard.py", {old: new}, ("tests/test_guard.py",))


def test_verdicts(tree: Path) -> None:
    given = [
        mutant("off", "number > 3", "True"),
        mutant("equivalent", "number > 3", "number >= 4"),
        mutant("does not import", GUARD, f"raise ValueError\n{GUARD}"),
    ]
    found = {m.name: outcome for m, outcome in check(tree, given, 2)}
    assert {name: outcome.verdict for name, outcome in found.items()} == {
        "off": "noticed",
        "equivalent": "survived",
        "does not import": "broken",
    }
    assert found["off"].reason == "tests/test_guard.py::test_guard"
    assert "ValueError" in found["does not import"].reason
    assert (tree / "zt" / "guard.py").read_text() == GUARD
    assert not list(tree.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("number < 3", "True", "rotten: stands 0 times in zt/guard.py: number < 3"),
        ("number", "True", "rotten: stands 2 times in zt/guard.py: number"),
        ("number > 3", "(", "rotten: zt/guard.py is no Python any more"),
    ],
)
def test_what_does_not_fit_stops_the_check(tree: Path, old: str, new: str, reason: str) -> None:
    with pytest.raises(MutantError) as caught:
        list(check(tree, [mutant("rotten", old, new)], 1))
    assert reason in str(caught.value)


def test_a_file_that_is_gone_stops_the_check(tree: Path) -> None:
    (tree / "zt" / "guard.py").unlink()
    with pytest.raises(MutantError, match=r"off: there is no zt/guard\.py"):
        list(check(tree, [mutant("off", "number > 3", "True")], 1))


def test_tests_that_fail_unmutated_stop_the_check(tree: Path) -> None:
    (tree / "zt" / "guard.py").write_text(GUARD.replace("3", "4"))
    with pytest.raises(MutantError, match=r"fail without any mutant:\n.*::test_guard"):
        list(check(tree, [mutant("off", "number > 4", "True")], 1))


def test_packages_from_elsewhere_stop_the_check(tree: Path) -> None:
    """As if the installed product were tested, which no mutant reaches."""
    (tree / "keys" / "__init__.py").unlink()
    with pytest.raises(MutantError, match="keys was imported from"):
        list(check(tree, [mutant("off", "number > 3", "True")], 1))


def test_without_a_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(MutantError, match="git can't say which files"):
        list(check(tmp_path, [mutant("off", "number > 3", "True")], 1))


def test_files_are_copied_as_git_sees_them(tree: Path, tmp_path: Path) -> None:
    (tree / ".gitignore").write_text("*.log\n")
    subprocess.run(["git", "add", "."], cwd=tree, check=True)
    (tree / "zt" / "guard.py").unlink()
    (tree / "zt" / "new ö.py").write_text("")
    (tree / "zt" / "run.log").write_text("")
    copy_tree(tree, tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy" / "zt").iterdir()} == {
        "__init__.py",
        "new ö.py",
    }


def test_the_command_fails_where_one_survives(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tree / PAGE
    page.parent.mkdir()
    page.write_text(f"before\n{mutants.BEGIN}\n{mutants.END}\nafter\n")
    blank = page.read_text()
    off = mutant("switched off", "number > 3", "True")
    equivalent = mutant("equivalent", "number > 3", "number >= 4")
    monkeypatch.setattr(mutants, "ROOT", tree)
    monkeypatch.setattr(mutants, "MUTANTS", (off, equivalent))
    assert mutants.main(["--write"]) == 1
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines() if " s  " in line] == [
        "noticed",
        "survived",
    ]
    assert "1 of 2 mutants were noticed" in told.err
    assert page.read_text() == blank
    monkeypatch.setattr(mutants, "MUTANTS", (off,))
    assert mutants.main(["--write"]) == 0
    assert "| switched off | `zt/guard.py` | `test_guard` |" in page.read_text()
    assert page.read_text().endswith("\nafter\n")


@pytest.mark.parametrize(
    "arguments", [["no mutant is called so"], ["--write", "seal"], ["--workers", "0"]]
)
def test_what_is_no_use_of_the_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        mutants.main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err
