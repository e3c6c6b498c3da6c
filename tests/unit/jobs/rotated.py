"""Events encrypted under one epoch after the other, in a store, and the plain truth about them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from analytics.jobs import find_detections, run_jobs
from analytics.store import JobEvent, JobState
from analytics.wire import MICROSECONDS, Finding, format_time
from keys import Ring, init_ring
from keys.lifecycle import rotate_ring
from zt.encoder import Encoder
from zt.jobs import Job, OpenedFinding, add_missing_parts, open_findings, push_jobs
from zt.profile import Profile
from zt.query import Session

FIELDS: dict[str, Any] = {
    "time": {"scheme": "clear", "kind": "time"},
    "kind": {"scheme": "clear"},
    "source": {"scheme": "det"},
    "target": {"scheme": "det"},
    "rate.ex_diff": {"scheme": "clear", "kind": "number"},
}
PROFILES = [
    Profile.model_validate({"name": name, "time": "time", "fields": FIELDS | fields})
    for name, fields in {
        "first": {},
        "as-addresses": {"source": {"scheme": "ip", "keyspace": "address"}},
        "half-clear": {"target": {"scheme": "unsafe-clear"}},
    }.items()
]
SOURCES = ["192.0.2.1", "192.0.2.2"]

Window = tuple[str, int, int, int]
"""Group, start, end, metric."""


class Call(NamedTuple):
    """A plain event; `time` in seconds."""

    time: float
    source: str = SOURCES[0]
    target: str | None = None
    weight: int = 1
    kind: str = "call"

    @property
    def microseconds(self) -> int:
        return round(self.time * MICROSECONDS)

    @property
    def line(self) -> bytes:
        body: dict[str, Any] = {
            "time": format_time(self.microseconds),
            "kind": self.kind,
            "source": self.source,
        }
        if self.target is not None:
            body["target"] = self.target
        if self.weight > 1:
            body["rate"] = {"ex_diff": self.weight - 1}
        return msgspec.json.encode(body) + b"\n"


def calls(*times: float, source: str = SOURCES[0]) -> list[Call]:
    return [Call(time, source) for time in times]


def make_job(
    kind: str = "event_count", threshold: int = 8, window: str = "10s", **more: Any
) -> Job:
    given: dict[str, Any] = {
        "id": "flood",
        "kind": kind,
        "where": "kind:call",
        "group_by": ["source"],
        "window": window,
        "threshold": threshold,
    }
    if kind == "value_count":
        given["value"] = "target"
    return Job.model_validate(given | more)


def rotations(folder: Path, number: int) -> list[Ring]:
    """A tenant's ring as it was after each of so many rotations; the last one opens everything.

    Each is a file of its own: who encrypts with an old copy of a ring doesn't see it change.
    """
    path = folder / "ring.json"
    init_ring(path, "acme", "file:ring.key")
    rings = []
    for turn in range(number + 1):
        copy = folder / f"ring-{turn}.json"
        shutil.copy(path, copy)
        rings.append(Ring.open(copy))
        rotate_ring(path)
    return rings


class Cloud:
    """A store, and the way of events into it; `rings` are one ring after each rotation."""

    def __init__(self, store: JobState, rings: Sequence[Ring]) -> None:
        self.store = store
        self.rings = rings
        self._streams = 0

    def take(self, events: Iterable[Call], epoch: int = 0, profile: int = 0) -> None:
        """Encrypt events under an epoch, as a stream of its own, and ingest them."""
        self._streams += 1
        encoder = Encoder(self.rings[epoch], PROFILES[profile], stream=f"stream {self._streams}")
        report = self.store.ingest(encoder.encrypt(event.line for event in events))
        assert (report.rejected, encoder.report.rejected) == (0, 0)

    def session(self) -> Session:
        return Session(self.rings[-1], self.store)

    def push(self, job: Job) -> None:
        push_jobs([job], self.session())

    def run(self) -> list[Finding]:
        assert run_jobs(self.store).failures == []
        return list(self.store.findings())

    def found(self, job: Job) -> list[OpenedFinding]:
        """What the edge makes of the findings, after the cloud ran every part of the job."""
        session = self.session()
        if add_missing_parts([job], session):
            self.run()
        opened = open_findings(self.store.findings(), {job.id: job}, session, _fail)
        assert not session.refused
        return opened


def _fail(finding: Finding, error: Exception) -> None:
    raise AssertionError(f"refused {finding}") from error


def windows(found: Iterable[OpenedFinding]) -> list[Window]:
    return sorted(
        (opened.group["source"], f.start, f.end, f.metric)
        for opened in found
        for f in [opened.finding]
    )


def of_source(events: Iterable[Call], source: str) -> list[JobEvent]:
    """A group's plain events as detections see them."""
    return sorted(
        JobEvent(
            event.microseconds,
            f"{number:06}",
            event.weight,
            (event.target,) if event.target is not None else (),
        )
        for number, event in enumerate(events)
        if event.source == source and event.kind == "call"
    )


def truth(events: Sequence[Call], job: Job) -> list[Window]:
    """The detections that all events together have, in plaintext."""
    return sorted(
        (source, *found[:3])
        for source in {event.source for event in events}
        for found in find_detections(of_source(events, source), job.kind, job.threshold, job.window)
    )
