"""Where the time of a run goes: a sampling profile, its samples sorted into stages by rules.

A timer interrupts the run once a millisecond of processor time, and the innermost frame that a
rule names decides the stage; frames that none names (a library's calls, helpers that several
stages use) count for who called them.
"""

from __future__ import annotations

import linecache
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from .page import Row

REPOSITORY = Path(__file__).parents[2]
INTERVAL = 0.001  # seconds of processor time; the kernel's clock may be coarser
OTHER = "other"


class Rule(NamedTuple):
    """What belongs to a stage.

    Attributes:
        stage: its name.
        file: relative to the repository; a folder, if it ends with a slash.
        name: a function or class in it, as `Group.lines`; "" for the whole file.
        line: a part of the text of a line in it, if only such lines belong.
    """

    stage: str
    file: str
    name: str = ""
    line: str = ""

    def fits(self, file: str, name: str, line: str) -> bool:
        """Whether a frame belongs to it."""
        named = not self.name or name == self.name or name.startswith(self.name + ".")
        there = file.startswith(self.file) if self.file.endswith("/") else file == self.file
        return there and named and self.line in line


class Profile:
    """The samples of one run.

    Args:
        rules: the first that fits a frame decides.
        names: of the stages, in the order of the table; `OTHER` comes last.
    """

    def __init__(self, rules: Sequence[Rule], names: Sequence[str]) -> None:
        self.stages: Counter[str] = Counter()
        self.functions: dict[str, Counter[str]] = {stage: Counter() for stage in (*names, OTHER)}
        self._rules = rules
        self._known: dict[tuple[CodeType, int], tuple[str, str]] = {}

    def sample(self, work: Callable[[], object]) -> None:
        """Do the work and look every now and then where it is; in the main thread only."""
        before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        try:
            work()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def rows(self) -> list[Row]:
        """A table: each stage, its share of the time, and the function in it that takes most."""
        total = max(self.stages.total(), 1)
        rows: list[Row] = [("stage", "share of the time", "its busiest function", "share of that")]
        for stage in self.functions:
            name, samples = max(
                self.functions[stage].items(), key=lambda item: item[1], default=("-", 0)
            )
            rows.append((stage, _share(self.stages[stage], total), name, _share(samples, total)))
        return rows

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        innermost = ""
        while frame is not None:
            stage, name = self._place(frame)
            innermost = innermost or name
            if stage:
                self._count(stage, innermost)
                return
            frame = frame.f_back
        self._count(OTHER, innermost)

    def _count(self, stage: str, name: str) -> None:
        self.stages[stage] += 1
        self.functions[stage][name] += 1

    def _place(self, frame: FrameType) -> tuple[str, str]:
        """The stage of a frame, "" if none, and how the table calls its function."""
        key = (frame.f_code, frame.f_lineno)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._look_up(frame)
        return known

    def _look_up(self, frame: FrameType) -> tuple[str, str]:
        path, name = frame.f_code.co_filename, frame.f_code.co_qualname
        if not Path(path).is_relative_to(REPOSITORY):
            return "", ""
        file = Path(path).relative_to(REPOSITORY).as_posix()
        if file.startswith((".venv", "tests/")):
            return "", ""
        line = linecache.getline(path, frame.f_lineno or 0)  # some have no line
        stage = next((rule.stage for rule in self._rules if rule.fits(file, name, line)), "")
        return stage, f"`{file}` {name}"


def _share(samples: int, total: int) -> str:
    return f"{100 * samples / total:.1f} %"
