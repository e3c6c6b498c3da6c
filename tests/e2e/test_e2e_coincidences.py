"""Numbers and addresses whose ciphertexts coincide across epochs are kept apart.

Ciphertexts in a small format meet by chance: what `a` is under one epoch, `b` is under another.
Such pairs are looked for here on purpose, and then nothing that is asked, counted, detected or
encrypted again may take the one for the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
from support.history import History, contents, per_epoch

from analytics.jobs import run_jobs
from analytics.store import JobState
from analytics.wire import (
    MICROSECONDS,
    EventLine,
    Finding,
    Metric,
    Query,
    format_time,
    parse_line,
)
from keys import EpochKeys, Ring, backup_of, init_ring, labels
from keys.derive import lp
from zt.crypto.ff1_column import FF1Column
from zt.jobs import Job, add_missing_parts, compile_job, open_findings
from zt.profile import Profile
from zt.query import Session, parse
from zt.rewrap import Progress, Rewrap
from zt.rewrap import rewrap as rewrap_module
from zt.rewrap.again import exact_json

KEPT = "+4930"
"""What stays clear of a number: six digits are encrypted, a million possible values."""

PROFILE = Profile.model_validate(
    {
        "name": "coincidences",
        "time": "time",
        "fields": {
            "time": {"scheme": "clear", "kind": "time"},
            "phone": {"scheme": "fpe", "keep": 4, "search": ["prefix", "gram"]},
            "ip": {"scheme": "ip", "search": ["net"]},
        },
    }
)

Pair = tuple[str, str, str]
"""A value under the first epoch, another one under the second, and the ciphertext of both."""


def phone_pair(one: EpochKeys, two: EpochKeys) -> Pair:
    """Three thousand numbers under each key meet about nine times in a million."""

    def encrypted(keys: EpochKeys, digits: list[str]) -> list[str]:
        column = FF1Column(keys.keyspace("phone").subkey(labels.FPE, 32))
        return column.strings(digits, lp(b"phone") + KEPT.encode())

    digits = [f"{n:06}" for n in range(3_000)]
    known = dict(zip(encrypted(one, digits), digits, strict=True))
    for start in range(3_000, 30_000, 3_000):
        more = [f"{n:06}" for n in range(start, start + 3_000)]
        for ciphertext, value in zip(encrypted(two, more), more, strict=True):
            if (other := known.get(ciphertext)) is not None:
                return KEPT + other, KEPT + value, KEPT + ciphertext
    raise AssertionError("about 80 coincidences were expected in so many")


def ip_pair(one: EpochKeys, two: EpochKeys) -> Pair:
    """A hundred thousand addresses under each key meet about twice in 2^32."""

    def encrypted(keys: EpochKeys, addresses: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        column = FF1Column(keys.keyspace("ip").subkey(labels.IP, 32))
        return column.ipv4(addresses, lp(b"ip", bytes([4])))

    size = 100_000
    first = np.arange(1 << 30, (1 << 30) + size, dtype=np.uint32)
    of_first = encrypted(one, first)
    for turn in range(1, 30):
        second = first + np.uint32(turn * size)
        of_second = encrypted(two, second)
        met, here, there = np.intersect1d(of_first, of_second, return_indices=True)
        if met.size:
            found = (first[here[0]], second[there[0]], met[0])
            a, b, ciphertext = (str(IPv4Address(int(number))) for number in found)
            return a, b, ciphertext
    raise AssertionError("about 70 coincidences were expected in so many")


Find = Callable[[EpochKeys, EpochKeys], Pair]

FIELDS: dict[str, tuple[Find, str, str]] = {
    "phone": (phone_pair, "+4930999999", "+4931999999"),
    "ip": (ip_pair, "192.0.2.1", "198.51.100.1"),
}
"""By field, how a pair is found, and two other values."""


class Coincidence(NamedTuple):
    """A store in which `a` under the first epoch looks like `b` under the second.

    `first` and `second` are the plain events of each epoch.
    """

    history: History
    path: str
    a: str
    b: str
    both: str
    first: list[dict[str, Any]]
    second: list[dict[str, Any]]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [*self.first, *self.second]

    @property
    def job(self) -> Job:
        return Job.model_validate(
            {
                "id": "flood",
                "kind": "event_count",
                "where": "*",
                "group_by": [self.path],
                "window": "1m",
                "threshold": 8,
            }
        )


def at(seconds: list[int], path: str, value: str) -> list[dict[str, Any]]:
    return [
        {"time": format_time(second * MICROSECONDS), path: value, "said": f"{value} at {second}"}
        for second in seconds
    ]


@pytest.fixture(params=FIELDS)
def met(request: pytest.FixtureRequest, tmp_path: Path) -> Coincidence:
    """Two epochs, the second active; eight events of one value in a minute are a flood.

    Around the rotation a comes five times under the first epoch and b five times under the
    second: ten of one ciphertext, and no flood. Four and four of c are one, although its
    ciphertexts differ. Later a comes nine times under the second epoch, which is another.
    """
    path: str = request.param
    find, c, d = FIELDS[path]
    init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    history = History(tmp_path, {})
    history.rotate()
    before = Ring.open(backup_of(history.path))  # a file of its own, which does not change
    a, b, both = find(before.active, history.ring.active)
    assert a != b
    first = [
        *at([20, 21, 22], path, b),
        *at([500, 900], path, d),
        *at([3600, 3602, 3604, 3606, 3608], path, a),
        *at([3601, 3603, 3605, 3607], path, c),
    ]
    second = [
        *at([3610, 3612, 3614, 3616, 3618], path, b),
        *at([3611, 3613, 3615, 3617], path, c),
        *at(list(range(7200, 7209)), path, a),
        *at([9000], path, d),
    ]
    for events in (first, second):
        events.sort(key=lambda event: str(event["time"]))
    history.add(first, PROFILE, ring=before)
    history.add(second, PROFILE)
    found = Coincidence(history, path, a, b, both, first, second)
    with history.open() as store:
        store.put_job(compile_job(found.job, Session(history.ring, store)))
        run_jobs(store)
    return found


def rewrap(history: History, batches: int | None = None) -> None:
    """Encrypt the first epoch's events again, or stop after so many batches."""
    done = 0

    def stop(progress: Progress) -> None:
        nonlocal done
        done += 1
        if done == batches:
            raise KeyboardInterrupt

    with history.open() as store:
        session = Session(history.ring, store)
        if batches is None:
            report = Rewrap(session).run()
            assert (report.failed, report.left) == ({}, {})
            assert len(store.epochs()) == 1
        else:
            with pytest.raises(KeyboardInterrupt):
                Rewrap(session, on_progress=stop).run()
            assert len(per_epoch(store)) == 2


