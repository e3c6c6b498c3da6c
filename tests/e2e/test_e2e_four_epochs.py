"""Four epochs and two profiles in one store: every answer is that of the plaintext.

The reference below knows nothing of epochs, profiles or ciphertexts, and shares no code with the
product: events as they are, values in the one spelling that the data is made in, loops.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

import pytest
from support.history import History, per_epoch
from support.in_process import fine

from keys import init_ring
from zt.profile import Profile, load_profile
from zt.rewrap.again import exact_json

START = datetime(2026, 11, 24, tzinfo=UTC)
Event = dict[str, Any]
KINDS = ["call-end", "reg-new", "auth-failed", "other-failed", "other-failed", "msg-probe"]

MORE: dict[str, dict[str, Any]] = {
    "caller.number": {"scheme": "fpe", "keep": "country", "search": ["prefix", "gram"]},
    "account": {"scheme": "fpe"},
    "trunk.ip": {"scheme": "ip", "mode": "pfx"},
}
OTHER: dict[str, dict[str, Any]] = {
    "account": {"scheme": "fpe", "keyspace": "customer", "search": ["prefix"]},
    "caller.number": {"scheme": "fpe", "keep": 3, "search": ["gram", "prefix", "whole"]},
    "client.ip": {"scheme": "ip", "search": ["net"]},
    "sip.response.status": {"scheme": "clear"},
}
"""What the second profile does otherwise: keyspaces, what is kept, tokens, a column's kind."""


def profiles() -> list[Profile]:
    balanced = load_profile("sip-balanced").model_dump(exclude_unset=True)
    return [
        Profile.model_validate(balanced | {"name": name, "fields": balanced["fields"] | fields})
        for name, fields in (("first", MORE), ("second", MORE | OTHER))
    ]


def made_events() -> list[Event]:
    """Twenty minutes by chance, with one attacker who is always there and one who pauses."""
    chance = random.Random(5)
    users = [f"sip:user{n}@{host}" for n in range(40) for host in ("a.example", "b.example")]
    agents = ["friendly-scanner", "Linphone/5.2", "Grandstream GXP2170"]
    ordinary = [f"203.0.113.{n}" for n in range(6, 12)] + [f"2001:db8::{n:x}" for n in range(1, 4)]
    events: list[Event] = []
    for n in range(1_200):
        at = START + timedelta(seconds=n, microseconds=chance.randrange(1_000_000))
        kind = chance.choice(KINDS)
        sender = chance.choice(ordinary)
        if kind not in ("call-end", "reg-new") and chance.random() < 0.95:
            pauses = not 60 < n % 300 < 240  # around each rotation
            sender = "198.51.100.1" if pauses or chance.random() < 0.5 else "198.51.100.2"
        event: Event = {
            "@timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "type": kind,
            "client": {"ip": sender},
            "sip": {
                "from": chance.choice(users),
                "to": chance.choice(users),
                "call_id": f"{n}@call.example",
                "response": {"status": chance.choice([200, 401, 404])},
            },
            "user_agent": {"original": chance.choice(agents)},
            "caller": {"number": f"+49{chance.randrange(30, 34)}{chance.randrange(20):07}"},
            "account": f"{chance.randrange(50):08}",
            "trunk": {"ip": f"10.{chance.randrange(3)}.0.{chance.randrange(9)}"},
            "body": {"text": "nobody sees this", "n": n},
        }
        if chance.random() < 0.1:
            event["rate"] = {"ex_diff": chance.randrange(1, 5)}
        events.append(event)
    return events


EVENTS = made_events()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The events by time in four epochs; the second and third have both profiles, in turns."""
    folder = tmp_path_factory.mktemp("four-epochs")
    init_ring(folder / "ring.json", "acme", "file:ring.key")
    history = History(folder, {})
    first, second = profiles()
    for epoch in range(4):
        if epoch:
            history.rotate()
        share = EVENTS[300 * epoch : 300 * (epoch + 1)]
        if epoch in (1, 2):
            history.add(share[0::2], first)
            history.add(share[1::2], second)
        else:
            history.add(share, second if epoch else first)
    asked = ("-k", history.path, "-s", history.store)
    fine("zt", "jobs", "push", *asked)
    fine("zt-analytics", "run", "-s", history.store, "--once")
    with history.open() as store:
        assert list(per_epoch(store).values()) == [300] * 4
        assert len(store.headers()) >= 6
    return history


@pytest.fixture(scope="module")
def rewrapped(house: History, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The same, encrypted again under the fourth epoch."""
    folder = tmp_path_factory.mktemp("rewrapped")
    for path in house.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / path.name).chmod(0o600)
    history = History(folder, house.wire)
    fine("zt-keys", "rewrap", "-k", history.path, "-s", history.store)
    with history.open() as store:
        assert list(per_epoch(store).values()) == [1_200]
    return history


