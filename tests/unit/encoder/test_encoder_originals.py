"""Values that were not canonical: they come back as they were, or the event is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

ORIGINAL = "SIP:alice@Example.org:5060"
EVENTS: list[dict[str, Any]] = [
    {"sip": {"from": ORIGINAL, "to": ["sip:bob@x", ORIGINAL]}, "hidden": 1},
    {"sip.from": ORIGINAL},
    {"sip.from": "sip:alice@example.org"},
]


def body_of(line: bytes) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(line)
    return body


def test_canonical_values_group_and_originals_come_back(encrypt: Any, decrypt: Any) -> None:
    wire = encrypt(EVENTS)
    one, two, three = map(body_of, wire[-3:])
    assert one["sip"]["from"] == one["sip"]["to"][1] == two["sip.from"] == three["sip.from"]
    assert ORIGINAL.encode() not in b"".join(wire)
    assert decrypt(wire).events == EVENTS


@pytest.mark.parametrize("number", [0, 1])
def test_an_original_without_its_canonical_value_is_refused(
    encrypt: Any, decrypt: Any, number: int
) -> None:
    """A store may spell paths otherwise; then nobody can tell where the original belongs."""
    wire = encrypt(EVENTS)
    body = body_of(wire[number - 3])
    respelled = {key: value for key, value in body.items() if key not in ("sip", "sip.from")}
    if number == 0:
        respelled |= {f"sip.{key}": value for key, value in body["sip"].items()}
    else:
        respelled |= {"sip": {"from": body["sip.from"]}}
    changed = list(wire)
    changed[number - 3] = msgspec.json.encode(respelled) + b"\n"
    opened, rejects = decrypt(changed)
    assert opened == EVENTS[:number] + EVENTS[number + 1 :]
    (reject,) = rejects
    assert "visible fields are not where they were: its keys were respelled" in reject.reason
    assert "alice" not in reject.reason
