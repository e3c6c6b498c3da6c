"""What calls that are going on cost: the memory of a process that holds so many of them."""

from __future__ import annotations

import gc
import mmap
import multiprocessing
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from zt.sip import Agent, Datagram, Limits, Probe

from .messages import phone
from .traffic import SECOND, START, Packet, call_end, call_setup, overlapping

RATE = 500  # calls begun, or ended, in one second
QUIET = 120 * SECOND  # until everything is forgotten that is no call


class Held(NamedTuple):
    """What a process held.

    Attributes:
        calls: that were going on, each of a caller of its own.
        ended: of these, those that were told to end afterwards.
        before, after: bytes resident without and with the calls.
    """

    calls: int
    ended: int
    before: int
    after: int


def held(calls: int) -> Held:
    """Let so many calls go on at once, in a process of its own.

    Raises:
        SystemExit: some were forgotten.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(_hold, (calls,))
    if found.ended < calls:
        raise SystemExit(f"of {calls} calls {calls - found.ended} were not held to their ends")
    return found


def _hold(calls: int) -> Held:
    probe = Probe(Agent("bench", "0"), Limits(calls=calls))
    _play(probe, call_setup(phone(calls), calls, START))  # caches and modules that all have
    before = _resident()
    start = START + SECOND
    setups = (
        call_setup(phone(number), number, start + number * SECOND // RATE)
        for number in range(calls)
    )
    _play(probe, overlapping(setups))
    quiet = start + calls * SECOND // RATE + QUIET
    probe.advance(quiet)
    after = _resident()
    ends = (
        call_end(phone(number), number, quiet + number * SECOND // RATE) for number in range(calls)
    )
    ended = _play(probe, overlapping(ends))
    return Held(calls, ended, before, after)


def _play(probe: Probe, packets: Iterable[Packet]) -> int:
    """Feed the probe; returns how many calls ended."""
    return sum(
        event["type"] == "call-end" for packet in packets for event in probe.feed(Datagram(*packet))
    )


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE
