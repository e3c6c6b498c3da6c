"""What a store says of itself and of what it did; counts are whole numbers, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from analytics.wire import BadLine


@dataclass(slots=True)
class IngestReport:
    """What an ingest did: new and already known events and value records, and refused lines."""

    batches: int = 0
    events: int = 0
    known_events: int = 0
    values: int = 0
    known_values: int = 0
    rejected: int = 0
    rejects: list[BadLine] = field(default_factory=list)
    """The first refused lines, at most 100 and each cut to 64 KiB.

    The `reject` callback of `ingest` sees them all, whole.
    """


@dataclass(slots=True)
class ReplaceReport(IngestReport):
    """What a replacement did: `events` took the place of others.

    Left alone and counted: `known_events`, which stand there as they came already,
    `unknown_events`, whose id is not stored, and `other_events`, which are of a third epoch.
    """

    unknown_events: int = 0
    other_events: int = 0


class EpochInfo(NamedTuple):
    """An epoch as the store knows it; times are microseconds, None while it has no event."""

    kid: str
    kcv: str
    generation: int
    events: int
    first: int | None
    last: int | None


class GroupChange(NamedTuple):
    """A group of a job's part that has events newer than a watermark.

    `first` and `last` are the times of those new events.
    """

    group: tuple[str, ...]
    first: int
    last: int


class JobEvent(NamedTuple):
    """What a detection looks at: time, id, weight, and the texts of the job's `value` path."""

    time: int
    id: str
    weight: int
    values: tuple[str, ...]


@dataclass(slots=True)
class ExpireReport:
    """What an expiry removed, or would remove.

    `unseen` of the events had not been looked at by a job that has a part for them. `timeless`
    events have no time and stay, whatever their age.
    """

    events: int = 0
    unseen: int = 0
    timeless: int = 0
    values: int = 0
    findings: int = 0
    epochs: list[str] = field(default_factory=list)
    """Epochs that are forgotten, because no event of theirs is left."""


class CompactReport(NamedTuple):
    """The bytes that a store took on its disk before and after."""

    before: int
    after: int


class JobProgress(NamedTuple):
    """How far a part of a job has come: `lag` events of its epoch and profile are newer than
    its watermark."""

    job: str
    kid: str
    profile: str
    watermark: int
    lag: int


class Statistics(NamedTuple):
    """A store in figures; times are microseconds, None while no event has one."""

    events: int
    timeless: int
    first: int | None
    last: int | None
    position: int
    values: int
    postings: int
    """Pairs of a token and a value record that has it."""
    texts: int | None
    """Distinct texts at visible paths; None where a store would have to count them."""
    findings: int
    bytes: int
    jobs: tuple[JobProgress, ...]
