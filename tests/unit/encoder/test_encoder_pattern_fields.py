"""Fields that patterns show: names are the sender's to choose, so their number is bounded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from analytics.wire import HeaderLine, parse_line
from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder import encrypt as module
from zt.encoder.plan import MAX_FIELD_PATH, Plan
from zt.profile import Profile

PROFILE = Profile.model_validate(
    {"name": "patterns", "fields": {"device.*": {"scheme": "det"}, "device.mac": {"scheme": "det"}}}
)


def paths(wire: list[bytes]) -> list[list[str]]:
    """The visible fields that each header lists."""
    lines = [parse_line(line.rstrip()) for line in wire]
    return [
        [column.path for column in line.header.columns]
        for line in lines
        if isinstance(line, HeaderLine)
    ]


def test_further_fields_are_opaque_and_come_back(
    shared_ring: Ring, decrypt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PATTERN_FIELDS", 3)
    monkeypatch.setattr(module, "BATCH_EVENTS", 4)
    events = [{"device": {f"k{n}": n, "mac": "m"}, "n": n} for n in range(10)]
    events.append({"device": {"k0": 0, "k9": "again"}, "n": 10})
    encoder = Encoder(shared_ring, PROFILE, stream="s")
    wire = list(encoder.encrypt(map(msgspec.json.encode, events)))
    # the limit is one of the stream, not of a batch; fields that have a name are not counted
    assert paths(wire) == [
        ["device.k0", "device.k1", "device.k2", "device.mac"],
        ["device.mac"],
        ["device.k0", "device.mac"],
    ]
    assert b'"k3"' not in b"".join(wire)
    assert decrypt(wire).events == events
    assert decrypt(wire).rejects == []


@pytest.mark.parametrize("more", [0, 1])
def test_names_longer_than_a_profiles_are_opaque(encrypt: Any, decrypt: Any, more: int) -> None:
    path = "device." + "k" * (MAX_FIELD_PATH - len("device.") + more)
    wire = encrypt([{path: 1}], profile=PROFILE)
    assert paths(wire) == [[] if more else [path]]
    assert decrypt(wire).events == [{path: 1}]


def pattern(scheme: str, *more: str) -> Profile:
    fields = {name: {"scheme": scheme} for name in ("*", "*.x", *more)}
    return Profile.model_validate({"name": "x", "fields": fields})


ODD_KEYS = ["", "zt:profile", "zt:x", "x" * 257, ".", "*", "a\nb"]


@pytest.mark.parametrize("key", ODD_KEYS, ids=repr)
@pytest.mark.parametrize("scheme", ["clear", "det", "ip"])
def test_names_of_the_senders_choice_do_no_harm(shared_ring: Ring, scheme: str, key: str) -> None:
    event = {key: "value", "ok": "value"}
    wire = list(Encoder(shared_ring, pattern(scheme)).encrypt([msgspec.json.encode(event)]))
    assert list(Decoder(shared_ring).decrypt(wire)) == [event]
    header = parse_line(wire[0].rstrip())
    assert isinstance(header, HeaderLine)
    shown = [column.path for column in header.header.columns]
    assert shown == (["ok"] if key in ODD_KEYS[:5] else sorted([key, "ok"]))


@pytest.mark.parametrize("key", ["zt", "zt.id", "zt.x.y"])
def test_keys_that_would_mix_with_the_wires_own_are_refused(shared_ring: Ring, key: str) -> None:
    encoder = Encoder(shared_ring, pattern("clear", "*.id"))
    assert list(encoder.encrypt([msgspec.json.encode({key: 1})])) == []
    assert encoder.report.rejected == 1


def test_objects_do_not_count(shared_ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PATTERN_FIELDS", 10)
    events = [{f"o{n}": {"x": n}, "named": n, f"top{n}": n} for n in range(20)]
    wire = list(
        Encoder(shared_ring, pattern("clear", "named"), stream="s").encrypt(
            map(msgspec.json.encode, events)
        )
    )
    assert list(Decoder(shared_ring).decrypt(wire)) == events
    lines = [parse_line(raw.rstrip()) for raw in wire]
    header = next(line.header for line in lines if isinstance(line, HeaderLine))
    assert len(header.columns) == 10 + 1
    assert "named" in {column.path for column in header.columns}


def test_the_plans_memory_is_bounded(shared_ring: Ring) -> None:
    profile = pattern("det")
    plan = Plan(
        profile, shared_ring.active, profile.id(shared_ring.tenant_key), max_pattern_fields=50
    )
    for n in range(10_000):
        plan.at(f"k{n}")
        plan.field(f"k{n}")
    assert len(plan._places) <= 4096
    assert len(plan._fields) <= 4096
    assert len(plan._by_pattern) == 50
    assert plan.field("k5") is not None
    assert plan.field("k9999") is None
