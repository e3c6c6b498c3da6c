"""The same traffic in other frames, files, packets and streams gives the same events."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path

import pytest
from support.capture_packets import packets
from support.capture_variants import OTHER_TRANSPORTS, VARIANTS, Variant
from support.sip_packets import AGENT, stream
from unit.sip.test_sip_real_captures import DEMO, SHARED

from zt.sip import Event, probe_capture

CAPTURES = sorted(SHARED.glob("*.pcap*")) + ([DEMO] if DEMO.is_file() else [])

pytestmark = pytest.mark.skipif(
    not CAPTURES, reason="no real captures here; ZT_SHARED_DATA names their folder"
)


@cache
def original(path: Path) -> list[Event]:
    with path.open("rb") as file:
        return list(probe_capture(file, name=path.name, agent=AGENT))


def events(path: Path, variant: Variant) -> list[Event]:
    return list(probe_capture(stream(variant(packets(path))), name=path.name, agent=AGENT))


def without_transport(found: list[Event]) -> list[Event]:
    """The events without what another transport has to change."""
    changed = copy.deepcopy(found)
    for event in changed:
        for side in ("client", "server"):
            for key in ("transport", "proven"):
                event.get(side, {}).pop(key, None)
    return changed


def test_there_are_enough_variants_and_captures() -> None:
    assert len(VARIANTS) >= 30
    assert all(original(path) for path in CAPTURES)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_events_are_those_of_the_original(path: Path, name: str) -> None:
    assert events(path, VARIANTS[name]) == original(path)


@pytest.mark.parametrize("name", OTHER_TRANSPORTS)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_another_transport_changes_nothing_else(path: Path, name: str) -> None:
    found = events(path, OTHER_TRANSPORTS[name])
    assert without_transport(found) == without_transport(original(path))
