"""What comes back opened is what a plain reference counts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from support.commands import ok
from support.house import House
from support.sip_floods import weight


def value_at(event: dict[str, Any], path: str) -> str | None:
    """The reference's own way to a value."""
    value: Any = event
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else str(value)


@pytest.mark.parametrize(
    "path", ["sip.from", "sip.to", "sip.call_id", "client.ip", "user_agent.original", "type"]
)
@pytest.mark.parametrize("kind", [None, "auth-failed", "call-start"])
def test_counts_equal_the_plain_reference(house: House, path: str, kind: str | None) -> None:
    reference: Counter[str] = Counter()
    for event in house.events:
        if kind in (None, event["type"]) and (value := value_at(event, path)) is not None:
            reference[value] += weight(event)
    where = ["--where", f"type:{kind}"] if kind else []
    answer = ok(
        *("zt", "top", "-k", house.ring, "-s", house.store, path),
        *("-n", "100000", "--json", *where),
    )
    counts = {row["value"]: row["count"] for row in json.loads(answer.out)}
    assert counts == reference


@pytest.mark.parametrize(
    ("question", "select"),
    [
        ("type:reg-new", lambda e: e["type"] == "reg-new"),
        ("sip.from:*493023*", lambda e: "493023" in e["sip"].get("from", "")),
        ("sip.from:*HV3KXQ9WBN*", lambda e: "hv3kxq9wbn" in e["sip"].get("from", "")),
        ("user_agent.original:*SCANNER", lambda e: _agent(e).endswith("scanner")),
        (
            "sip.response.status:404 AND client.ip:203.0.113.91",
            lambda e: (
                e["sip"].get("response", {}).get("status") == 404
                and e["client"]["ip"] == "203.0.113.91"
            ),
        ),
        ("sip.to:*nobody-has-this-name*", lambda e: False),
    ],
)
def test_searches_equal_the_plain_reference(house: House, question: str, select: Any) -> None:
    answer = ok(
        *("zt", "search", "-k", house.ring, "-s", house.store, question, "--limit", "100000")
    )
    found = [json.loads(line) for line in answer.out.splitlines()]
    reference = [event for event in house.events if select(event)]
    assert _sorted(found) == _sorted(reference)


def test_the_wire_file_decrypts_to_the_events(house: House) -> None:
    answer = ok("zt", "decrypt", "-k", house.ring, house.wire)
    assert [json.loads(line) for line in answer.out.splitlines()] == house.events


def _agent(event: dict[str, Any]) -> str:
    return str(event.get("user_agent", {}).get("original", "")).lower()


def _sorted(events: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(event, sort_keys=True) for event in events)