@pytest.fixture(params=["four epochs", "after rewrap"])
def either(request: pytest.FixtureRequest, house: History, rewrapped: History) -> History:
    return {"four epochs": house, "after rewrap": rewrapped}[request.param]


def at(event: Event, path: str) -> Any:
    for key in path.split("."):
        event = event[key]
    return event


# --- decrypt -----------------------------------------------------------------------------------


def test_decrypt(house: History) -> None:
    """The wire of all epochs, newest first, its headers before their events."""
    wire = [line for lines in reversed(house.wire.values()) for line in lines]
    opened = fine("zt", "decrypt", "-k", house.path, "-", stdin=b"".join(wire)).out
    expected = sorted(exact_json(event) for event in EVENTS)
    assert sorted(exact_json(json.loads(line)) for line in opened.splitlines()) == expected


# --- search ------------------------------------------------------------------------------------

Test = Callable[[Event], bool]


def same(path: str, value: Any) -> Test:
    return lambda event: bool(at(event, path) == value)


def has(path: str, part: str) -> Test:
    return lambda event: part.casefold() in str(at(event, path)).casefold()


def starts(path: str, part: str) -> Test:
    return lambda event: str(at(event, path)).startswith(part)


def ends(path: str, part: str) -> Test:
    return lambda event: str(at(event, path)).endswith(part)


def inside(path: str, network: str) -> Test:
    return lambda event: ip_address(at(event, path)) in ip_network(network)


def both(*tests: Test) -> Test:
    return lambda event: all(test(event) for test in tests)


QUESTIONS: dict[str, Test] = {
    "*": lambda event: True,
    "type:auth-failed": same("type", "auth-failed"),
    "sip.response.status:404": same("sip.response.status", 404),
    "sip.from:sip:user7@a.example": same("sip.from", "sip:user7@a.example"),
    "sip.from:*SER12@*": has("sip.from", "user12@"),
    "sip.to:*@b.example": ends("sip.to", "@b.example"),
    "user_agent.original:*SCAN*": has("user_agent.original", "scan"),
    "user_agent.original:Lin*": starts("user_agent.original", "Lin"),
    "caller.number:+49310000003": same("caller.number", "+49310000003"),
    "caller.number:+4931*": starts("caller.number", "+4931"),
    "caller.number:*00007*": has("caller.number", "00007"),
    "account:00000017": same("account", "00000017"),
    "client.ip:198.51.100.2": same("client.ip", "198.51.100.2"),
    "client.ip:198.51.100.0/24": inside("client.ip", "198.51.100.0/24"),
    "client.ip:203.0.113.8/30": inside("client.ip", "203.0.113.8/30"),
    'client.ip:"2001:db8::/64"': inside("client.ip", "2001:db8::/64"),
    "trunk.ip:10.1.0.0/16": inside("trunk.ip", "10.1.0.0/16"),
    "trunk.ip:10.2.0.4/30": inside("trunk.ip", "10.2.0.4/30"),
    "client.ip:198.51.100.0/24 AND type:auth-failed AND sip.from:*user1*": both(
        inside("client.ip", "198.51.100.0/24"),
        same("type", "auth-failed"),
        has("sip.from", "user1"),
    ),
    "account:00000017 AND caller.number:+4930*": both(
        same("account", "00000017"), starts("caller.number", "+4930")
    ),
    "caller.number:+49990000000": lambda event: False,
    "client.ip:192.0.2.0/24": lambda event: False,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_search(either: History, question: str) -> None:
    asked = ("-k", either.path, "-s", either.store, "--limit", "5000")
    found = fine("zt", "search", question, *asked).out.splitlines()
    expected = [event for event in EVENTS if QUESTIONS[question](event)]
    assert sorted(map(exact_json, map(json.loads, found))) == sorted(map(exact_json, expected))


def test_the_questions_meet_events_of_every_epoch() -> None:
    """But for the two that nothing answers, and the rarest."""
    met = {
        question: {n // 300 for n, event in enumerate(EVENTS) if test(event)}
        for question, test in QUESTIONS.items()
    }
    assert sum(epochs == {0, 1, 2, 3} for epochs in met.values()) >= len(QUESTIONS) - 4
    assert sum(not epochs for epochs in met.values()) == 2


# --- top ---------------------------------------------------------------------------------------


def counted(path: str, test: Test = lambda event: True) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for event in EVENTS:
        if test(event):
            counts[str(at(event, path))] += 1 + event.get("rate", {}).get("ex_diff", 0)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "count": count} for value, count in ranked]


