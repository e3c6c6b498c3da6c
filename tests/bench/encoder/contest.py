"""Contests: each contestant's best of some rounds, all in turn, so that noise hits everyone."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

ROUNDS = 3
NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the work of a table.

    Attributes:
        name: as the table says it.
        units: how many events or values one run does; the slow ones do fewer, rates are compared.
        run: does it. None: its library is not installed.
    """

    name: str
    units: int
    run: Callable[[], object] | None


@dataclass(frozen=True, slots=True)
class Result:
    """A contestant's best round; `seconds` for one unit, None if it could not take part."""

    name: str
    seconds: float | None

    def rate(self) -> str:
        """Units a second."""
        return NOT_INSTALLED if self.seconds is None else f"{1 / self.seconds:,.0f}"

    def times(self, other: Result) -> str:
        """How many times as long as another it took for one unit."""
        if self.seconds is None or other.seconds is None:
            return "-"
        return f"{self.seconds / other.seconds:,.2f}"


def contest(contestants: Iterable[Contestant]) -> list[Result]:
    """The results in the order of the contestants, measured in wall-clock time."""
    field = list(contestants)
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for one in field:
            if one.run is None:
                continue
            gc.collect()  # nobody pays for another's garbage
            start = time.perf_counter()
            one.run()
            seconds = (time.perf_counter() - start) / one.units
            best[one.name] = min(seconds, best.get(one.name, seconds))
    results = [Result(one.name, best.get(one.name)) for one in field]
    for result in results:
        print(f"{result.name}: {result.rate()}", file=sys.stderr)
    return results


def consume(items: Iterable[object]) -> int:
    """Take all that comes, keep none of it, and say how much it was."""
    return sum(1 for _ in items)


def release(package: str) -> str:
    """A library and its version, as a table's caption names it."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} {NOT_INSTALLED}"
