"""Reading a sample of events into figures per field.

The sample is the head of the stream: the first N events, so that it works on a live pipe and two
runs over one file say the same. Memory is bounded whatever the events are: fields, the keys of
each object and distinct values are counted up to limits, and `at least` from there on.

Maps, whose keys are themselves users, addresses or other values, are no objects with fields: all
that is below one is a single field, whose last segment is `*`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from zt.encoder.input import read_event
from zt.errors import EventError, InputError
from zt.schemes.drop import prefixes
from zt.survey.figures import Budget, Figures, Fits
from zt.survey.kinds import names_somebody
from zt.survey.names import role_of

DEFAULT_SAMPLE = 10_000
"""Events looked at."""

MAX_FIELDS = 4_096
MAX_KEYS = 64
"""Distinct keys of an object, from which on it may be a map."""

STAR = "*"
SHOWN_BAD_LINES = 20
_MAP_SHARE = 0.5  # an object that has less of its known keys at a time is a map
_ALIKE = 3  # so are as many objects beside each other with the same keys, if some are missing


class BadLine(NamedTuple):
    """A line that is no event; the reason quotes none of it."""

    line: int
    reason: str


@dataclass
class Branch:
    """What is known of an object at one path."""

    seen: int = 0
    entries: int = 0
    keys: set[str] = field(default_factory=set)
    is_map: bool = False
    _last: int = 0

    def enter(self, keys: Iterable[str], event: int) -> None:
        """Count keys that it has in an event, by its number, and find out whether it is a map."""
        self.seen += event != self._last
        self._last = event
        for key in keys:
            self.entries += 1
            if key not in self.keys and len(self.keys) < MAX_KEYS:
                self.keys.add(key)
                self.is_map = self.is_map or names_somebody(key)
        if len(self.keys) >= MAX_KEYS and self.entries < self.seen * MAX_KEYS * _MAP_SHARE:
            self.is_map = True


@dataclass
class Sample:
    """The figures of a sample.

    Attributes:
        events: how many were read.
        bad: how many lines are no events; the first few are in `bad_lines`.
        fields: figures of the fields, by path; those of a map more than once where a profile
            treats them differently.
    """

    events: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    fields: list[Figures] = field(default_factory=list)


class Watch(Protocol):
    """Looks at a sample beside its reader: with a profile in hand."""

    def mark(self, path: str) -> str:
        """The rule that shows a field; empty where the cloud does not see it."""
        ...

    def fits(self, path: str) -> Fits | None:
        """See `Figures.fits`."""
        ...

    def derived(self, event: dict[str, Any]) -> list[tuple[str, Any]]:
        """The paths and values of the fields that are made of an event.

        Raises:
            EventError: they can't be.
        """
        ...


class SampleReader:
    """Counts events, one after the other.

    Args:
        watch: looks at them too.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self.sample = Sample()
        self._watch = watch
        self._budget = Budget()
        self._branches: dict[str | None, Branch] = {}
        """By path; the whole event by None."""
        self._fields: dict[tuple[str, str], Figures] = {}
        self._by_path: dict[str, Figures] = {}

    def line(self, number: int, raw: bytes) -> None:
        """Count one line."""
        try:
            event = read_event(raw)
            derived = self._watch.derived(event) if self._watch else []
        except EventError as error:
            self.sample.bad += 1
            if len(self.sample.bad_lines) < SHOWN_BAD_LINES:
                self.sample.bad_lines.append(BadLine(number, str(error)))
            return
        self.sample.events += 1
        self._walk(event, None, "")
        for path, value in derived:
            self._field(path, "").add(value)

    def finish(self) -> Sample:
        """The sample, with all that lies below a map as one field."""
        if self._watch is None:  # a likeness is no reason for an alarm
            self._find_maps()
        found: dict[tuple[str, str], Figures] = {}
        for (path, mark), figures in self._fields.items():
            above = list(prefixes(path))[:-1]
            figures.path = next((f"{p}.{STAR}" for p in above if self._is_map(p)), path)
            known = found.setdefault((figures.path, mark), figures)
            if known is not figures:
                known.merge(figures)
        self.sample.fields = list(found.values())
        return self.sample

    def _walk(self, branch: dict[str, Any], path: str | None, map_path: str) -> None:
        """Count the fields below a path; `map_path` stands for all of them below a map."""
        map_path = map_path or self._enter(path, branch)
        for key, value in branch.items():
            below = _join(path, key)
            own = map_path or (self._dotted(path, key) if "." in key else "")
            if isinstance(value, dict) and value:
                if path is None and below not in self._branches and names_somebody(key):
                    own = STAR
                self._walk(value, below, own)
            elif (figures := self._by_path.get(below)) is not None:
                figures.add(value)
            else:
                hides = path is None and names_somebody(key)
                self._field(below, STAR if hides else own).add(value)

    def _enter(self, path: str | None, keys: Iterable[str]) -> str:
        """Count keys of an object; the path that stands for its fields if it is a map."""
        branch = self._branches.get(path)
        if branch is None:
            if len(self._branches) >= MAX_FIELDS:
                return STAR
            branch = self._branches[path] = Branch()
        if path is None:  # its fields can't all be hidden: keys that name somebody are, one by one
            return ""
        branch.enter(keys, self.sample.events)
        return _join(path, STAR) if branch.is_map else ""

    def _dotted(self, path: str | None, key: str) -> str:
        """The same for the objects that a dotted key stands for."""
        segments = key.split(".")
        if path is None and names_somebody(segments[0]):
            return STAR
        for segment, inner in pairwise(segments):
            path = _join(path, segment)
            if map_path := self._enter(path, (inner,)):
                return map_path
        return ""

    def _field(self, path: str, map_path: str) -> Figures:
        mark = self._watch.mark(path) if self._watch else ""
        shown = map_path or path
        if not mark and len(self._fields) >= MAX_FIELDS:
            shown = STAR
        if (figures := self._fields.get((shown, mark))) is None:
            fits = self._watch.fits(path) if self._watch else None
            figures = self._fields[shown, mark] = Figures(shown, path, self._budget, fits)
        if len(self._by_path) < 2 * MAX_FIELDS:
            self._by_path[path] = figures
        return figures

    def _is_map(self, path: str) -> bool:
        branch = self._branches.get(path)
        return branch is not None and branch.is_map

    def _find_maps(self) -> None:
        """Mark objects that hold several objects alike, of which some are missing at times."""
        for path, branch in self._branches.items():
            if branch.entries >= branch.seen * len(branch.keys):
                continue
            unnamed = [_join(path, key) for key in branch.keys if role_of(key) is None]
            below = [self._branches[p] for p in unnamed if p in self._branches]
            shapes = Counter(frozenset(inner.keys) for inner in below)
            branch.is_map = branch.is_map or max(shapes.values(), default=0) >= _ALIKE


def _join(path: str | None, key: str) -> str:
    return key if path is None else f"{path}.{key}"


def read_sample(
    lines: Iterable[bytes], limit: int = DEFAULT_SAMPLE, watch: Watch | None = None
) -> Sample:
    """The figures of the first events of a stream of lines, each with its end.

    Raises:
        InputError: there is no event among them.
    """
    reader = SampleReader(watch)
    for number, line in enumerate(lines, 1):
        if raw := line.rstrip(b"\r\n"):
            reader.line(number, raw)
        if reader.sample.events >= limit:
            break
    sample = reader.finish()
    if sample.events:
        return sample
    hint = "give JSON objects, one a line"
    if not sample.bad:
        raise InputError("the input is empty", hint)
    first = sample.bad_lines[0]
    reason = f"line {first.line}: {first.reason}"
    raise InputError(f"none of {sample.bad} lines is an event; {reason}", hint)
