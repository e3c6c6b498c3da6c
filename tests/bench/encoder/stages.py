"""Where the time of an encryption goes: a sampling profile, its samples sorted into stages.

A timer interrupts the run once a millisecond of processor time, and the innermost frame that a
rule of `RULES` names decides the stage; frames that none names (the library's calls, helpers that
several stages use) count for who called them. Update `RULES` when code moves: a test checks that
each still names something.
"""

from __future__ import annotations

import linecache
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from ..page import Row

REPOSITORY = Path(__file__).parents[3]
INTERVAL = 0.001  # seconds of processor time; the kernel's clock may be coarser

READ = "read and parse"
IDS = "event ids"
WALK = "shapes and columns"
VALUES = "distinct values: find, keep"
CIPHERS = "schemes and ciphers"
TOKENS = "search tokens"
RECORDS = "records and headers"
BLOB = "opaque blob"
SEAL = "seal"
WRITE = "put lines together"
OTHER = "other"
STAGES = (READ, IDS, WALK, VALUES, CIPHERS, TOKENS, RECORDS, BLOB, SEAL, WRITE, OTHER)


class Rule(NamedTuple):
    """What belongs to a stage.

    Attributes:
        stage: one of `STAGES`.
        file: relative to the repository.
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
        return file == self.file and named and self.line in line


RULES = (  # the first that fits a frame
    Rule(READ, "zt/encoder/input.py"),
    Rule(READ, "zt/encoder/encrypt.py", "LineEncoder._read"),
    Rule(READ, "zt/encoder/encrypt.py", "_Places"),
    Rule(IDS, "zt/encoder/event_id.py"),
    Rule(WALK, "zt/encoder/batch.py"),
    Rule(WALK, "zt/encoder/shapes.py"),
    Rule(WALK, "zt/encoder/layout.py"),
    Rule(WALK, "zt/encoder/derived.py"),
    Rule(BLOB, "zt/encoder/group.py", "_hidden"),
    Rule(BLOB, "zt/encoder/group.py", "Group._blobs"),
    Rule(WALK, "zt/encoder/group.py", "Group.__init__"),
    Rule(WALK, "zt/encoder/group.py", "Group._ask"),
    Rule(WALK, "zt/encoder/group.py", "Group._derive"),
    Rule(WRITE, "zt/encoder/group.py"),
    Rule(VALUES, "zt/encoder/made.py"),
    Rule(WALK, "zt/encoder/plan.py", "Plan"),
    Rule(CIPHERS, "zt/encoder/fields.py", "FieldPlan"),
    Rule(CIPHERS, "zt/schemes/det.py", "Det"),
    Rule(CIPHERS, "zt/schemes/fpe.py"),
    Rule(CIPHERS, "zt/schemes/ip.py"),
    Rule(CIPHERS, "zt/schemes/uri.py"),
    Rule(CIPHERS, "zt/schemes/coarsen.py"),
    Rule(CIPHERS, "zt/crypto/ff1_column.py"),
    Rule(CIPHERS, "zt/crypto/ipcrypt_pfx.py"),
    Rule(TOKENS, "zt/schemes/search.py"),
    Rule(TOKENS, "zt/crypto/gram.py"),
    Rule(TOKENS, "zt/crypto/tokens.py"),
    Rule(TOKENS, "zt/crypto/fold.py"),
    Rule(RECORDS, "zt/encoder/fields.py", "Dictionary"),
    Rule(RECORDS, "zt/encoder/seal.py", "ValueTag"),
    Rule(RECORDS, "zt/encoder/seal.py", "HeaderTag"),
    Rule(RECORDS, "zt/encoder/writer.py"),
    Rule(BLOB, "zt/schemes/opaque.py"),
    Rule(SEAL, "zt/encoder/seal.py", "EventSeal"),
)


class Profile:
    """The samples of one run."""

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        self.functions: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
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
        for stage in STAGES:
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
            known = self._known[key] = _place(frame)
        return known


def _place(frame: FrameType) -> tuple[str, str]:
    path, name = frame.f_code.co_filename, frame.f_code.co_qualname
    if not Path(path).is_relative_to(REPOSITORY):
        return "", ""
    file = Path(path).relative_to(REPOSITORY).as_posix()
    if file.startswith((".venv", "tests/")):
        return "", ""
    line = linecache.getline(path, frame.f_lineno or 0)  # some have no line
    stage = next((rule.stage for rule in RULES if rule.fits(file, name, line)), "")
    return stage, f"`{file}` {name}"


def _share(samples: int, total: int) -> str:
    return f"{100 * samples / total:.1f} %"
