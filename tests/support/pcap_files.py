"""Captures as tcpdump writes them on a little-endian machine, read and rewritten frame by frame."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

_HEADER = 24  # bytes
_RECORD = struct.Struct("<IIII")
_MAGIC = b"\xd4\xc3\xb2\xa1"
_UDP_PAYLOAD = 42  # where it begins in an Ethernet frame with an IPv4 header without options
_MICROSECONDS = 1_000_000


def frames(capture: Path) -> Iterator[tuple[int, bytes]]:
    """Time in microseconds, and bytes, of each frame."""
    data = capture.read_bytes()
    assert data.startswith(_MAGIC), "no classic capture of little endian and microseconds"
    at = _HEADER
    while at < len(data):
        seconds, fraction, captured, _ = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield seconds * _MICROSECONDS + fraction, data[at : at + captured]
        at += captured


def payloads(capture: Path) -> Iterator[bytes]:
    """What the UDP datagrams of a capture carry, each behind its addresses and ports."""
    for _, frame in frames(capture):
        yield frame[26:38] + frame[_UDP_PAYLOAD:]


def repeated(capture: Path) -> int:
    """How many datagrams of a capture were seen before in it."""
    return sum(times - 1 for times in Counter(payloads(capture)).values())


def spread(source: Path, target: Path, begins: Callable[[bytes], object], seconds: float) -> float:
    """Copy a capture so that its rounds lie further apart: an hour that was played in seconds.

    Within a round all is as fast as it was.

    Args:
        source: what to copy.
        target: where to write the copy.
        begins: tells for each frame whether it begins a round.
        seconds: from the beginning of one round to that of the next.

    Returns:
        Seconds from the first frame to the last one in the copy.
    """
    out = [source.read_bytes()[:_HEADER]]
    first = moved = shift = 0
    begun: int | None = None
    for time, frame in frames(source):
        if begins(frame):
            if begun is not None:
                # A round that took longer delays the next one.
                shift = max(shift, begun + round(seconds * _MICROSECONDS) - time)
            begun = time + shift
        moved = time + shift
        first = first or moved
        stamp = divmod(moved, _MICROSECONDS)
        out.append(_RECORD.pack(*stamp, len(frame), len(frame)) + frame)
    target.write_bytes(b"".join(out))
    return (moved - first) / _MICROSECONDS
