"""Packets that were captured twice.

A mirror port shows a packet when it comes and again when it goes; a capture on both sides of a
router sees it with another TTL and other MAC addresses; two HEP agents report the same message.
Copies follow each other within milliseconds, have the same addresses, ports and payload and, where
it is known, the same IP identification. What a sender repeats comes after T1 (500 ms) at the
earliest: it stays visible to the transactions, which count it. So does an equal datagram with
another identification. (Linux sends 0 where a datagram must not be fragmented; there only the time
tells.)
"""

from __future__ import annotations

from zt.sip.capture.datagram import Datagram
from zt.sip.capture.limits import CaptureLimits


class Duplicates:
    """Remembers datagrams for a moment, two generations of them.

    Kept is a 64-bit keyed hash of each. Under a flood the generations change early, and the
    memory gets shorter than `duplicate_time`: then a copy passes for a retransmission, which the
    transactions absorb as well.
    """

    def __init__(self, limits: CaptureLimits | None = None) -> None:
        limits = limits or CaptureLimits()
        self._window = limits.duplicate_time
        self._limit = max(1, limits.duplicates // 2)
        self._young: dict[int, int] = {}  # hash -> time
        self._old: dict[int, int] = {}
        self._turned = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def seen(self, datagram: Datagram, identification: int = 0) -> bool:
        """Whether this is a copy of a datagram that came a moment ago.

        Args:
            datagram: the datagram.
            identification: of its IP header, 0 where unknown.
        """
        return self.seen_bytes(
            datagram.time,
            (
                datagram.src,
                datagram.dst,
                datagram.src_port,
                datagram.dst_port,
                identification,
                datagram.payload,
            ),
        )

    def seen_bytes(self, time: int, identity: tuple[bytes, bytes, int, int, int, bytes]) -> bool:
        """The same for what is no `Datagram` yet."""
        key = hash(identity)
        young = self._young
        before = young.get(key)
        if before is None:
            before = self._old.get(key)
        if before is not None and -self._window <= time - before <= self._window:
            return True
        if len(young) >= self._limit or not 0 <= time - self._turned <= self._window:
            self._old = young
            self._young = young = {}
            self._turned = time
        young[key] = time
        return False
