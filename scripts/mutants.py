"""A check of the tests: turn one security property off at a time, and see that a test fails.

    python -m scripts.mutants [--workers N] [--write] [WORD ...]

The tree is copied to a temporary folder as git sees it, uncommitted and new files included. There
the tests that the table names are run as they are, which must succeed, and once for each mutant,
which must fail. A run counts only if it imported the product from that copy, and a failure only if
it is one of a test: what does not even import proves nothing. A mutant whose old text is not found
exactly once is an error, so that no entry becomes void unnoticed.

WORD restricts the run to mutants whose names hold it. `--write` renews the table in
docs/testing.md. Exit code: 0 all mutants were noticed, 1 one was not or can't be judged, 2 usage.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from scripts.mutant import Mutant, MutantError
from scripts.mutant_table import MUTANTS

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("docs/testing.md")
BEGIN = "<!-- written by scripts.mutants: begin -->"
END = "<!-- written by scripts.mutants: end -->"

SLOWEST = 240  # seconds; a run that takes longer hangs

Verdict = Literal["noticed", "survived", "broken"]


# --- running ---------------------------------------------------------------------------------

_RUN = """
import sys
from pathlib import Path

import analytics, keys, zt

tree = Path(sys.argv[1]).resolve()
for package in (analytics, keys, zt):
    if tree not in Path(package.__file__).resolve().parents:
        sys.stderr.write(f"{package.__name__} was imported from {package.__file__}\\n")
        sys.exit(70)

import pytest
from hypothesis import Phase, settings

# the same examples every time, none remembered, none made smaller
phases = (Phase.explicit, Phase.generate)
settings.register_profile("mutants", settings.get_profile("ci"), phases=phases)
sys.exit(pytest.main(sys.argv[2:]))
"""
_OPTIONS = (
    *("-x", "-q", "-rfE", "--tb=line", "-p", "no:cacheprovider", "-p", "no:warnings"),
    *("-m", "not opensearch"),  # no mutant is worth a cluster
)
_FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended.

    Attributes:
        verdict: `survived` if all tests passed.
        reason: the test that failed, or the end of what was said if the run proves nothing.
        seconds: how long it took.
    """

    verdict: Verdict
    reason: str
    seconds: float


def run_tests(tree: Path, tests: Sequence[str]) -> Outcome:
    """Run tests of a tree on that tree's own packages, up to the first failure."""
    # what configures the caller's own tests must not reach these
    foreign = ("ZT_", "PYTEST_", "HYPOTHESIS_", "PYTHON")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _RUN, str(tree), *_OPTIONS, "--hypothesis-profile=mutants"]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SLOWEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome("broken", "the tests hang", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    if done.returncode == 0:
        return Outcome("survived", "", seconds)
    failed = _FAILED.findall(done.stdout)
    if done.returncode == 1 and failed:
        return Outcome("noticed", failed[0], seconds)
    return Outcome("broken", "\n".join((done.stdout + done.stderr).splitlines()[-15:]), seconds)


def copy_tree(root: Path, target: Path) -> None:
    """Copy a repository's files as they are now, without what git ignores.

    Raises:
        MutantError: git knows no repository there.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise MutantError(f"git can't say which files belong to {root}: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (source := root / name).is_file():  # else it was deleted, but not from the index
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


def check_unmutated(tree: Path, mutants: Sequence[Mutant], workers: int) -> None:
    """Run all tests that the mutants name on the tree as it is.

    Raises:
        MutantError: one fails, so its failure under a mutant would prove nothing.
    """
    named = sorted({test for mutant in mutants for test in mutant.tests})
    by_file = [list(tests) for _, tests in groupby(named, lambda test: test.partition("::")[0])]
    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(lambda tests: run_tests(tree, tests), by_file))
    failed = [outcome.reason for outcome in outcomes if outcome.verdict != "survived"]
    if failed:
        raise MutantError("tests fail without any mutant:\n  " + "\n  ".join(failed))


def judge(tree: Path, mutant: Mutant) -> Outcome:
    """Run the mutant's tests on a copy of the tree in which its property is turned off."""
    with tempfile.TemporaryDirectory(prefix="zt-mutant-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(tree, copy)
        path = copy / mutant.file
        path.write_text(mutant.mutated(path.read_text("utf-8")), "utf-8")
        return run_tests(copy, mutant.tests)


def check(
    root: Path,
    mutants: Sequence[Mutant],
    workers: int,
    tell: Callable[[str], object] = lambda text: None,
) -> Iterator[tuple[Mutant, Outcome]]:
    """Judge every mutant of a repository, `workers` at a time, in the table's order.

    Raises:
        MutantError: an old text is not found exactly once, or a test fails unmutated.
    """
    with tempfile.TemporaryDirectory(prefix="zt-mutants-") as folder:
        tree = Path(folder) / "tree"  # one state of the files, whoever edits them meanwhile
        copy_tree(root, tree)
        for mutant in mutants:
            if not (tree / mutant.file).is_file():
                raise MutantError(f"{mutant.name}: there is no {mutant.file}")
            mutant.mutated((tree / mutant.file).read_text("utf-8"))
        tell("running the tests without any mutant")
        check_unmutated(tree, mutants, workers)
        with ThreadPoolExecutor(workers) as pool:
            yield from zip(mutants, pool.map(lambda m: judge(tree, m), mutants), strict=True)


# --- telling ---------------------------------------------------------------------------------


def table(mutants: Sequence[Mutant]) -> str:
    """The table of docs/testing.md."""
    lines = ["| what is turned off | where | what notices |", "|---|---|---|"]
    for mutant in mutants:
        tests = ", ".join(f"`{Path(test.partition('::')[0]).stem}`" for test in mutant.tests)
        lines.append(f"| {mutant.name} | `{mutant.file}` | {tests} |")
    return "\n".join(lines) + "\n"


def with_table(page: str, mutants: Sequence[Mutant]) -> str:
    """The page with its table renewed; what stands around the markers stays.

    Raises:
        MutantError: the page has not both markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MutantError(f"{PAGE} has lost the markers of its table")
    return f"{before}{begin}\n\n{table(mutants)}\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORD", help="only mutants whose names hold it")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="mutants at a time")
    parser.add_argument("--write", action="store_true", help=f"renew the table in {PAGE}")
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error("at least one worker is needed")
    chosen = [m for m in MUTANTS if all(word in m.name for word in options.words)]
    if not chosen:
        parser.error("no mutant's name holds this")
    if options.write and options.words:
        parser.error("the table is written for all mutants only")

    start = time.perf_counter()
    bad = 0
    try:
        for mutant, outcome in check(ROOT, chosen, options.workers, _progress):
            bad += outcome.verdict != "noticed"
            sys.stdout.write(f"{outcome.verdict:<8} {outcome.seconds:5.1f} s  {mutant.name}\n")
            if outcome.reason:
                sys.stdout.write("".join(f"{'':18}{x}\n" for x in outcome.reason.splitlines()))
            sys.stdout.flush()
        if options.write and not bad:
            page = ROOT / PAGE
            page.write_text(with_table(page.read_text("utf-8"), MUTANTS), "utf-8")
    except MutantError as error:
        _progress(str(error))
        return 1
    took = time.perf_counter() - start
    _progress(f"{len(chosen) - bad} of {len(chosen)} mutants were noticed; {took:.0f} s")
    return 1 if bad else 0


def _progress(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
