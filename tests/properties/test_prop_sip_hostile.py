"""Whatever comes, the probe neither raises nor grows, and all it says is valid JSON.

A thousandth of the traffic in `make test`; a million datagrams and frames in `make test-all`, in
pieces that workers share. Seeds are fixed: a failure comes back. ZT_FUZZ_SEED shifts them all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.sip_mutations import Traffic, seeds
from support.sip_packets import AGENT
from support.sip_streams import Frames

from zt.sip import Event, Limits, Probe

_SHIFT = int(os.environ.get("ZT_FUZZ_SEED", "0"))
_FEW = 1_000
_PIECE = 125_000
_FRAMES_IN_A_FILE = 1_000
# What a process may grow by for other reasons, such as fragmentation: bytes, and Python's blocks,
# of which one for every second message would be seen.
_SLACK = 16 << 20
_BLOCKS = _PIECE // 4

# Small tables, so that they are full long before the half of a piece.
LIMITS = Limits(**{field.name: 500 for field in fields(Limits)})

MESSAGES = seeds()


@pytest.fixture(scope="module")
def messages(shared_data: Path) -> list[bytes]:
    """With the real ones; where there are none, the long runs are skipped and say so."""
    return seeds(shared_data / "sip")


def _checked(events: Iterable[Event]) -> int:
    """Each event is what JSON can say, without empty values; gives how many there were."""
    count = 0
    for event in events:
        count += 1
        msgspec.json.encode(event)
        assert not _has_nothing(event), event
    return count


def _has_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(map(_has_nothing, value.values()))
    return value is None or value == ""


def _by_datagrams(seed: int, count: int, found: list[bytes]) -> Iterator[int]:
    """Feeds half after half; yields after each how many events there were."""
    traffic, probe = Traffic(_SHIFT + seed, found), Probe(AGENT, LIMITS)
    for _ in range(2):
        yield sum(_checked(probe.feed(one)) for one in traffic.datagrams(count // 2))
    _checked(probe.finish())


def _by_frames(seed: int, count: int, found: list[bytes]) -> Iterator[int]:
    """The same through capture files, so that streams and fragments are put together."""
    frames, probe = Frames(_SHIFT + seed, found), Probe(AGENT, LIMITS)
    size = min(_FRAMES_IN_A_FILE, count // 2)
    for _ in range(2):
        events = 0
        for _ in range(count // 2 // size):
            events += _checked(probe.read_capture(frames.capture(size), "hostile"))
        yield events
    _checked(probe.finish())


def _resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _grows_no_more(halves: Iterator[int]) -> None:
    """Runs both halves; the second needs no memory beyond what the first left behind."""
    assert next(halves) > 0
    resident, blocks = _resident(), sys.getallocatedblocks()
    assert next(halves) > 0
    assert _resident() - resident < _SLACK
    assert sys.getallocatedblocks() - blocks < _BLOCKS
    assert next(halves, None) is None


@pytest.mark.parametrize("seed", range(4))
def test_no_datagram_raises(seed: int) -> None:
    assert sum(_by_datagrams(seed, _FEW, MESSAGES)) > 0


@pytest.mark.parametrize("seed", range(4))
def test_no_frame_raises(seed: int) -> None:
    assert sum(_by_frames(seed, _FEW, MESSAGES)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 105))
def test_no_datagram_of_many_raises_or_stays(seed: int, messages: list[bytes]) -> None:
    _grows_no_more(_by_datagrams(seed, _PIECE, messages))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 203))
def test_no_frame_of_many_raises_or_stays(seed: int, messages: list[bytes]) -> None:
    _grows_no_more(_by_frames(seed, _PIECE, messages))
