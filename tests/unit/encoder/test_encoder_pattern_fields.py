"""Fields that patterns show: names are the sender's to choose, so their number is bounded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from analytics.wire import HeaderLine, parse_line
from keys import Ring
from zt.encoder import Encoder
from zt.encoder import encrypt as module
from zt.encoder.plan import MAX_FIELD_PATH
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
