"""A cloud with events of honeypots and the honeynet's jobs, and who tells a collector of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analytics.jobs import run_jobs
from analytics.wire import MICROSECONDS, Finding, finding_id, format_time, parse_time
from support.history import History, make_history
from zt.honeynet.gathering import Gathered, Gatherer
from zt.honeynet.sighting import Sighting
from zt.honeynet.told import Told
from zt.jobs import load_pack, push_jobs
from zt.profile import load_profile
from zt.query import Session

NOW = parse_time("2026-11-24T12:00:00Z")
PACK = load_pack("honeynet")
PROFILE = load_profile("honeynet")


def attack(
    address: str,
    kind: str,
    ago: float,
    fields: dict[str, Any] | None = None,
    *,
    proven: bool = True,
) -> dict[str, Any]:
    """An event of a honeypot, so many seconds before `NOW`."""
    return {
        "@timestamp": format_time(NOW - int(ago * MICROSECONDS)),
        "type": kind,
        "tags": ["honeynet"],
        "client.ip": address,
        "client.proven": proven,
        "user_agent.original": "pplsip",
        **(fields or {}),
    }


def make_cloud(folder: Path, events: Sequence[Any]) -> None:
    """A store of events in a folder, with jobs that have run."""
    folder.mkdir(exist_ok=True)
    history = make_history(folder / "cloud", [events], PROFILE)
    with history.open() as store:
        push_jobs(PACK.jobs, Session(history.ring, store))
        run_jobs(store)


class Cloud:
    """A store, its jobs, and a gatherer of their findings.

    Attributes:
        now: the gatherer's clock.
    """

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: what `make_cloud` filled, or a copy of it.
        """
        self.history = History(folder / "cloud", {})
        self.state = folder / "told.json"
        self.now = NOW
        self._streams = 0
        self.restart()

    def restart(self) -> None:
        """A new process that gathers."""
        ring = self.history.ring
        self.gatherer = Gatherer(ring, PACK.jobs, Told(self.state), lambda: self.now)

    def add(self, *events: Any) -> None:
        """More events, and a turn of the jobs."""
        self._streams += 1
        self.history.add(events, PROFILE, stream=f"more {self._streams}")
        with self.history.open() as store:
            run_jobs(store)

    def look(self) -> Gathered:
        with self.history.open() as store:
            return self.gatherer.look(store)

    def gather(self) -> list[Sighting]:
        """What is told of a look, and that it was."""
        gathered = self.look()
        self.gatherer.confirm()
        return [sighting for batch in gathered.batches for sighting in batch.sightings]

    def findings(self) -> list[Finding]:
        with self.history.open() as store:
            return list(store.findings())

    def lie(self, finding: Finding, **changes: Any) -> None:
        """Write a finding that the cloud made up from a genuine one."""
        changed = finding.model_copy(update={"start": finding.start + 1, **changes})
        name = finding_id(
            changed.job,
            changed.version,
            changed.kid,
            changed.profile,
            changed.group,
            changed.start,
        )
        with self.history.open() as store:
            job = next(job for job in store.jobs() if job.id == changed.job)
            part = job.parts[0]
            written = changed.model_copy(update={"id": name})
            store.write_findings(job, part, [written], store.watermark(job, part))
