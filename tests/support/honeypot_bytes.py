"""How many bytes pass between a honeypot and each address, by captures."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.honeynet.attacks import METHODS, SHAPES

from support.honeypot_net import Honeypot
from support.honeypot_visitors import ask_all
from support.netns import Host
from support.netns_telephony import recorded
from support.pcap_files import frames

_UDP_LENGTH = 38  # where it stands in an Ethernet frame with an IPv4 header without options
_UDP_HEADER = 8  # bytes


@dataclass(frozen=True)
class Passed:
    """UDP payloads between the honeypot and one address."""

    asked: int = 0
    asked_bytes: int = 0
    answered: int = 0
    answered_bytes: int = 0

    def and_(self, size: int, *, is_answer: bool) -> Passed:
        """With one datagram more."""
        if is_answer:
            return Passed(
                self.asked, self.asked_bytes, self.answered + 1, self.answered_bytes + size
            )
        return Passed(self.asked + 1, self.asked_bytes + size, self.answered, self.answered_bytes)


def each_method(
    pot: Honeypot, crowd: Host, addresses: Iterable[str], times: int, seconds: float
) -> dict[tuple[str, str], Passed]:
    """Send each method in each shape, from an address of its own, so that no limit hides an answer.

    Args:
        pot: whom to ask.
        crowd: a host that has the addresses.
        addresses: at least as many as there are methods and shapes.
        times: how often each is sent.
        seconds: how long to wait for late answers.

    Returns:
        What passed, by method and shape.
    """
    free = iter(addresses)
    sources = {(method, shape): next(free) for shape in SHAPES for method in METHODS}
    payloads = {
        source: [SHAPES[shape](method, number)] * times
        for number, ((method, shape), source) in enumerate(sources.items())
    }
    with recorded(pot.host, pot.folder / "methods.pcap") as capture:
        ask_all(crowd, pot.address, payloads, seconds)
    found = all_passed(capture, pot.address)
    return {which: found[source] for which, source in sources.items()}


def all_passed(capture: Path, pot: str) -> dict[str, Passed]:
    """What passed between the honeypot and each address, in both directions."""
    packed = socket.inet_aton(pot)
    found: dict[str, Passed] = {}
    for _, frame in frames(capture):
        source, target = frame[26:30], frame[30:34]
        is_answer = source == packed
        peer = socket.inet_ntoa(target if is_answer else source)
        size = struct.unpack_from(">H", frame, _UDP_LENGTH)[0] - _UDP_HEADER
        found[peer] = found.get(peer, Passed()).and_(size, is_answer=is_answer)
    return found
