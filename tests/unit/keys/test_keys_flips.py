"""No bit of a ring file, in whatever states its epochs are, and none of its key file may flip."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keys import KeysError, Ring, RingError, destroy_epoch, init_ring, rotate_ring

BITS = [1 << bit for bit in range(8)]


@pytest.fixture
def every_state(tmp_path: Path) -> Ring:
    """A ring with an epoch in each of the four states."""
    path = tmp_path / "ring.json"
    first = init_ring(path, "acme", "file:ring.key").active.kid.hex()
    rotate_ring(path)
    rotate_ring(path)
    destroy_epoch(path, first)
    ring = rotate_ring(path, datetime(2040, 1, 1, tzinfo=UTC))
    states = [epoch.state for epoch in ring.epochs]
    assert states == ["destroyed", "retired", "active", "pre-active"]
    return ring


def opened(ring: Ring, path: Path, bad: Iterator[tuple[str, bytes]]) -> list[str]:
    """Which of some contents of a file the ring opens with; the file is put back."""
    good = path.read_bytes()
    accepted = []
    for name, content in bad:
        path.write_bytes(content)
        try:
            Ring.open(ring.path)
        except KeysError:
            continue
        accepted.append(name)
    path.write_bytes(good)
    assert Ring.open(ring.path).active.kcv == ring.active.kcv
    return accepted


def flips(data: bytes, masks: list[int]) -> Iterator[tuple[str, bytes]]:
    """The data with one byte changed by a mask, for every byte and mask."""
    for place, byte in enumerate(data):
        for mask in masks:
            changed = bytes([byte ^ mask])
            yield f"{place} ^ {mask}", data[:place] + changed + data[place + 1 :]


def test_one_bit_of_every_byte(every_state: Ring) -> None:
    """A bit for each byte, which bit by turns; the long test flips them all."""
    good = every_state.path.read_bytes()
    bad = (
        (name, content)
        for number, (name, content) in enumerate(flips(good, BITS))
        if number % 8 == number // 8 % 8
    )
    assert opened(every_state, every_state.path, bad) == []


@pytest.mark.slow
def test_every_bit_of_every_byte_and_all_bits_of_it(every_state: Ring) -> None:
    good = every_state.path.read_bytes()
    assert opened(every_state, every_state.path, flips(good, [*BITS, 0xFF])) == []


def test_every_length(every_state: Ring) -> None:
    good = every_state.path.read_bytes()
    for length in range(len(good)):
        every_state.path.write_bytes(good[:length])
        with pytest.raises(RingError, match="is damaged"):
            Ring.open(every_state.path)


def test_every_bit_of_the_key_file(every_state: Ring) -> None:
    path = every_state.path.with_name("ring.key")
    good = path.read_bytes()
    assert opened(every_state, path, flips(good, [*BITS, 0xFF])) == []
    cut = ((str(length), good[:length]) for length in range(len(good) - 1))
    assert opened(every_state, path, cut) == []


def test_a_ring_that_opens_is_noticed(every_state: Ring) -> None:
    """The counterpart: `opened` names a content that is accepted."""
    good = every_state.path.read_bytes()
    same = iter([("the same", good), ("less", good[:-1])])
    assert opened(every_state, every_state.path, same) == ["the same"]
