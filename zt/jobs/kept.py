"""What a follower keeps in mind: findings that others may still join, and what was said of them.

A finding counts alone until another epoch or profile has events near its window; then it must be
looked at again together with all others of its group. So groups stay for a while after their
last finding came. That time runs from arrival, not by the events' times: one event whose clock
is a year ahead must not make everything else old.

Bounds: `REACH` windows and `LATENESS` after its last finding came, a group goes; groups go
earlier, those first to which nothing came for longest, when all together weigh more than `MOST`;
and a group that goes on and on keeps its newest `LONG` findings at most, behind a floor before
which everything is settled.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from analytics.wire import MICROSECONDS, Finding
from zt.jobs.events import Group
from zt.jobs.joining import Gathered
from zt.jobs.pack import Job
from zt.jobs.straddling import NEVER, end_of

REACH: Final = 3
"""Windows of its job for which a group is kept after its last finding came: what meets a window
ends within two, and the cloud's next run may take its time."""

LATENESS: Final = 600.0
"""Seconds that events of another epoch or profile may be late besides."""

MOST: Final = 500_000
"""Findings and event ids in them that are kept at most: some 50 MB."""

LONG: Final = 64
"""Findings of one group; of more, the older half is settled."""

REMEMBERED: Final = 50_000
"""Groups that went of which it is still known what was said."""

_Key = tuple[str, tuple[str, ...]]
"""Job, and the group's texts."""


class _Said(NamedTuple):
    """What was said of a detection: under which id, and the greatest metric."""

    id: str
    metric: int


@dataclass(slots=True)
class KeptGroup:
    """A group in plaintext with its findings of all parts.

    Attributes:
        is_new: something came that was not looked at yet.
    """

    job: Job
    group: Group
    arrived: float = 0.0
    is_new: bool = False
    _findings: dict[str, Finding] = field(default_factory=dict)
    _late: dict[str, Finding] = field(default_factory=dict)
    """Those that came after their time was settled; they are looked at once, by themselves."""
    _floor: int = NEVER
    _said: dict[int, _Said] = field(default_factory=dict)
    """By the start of the detection's window."""

    def take(self, finding: Finding) -> None:
        """Take in a finding that is new, or says something new."""
        is_late = end_of(finding, self.job.window) <= self._floor
        (self._late if is_late else self._findings)[finding.id] = finding
        self.is_new = True

    def gathered(self) -> Iterator[Gathered]:
        """What is to be joined."""
        yield Gathered(self.group, list(self._findings.values()), self._floor)
        if self._late:
            yield Gathered(self.group, list(self._late.values()))

    def news(self, found: Sequence[Finding]) -> list[Finding]:
        """Of what was joined, what was not said yet; from now on it was.

        A detection whose metric has risen is news, under the id that it had before: which of
        several findings leads to a detection, and gives it its id, may change.
        """
        news: list[Finding] = []
        for finding in found:
            said = self._said.get(finding.start)
            if said is not None and finding.metric <= said.metric:
                continue
            name = finding.id if said is None else said.id
            self._said[finding.start] = _Said(name, finding.metric)
            news.append(finding.model_copy(update={"id": name}))
        self._late, self.is_new = {}, False
        if len(self._findings) > LONG:
            self._settle(found)
        return news

    def _settle(self, found: Sequence[Finding]) -> None:
        """Put the floor where the newer half begins, or where a window ends that lies there."""
        newer = sorted(finding.start for finding in self._findings.values())[-LONG // 2]
        ends = (finding.end for finding in found if finding.start < newer)
        self._floor = max(self._floor, newer, *ends)
        self._findings = {
            name: finding
            for name, finding in self._findings.items()
            if end_of(finding, self.job.window) > self._floor
        }
        self._said = {start: said for start, said in self._said.items() if start >= self._floor}

    @property
    def weight(self) -> int:
        """Findings and event ids in them."""
        return sum(1 + len(finding.events) for finding in self._findings.values())

    @property
    def lifetime(self) -> float:
        """Seconds for which it is kept after something came."""
        return REACH * self.job.window / MICROSECONDS + LATENESS


class KeptGroups:
    """All groups that are kept."""

    def __init__(self) -> None:
        self._groups: OrderedDict[_Key, KeptGroup] = OrderedDict()  # by when something came
        self._past: OrderedDict[_Key, dict[int, _Said]] = OrderedDict()

    def take(self, job: Job, group: Group, finding: Finding, now: float) -> None:
        """Take in a finding of a group; `now` in seconds of any steady clock."""
        key = (job.id, tuple(group.values()))
        if (kept := self._groups.get(key)) is None:
            kept = self._groups[key] = KeptGroup(job, group, _said=self._past.pop(key, {}))
        kept.take(finding)
        kept.arrived = now
        self._groups.move_to_end(key)

    def of_job(self, job: Job) -> list[KeptGroup]:
        """The groups of a job, those first to which nothing came for longest."""
        return [kept for kept in self._groups.values() if kept.job.id == job.id]

    def drop(self, now: float) -> None:
        """Let go what is kept no longer, but for what was said of it."""
        total = sum(kept.weight for kept in self._groups.values())
        for key, kept in list(self._groups.items()):
            if total > MOST or now - kept.arrived > kept.lifetime:
                total -= kept.weight
                self._past[key] = self._groups.pop(key)._said
        while len(self._past) > REMEMBERED:
            self._past.popitem(last=False)

    def __len__(self) -> int:
        return len(self._groups)


__all__ = ["KeptGroup", "KeptGroups"]
