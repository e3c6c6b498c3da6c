"""The schema of events: it is one, it refuses what is wrong, and documentation says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
from support.event_schema import violations
from support.sip_dialogs import bye, call, exchange, run
from support.sip_packets import AGENT, PHONE, datagram

from zt.sip import Event, Probe, events
from zt.sip.schema import KINDS, schema
from zt.sip.throttle import ThrottleSettings


def fields(properties: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of all leaves of the schema."""
    for name, inner in properties.items():
        path = f"{above}{name}"
        if "properties" in inner:
            yield from fields(inner["properties"], f"{path}.")
        else:
            yield path


@pytest.fixture(scope="module")
def made() -> list[Event]:
    return run(*call(), *bye(60), *exchange(61, "MESSAGE", 404), end=True)[0]


def test_it_is_a_schema() -> None:
    jsonschema_rs.meta.validate(schema())


def test_every_leaf_is_described() -> None:
    def check(inner: dict[str, Any]) -> None:
        if inner.get("type") == "object" and "properties" in inner:
            for below in inner["properties"].values():
                check(below)
        elif "$ref" not in inner:
            assert inner["description"]

    for below in schema()["properties"].values():
        check(below)


def test_it_is_fresh_each_time() -> None:
    schema()["properties"].clear()
    assert schema()["properties"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("new",), 1),
        (("sip", "new"), "x"),
        (("client", "address"), PHONE),
        (("type",), "call-began"),
        (("type",), "counters"),
        (("@timestamp",), "2026-01-01T00:00:00Z"),
        (("sip", "from"), ""),
        (("sip", "from"), None),
        (("sip", "cseq"), -1),
        (("sip", "response", "status"), 99),
        (("sip", "unmatched_invite"), False),
        (("client", "proven"), "yes"),
        (("client", "port"), 65_536),
        (("client", "transport"), "udp"),
        (("event", "duration"), -0.5),
        (("counters",), {"seconds": 60}),
    ],
)
def test_what_is_wrong_is_refused(made: list[Event], path: tuple[str, ...], value: Any) -> None:
    for event in made:
        wrong = deepcopy(event)
        inner = wrong
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        assert not violations(event)
        assert violations(wrong)


@pytest.mark.parametrize("name", ["@timestamp", "type", "agent", "client", "server", "event"])
def test_what_is_missing_is_refused(made: list[Event], name: str) -> None:
    for event in made:
        assert violations({key: value for key, value in event.items() if key != name})


def test_every_event_of_every_test_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "unmatched_end", lambda *_: {"type": "odd"})
    with pytest.raises(AssertionError, match="odd"):
        run(*bye(5))


def test_throttled_events_and_counters_are_events_too() -> None:
    probe = Probe(AGENT, throttle=ThrottleSettings(), counters_every=60)
    found: list[Event] = []
    for n in range(600):
        for step in exchange(n / 100, "MESSAGE", 404, n=n + 1, call=f"c{n}", tag=f"t{n}"):
            found += probe.feed(datagram(*step))
    found += probe.finish()
    assert "counters" in {event["type"] for event in found}
    assert any(event.get("rate") for event in found)
    assert not [event for event in found if violations(event)]


def test_the_table_of_fields_names_what_the_schema_allows() -> None:
    table = set(re.findall(r"`([@a-z0-9_.-]+)`", str(events.__doc__)))
    for path in fields(schema()["properties"]):
        parents = {path.rsplit(".", depth)[0] for depth in range(path.count(".") + 1)}
        assert parents & table, path
    for kind in KINDS:
        assert kind in table
