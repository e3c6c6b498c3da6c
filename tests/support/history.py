"""A store whose events were encrypted under several epochs, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from analytics.store import JobState, open_store
from analytics.wire import Metric, Query
from keys import Ring, init_ring, rotate_ring
from zt.encoder import Encoder
from zt.profile import Profile
from zt.query import Session, parse
from zt.rewrap.again import exact_json

Alter = Callable[[list[bytes]], list[bytes]]


@dataclass
class History:
    """A ring and a store, beside each other in a folder.

    Attributes:
        wire: what was ingested, by epoch.
    """

    folder: Path
    wire: dict[str, list[bytes]]

    @property
    def path(self) -> Path:
        return self.folder / "ring.json"

    @property
    def ring(self) -> Ring:
        return Ring.open(self.path)

    @property
    def store(self) -> str:
        return f"duckdb:{self.folder / 'cloud.duckdb'}"

    def open(self) -> JobState:
        return open_store(self.store)

    def rotate(self) -> str:
        """A new epoch; its kid."""
        return rotate_ring(self.path).active.kid.hex()

    def add(
        self,
        events: Iterable[dict[str, Any]],
        profile: Profile,
        *,
        stream: str = "",
        ring: Ring | None = None,
        alter: Alter = lambda wire: wire,
    ) -> str:
        """Encrypt events under the active epoch and ingest them; the epoch's kid."""
        ring = ring or self.ring
        kid = ring.active.kid.hex()
        encoder = Encoder(ring, profile, stream=stream or f"{kid} {profile.name}")
        lines = (msgspec.json.encode(event) + b"\n" for event in events)
        wire = alter(list(encoder.encrypt(lines)))
        with open_store(self.store, create=True) as store:
            store.ingest(wire)
        self.wire.setdefault(kid, []).extend(wire)
        return kid


def make_history(
    folder: Path, shares: Sequence[Iterable[dict[str, Any]]], profile: Profile
) -> History:
    """A store with an epoch for each share of the events; the last one is active."""
    folder.mkdir(exist_ok=True)
    init_ring(folder / "ring.json", "acme", "file:ring.key")
    history = History(folder, {})
    for number, events in enumerate(shares):
        if number:
            history.rotate()
        history.add(events, profile)
    return history


def contents(session: Session) -> dict[str, bytes]:
    """Every event of a store in plaintext, by id."""
    found = {item.id: exact_json(item.event) for item in session.search()}
    assert not session.refused, session.refused
    return found


def answers(session: Session, questions: Iterable[str]) -> dict[str, Any]:
    """What a session says of what is stored: of every visible field, and to some questions."""
    tops = {}
    for path in sorted({path for plan in session.plans for path in plan.visible}):
        tops[path] = [(count.value, count.count) for count in session.top(path)]
    found = {
        question: sorted(item.id for item in session.search(parse(question)))
        for question in questions
    }
    assert not session.refused, session.refused
    return {"tops": tops, "found": found}


def per_epoch(store: JobState) -> dict[str, int]:
    """Events by epoch, counted by query."""
    metrics = (Metric(kind="events"),)
    totals: dict[str, int] = {}
    for header in store.headers():
        [row] = store.query(Query(kid=header.kid, profile=header.profile, metrics=metrics))
        totals[header.kid] = totals.get(header.kid, 0) + int(row.metrics[0] or 0)
    return totals