TOP_FIELDS = {
    "user_agent.original": "det",
    "sip.call_id": "det",
    "sip.from": "uri",
    "sip.to": "uri",
    "caller.number": "fpe",
    "account": "fpe",
    "client.ip": "ip",
    "trunk.ip": "ip",
    "type": "clear",
    "sip.response.status": "clear",
}


@pytest.mark.parametrize("path", TOP_FIELDS)
def test_top(either: History, path: str) -> None:
    second = profiles()[1]
    assert second.fields[path].scheme == TOP_FIELDS[path]
    asked = ("-k", either.path, "-s", either.store, "--json")
    for number in (3, 5_000):
        answer = json.loads(fine("zt", "top", path, "-n", str(number), *asked).out)
        assert answer == counted(path)[:number]


@pytest.mark.parametrize("path", ["client.ip", "account", "sip.from"])
@pytest.mark.parametrize("question", ["type:auth-failed", "client.ip:198.51.100.0/24"])
def test_top_where(either: History, path: str, question: str) -> None:
    asked = ("-k", either.path, "-s", either.store, "-n", "5000", "--json", "--where", question)
    answer = json.loads(fine("zt", "top", path, *asked).out)
    assert answer == counted(path, QUESTIONS[question])


# --- findings ----------------------------------------------------------------------------------


class Attack(NamedTuple):
    """A detection of the pack `sip`, as its documentation says; windows are five minutes."""

    job: str
    source: str
    metric: int
    start: str
    last: str
    """Time of its last event."""


RULES: dict[str, tuple[str, int]] = {
    "password-guessing": ("auth-failed", 8),
    "scanning": ("other-failed", 20),
    "probing": ("msg-probe", 10),
}


def attacks() -> list[Attack]:
    """The earliest window that reaches the threshold, then the earliest one behind it, ..."""
    found = []
    for job, (kind, threshold) in RULES.items():
        by_source: dict[str, list[Event]] = {}
        for event in EVENTS:
            if event["type"] == kind:
                by_source.setdefault(event["client"]["ip"], []).append(event)
        for source, events in by_source.items():
            rest = events
            while rest:
                start = datetime.fromisoformat(rest[0]["@timestamp"])
                end = start + timedelta(minutes=5)
                window = [e for e in rest if datetime.fromisoformat(e["@timestamp"]) < end]
                weights = [1 + e.get("rate", {}).get("ex_diff", 0) for e in window]
                targets = {e["sip"]["to"] for e in window}
                metric = len(targets) if job == "scanning" else sum(weights)
                if metric >= threshold:
                    times = [event["@timestamp"] for event in (window[0], window[-1])]
                    found.append(Attack(job, source, metric, *times))
                    rest = rest[len(window) :]
                else:
                    rest = rest[1:]
    return sorted(found)


def test_findings(either: History) -> None:
    answer = fine("zt", "findings", "-k", either.path, "-s", either.store, "--json")
    found = [json.loads(line) for line in answer.out.splitlines()]
    opened = sorted(
        (item["job"], item["group"]["client.ip"], item["metric"], item["start"]) for item in found
    )
    assert opened == [attack[:4] for attack in attacks()]


def test_the_attacks_are_in_every_epoch_and_across_all_edges() -> None:
    """So the findings above have what this is about."""
    position = {event["@timestamp"]: n for n, event in enumerate(EVENTS)}
    spans = [(position[one.start] // 300, position[one.last] // 300) for one in attacks()]
    assert {span for span in spans if span[0] != span[1]} == {(0, 1), (1, 2), (2, 3)}
    assert {span[0] for span in spans if span[0] == span[1]} == {0, 1, 2, 3}
    assert {attack.job for attack in attacks()} == set(RULES)
