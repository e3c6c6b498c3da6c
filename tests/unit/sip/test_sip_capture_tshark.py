"""A second opinion on real captures: tshark finds the same transactions and final statuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support.capture_tshark import TSHARK, Key, by_the_probe, by_tshark
from unit.sip.test_sip_real_captures import DEMO, SHARED

CAPTURES = sorted(SHARED.glob("*.pcap*")) + ([DEMO] if DEMO.is_file() else [])


class Difference(NamedTuple):
    """A transaction that both find with the same statuses, but name differently."""

    probe: Key
    tshark: Key
    reason: str


_ZERO = (
    "its branch is 0, which identifies nothing: without the magic cookie z9hG4bK the parser "
    "gives no branch, and transactions go by sent-by and From tag (RFC 3261 section 17.2.3)"
)
_DTMF = "2091060b-146f-e011-809a-0019cb53db77@admind-desktop"
_OPTIONS = "fab24225-14f8a735-e063ce6@176.9.39.206"

DIFFERENCES: dict[str, list[Difference]] = {
    "DTMFsipinfo.pcap": [
        Difference((_DTMF, 10, "ACK", ""), (_DTMF, 10, "ACK", "0"), _ZERO),
        Difference((_DTMF, 11, "ACK", ""), (_DTMF, 11, "ACK", "0"), _ZERO),
    ],
    "sip-488-codec-reject.pcapng": [
        Difference((_OPTIONS, 1, "OPTIONS", ""), (_OPTIONS, 1, "OPTIONS", "0"), _ZERO),
    ],
}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_tshark_finds_the_same_transactions(
    path: Path, tmp_path: Path, require: Callable[[bool, str], None]
) -> None:
    require(TSHARK is not None, "tshark is not installed")
    probe, tshark = by_the_probe(path), by_tshark(path, tmp_path)
    assert probe
    for difference in DIFFERENCES.get(path.name, []):
        assert difference.reason
        assert probe.pop(difference.probe) == tshark.pop(difference.tshark)
    assert probe == tshark


def test_the_differences_are_of_captures_that_are_here(
    require: Callable[[bool, str], None],
) -> None:
    require(SHARED.is_dir(), "no real captures are here; ZT_SHARED_DATA names their folder")
    assert set(DIFFERENCES) <= {path.name for path in CAPTURES}