def as_encrypted(met: Coincidence) -> None:
    """Nothing happens to the store."""


def halfway(met: Coincidence) -> None:
    """Some events of a are of each epoch, and b's ciphertext is still a's other one."""
    rewrap(met.history, batches=2)


def under_the_second(met: Coincidence) -> None:
    rewrap(met.history)


def under_a_third(met: Coincidence) -> None:
    met.history.rotate()
    rewrap(met.history)


STAGES: dict[str, Callable[[Coincidence], None]] = {
    "two epochs": as_encrypted,
    "rewrap halfway": halfway,
    "rewrapped": under_the_second,
    "rewrapped under a third": under_a_third,
}


@pytest.fixture(params=STAGES)
def kept(
    request: pytest.FixtureRequest, met: Coincidence, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Coincidence, Session]]:
    monkeypatch.setattr(rewrap_module, "BATCH", 4)
    STAGES[request.param](met)
    with met.history.open() as store:
        yield met, Session(met.history.ring, store)


def test_the_ciphertexts_do_coincide(met: Coincidence) -> None:
    """In the wire and in the store, or nothing here would test anything."""
    shown = []
    for wire in met.history.wire.values():
        lines = [parse_line(raw.rstrip()) for raw in wire]
        shown.append([e.body[met.path] for e in lines if isinstance(e, EventLine)].count(met.both))
    assert shown == [5, 5]
    with met.history.open() as store:
        counts = [
            row.metrics[0]
            for header in store.headers()
            for row in store.query(
                Query(
                    kid=header.kid,
                    profile=header.profile,
                    group_by=(met.path,),
                    metrics=(Metric(kind="events"),),
                )
            )
            if row.key == (met.both,)
        ]
    assert counts == [5, 5]


def test_events_open_to_their_own_value(kept: tuple[Coincidence, Session]) -> None:
    met, session = kept
    expected = sorted(exact_json(event) for event in met.events)
    assert sorted(contents(session).values()) == expected


def test_top_counts_them_apart(kept: tuple[Coincidence, Session]) -> None:
    met, session = kept
    counts = {count.value: count.count for count in session.top(met.path)}
    assert counts == Counter(event[met.path] for event in met.events)
    assert (counts[met.a], counts[met.b]) == (14, 8)
    assert not session.refused


def test_search_finds_each_alone(kept: tuple[Coincidence, Session]) -> None:
    """By the whole value, and by tokens of a part of it."""
    met, session = kept
    for value in (met.a, met.b):
        whole = f"{met.path}:{value}"
        part = f"{whole}/32" if met.path == "ip" else f"phone:*{value[-6:]}"
        for question in (whole, part, f"{whole} AND {part}"):
            found = [exact_json(item.event) for item in session.search(parse(question))]
            expected = [exact_json(e) for e in met.events if e[met.path] == value]
            assert sorted(found) == sorted(expected), question
    assert not session.refused


def test_detections_join_by_value_not_by_ciphertext(kept: tuple[Coincidence, Session]) -> None:
    met, session = kept
    store = cast(JobState, session.store)
    add_missing_parts([met.job], session)
    run_jobs(store)

    def fail(finding: Finding, error: Exception) -> None:
        raise AssertionError(f"refused {finding}") from error

    found = open_findings(store.findings(), {"flood": met.job}, session, fail)
    c = FIELDS[met.path][1]
    assert sorted(
        (item.group[met.path], item.finding.start // MICROSECONDS, item.finding.metric)
        for item in found
    ) == sorted([(met.a, 7200, 9), (c, 3601, 8)])
    assert not session.refused
