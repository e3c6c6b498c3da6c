"""What rewrap refuses to believe or to send: a store that lies, and its own mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.history import History, contents, make_history, per_epoch

from analytics.store import JobState
from analytics.wire import BatchHeader, Column
from zt.encoder.batch import Batch
from zt.encoder.group import Inputs
from zt.encoder.writer import BatchWriter
from zt.errors import EventError, IntegrityError
from zt.profile import Profile
from zt.query import Session
from zt.rewrap import Rewrap, RewrapReport
from zt.rewrap.again import exact_json


@pytest.fixture
def history(tmp_path: Path, profile: Profile, demo_events: list[dict[str, Any]]) -> History:
    """Thirty events of a retired epoch, five of the active one."""
    return make_history(tmp_path / "house", [demo_events[:30], demo_events[30:35]], profile)


def rewrap(history: History, store: JobState) -> RewrapReport:
    return Rewrap(Session(history.ring, store)).run()


def test_an_event_that_would_not_come_back_stays(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the encoder lost or changed something of every third event."""
    genuine, number = Batch.events, 0

    def careless(self: Batch, inputs: Inputs) -> list[bytes | EventError]:
        nonlocal number
        changed = []
        for event, event_id, derived in zip(
            inputs.events, inputs.ids, inputs.derived or [], strict=True
        ):
            number += 1
            match number % 9:
                case 3:
                    event = {key: value for key, value in event.items() if key != "agent"}
                case 6:
                    event = {**event, "client": {**event["client"], "port": 1.0}}
                case 0:
                    event_id = bytes(16)
            changed.append((event, event_id, derived))
        return genuine(self, Inputs(*zip(*changed, strict=True)))

    before = history.open()
    with before:
        plain = contents(Session(history.ring, before))
    monkeypatch.setattr(Batch, "events", careless)
    with history.open() as store:
        report = rewrap(history, store)
    monkeypatch.undo()
    kid, active = history.wire
    [(reason, lost)] = report.failed.items()
    assert "come back" in reason
    assert (lost, report.events, report.left) == (10, 20, {kid: 10})
    with history.open() as store:
        assert per_epoch(store) == {kid: 10, active: 25}
        assert contents(Session(history.ring, store)) == plain


def test_a_header_that_does_not_verify_is_not_sent(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = BatchWriter._header

    def careless(self: BatchWriter, columns: tuple[Column, ...]) -> BatchHeader:
        return genuine(self, columns).model_copy(update={"tag": "A" * 22})

    monkeypatch.setattr(BatchWriter, "_header", careless)
    with history.open() as store:
        before = per_epoch(store)
        with pytest.raises(IntegrityError, match="tag does not verify"):
            rewrap(history, store)
        assert per_epoch(store) == before


class Liar:
    """A store whose walk is not what it should be; all else is genuine."""

    def __init__(self, store: JobState, lines: list[bytes]) -> None:
        self._store = store
        self._lines = lines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def epoch_events(self, kid: str) -> Iterator[bytes]:
        yield from self._lines


def test_what_is_no_event_of_the_epoch_is_counted(history: History) -> None:
    kid, active = history.wire
    with history.open() as store:
        genuine = list(store.epoch_events(kid))
        events = [msgspec.json.decode(line) for line in genuine]
        respelled = {**events[1], "zt": {**events[1]["zt"], "kid": active}}
        other_id = {**events[2], "zt": {**events[2]["zt"], "id": events[3]["zt"]["id"]}}
        lies = [
            *store.epoch_events(active),
            *store.header_lines(),
            b"",
            b"{",
            msgspec.json.encode(respelled),
            msgspec.json.encode(other_id),
        ]
        liar: Any = Liar(store, [*lies, genuine[0], genuine[0]])
        report = rewrap(history, liar)
        assert report.failed.total() == len(lies)
        assert (report.events, report.changed) == (1, 1)
        assert per_epoch(store) == {kid: 29, active: 6}
        assert len(contents(Session(history.ring, store))) == 35


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 0.0}, {"a": -0.0}, False),
        ({"a": {"b": 1}}, {"a.b": 1}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": None}, {}, False),
        ({"a": 2**70}, {"a": 2**70 + 1}, False),
        ({"a": {}}, {"a": []}, False),
    ],
)
def test_exactly_the_same_json(one: dict[str, Any], two: dict[str, Any], same: bool) -> None:
    assert (exact_json(one) == exact_json(two)) is same
