"""How much the capture layer may remember, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """Bounds of one `Decoder`; all times run by the capture's clock.

    What is held for one sender is at most 1/`share` of a table's entries and bytes: who sends
    fragments or opens connections without end pushes out his own, not those of others. (Senders
    of spoofed addresses are many; against them the bounds only keep memory flat.)

    Attributes:
        share: see above.
        assemblies: datagrams being put together from fragments.
        assembly_bytes: bytes held for these.
        assembly_time: microseconds that a datagram's fragments are waited for.
        handshakes: TCP connections without data yet.
        connections: TCP connections that speak SIP.
        stream_bytes: bytes held for these.
        idle_time: microseconds without data after which a connection is forgotten.
        gap_time: microseconds that a missing segment is waited for.
        duplicates: datagrams remembered to recognise their copies.
        duplicate_time: microseconds within which an equal datagram is a copy. Shorter than T1,
            the 500 ms after which a sender repeats itself (RFC 3261 section 17.1.1.1).
    """

    share: int = 8
    assemblies: int = 4_096
    assembly_bytes: int = 8 << 20
    assembly_time: int = 30_000_000
    handshakes: int = 65_536
    connections: int = 16_384
    stream_bytes: int = 64 << 20
    idle_time: int = 1_800_000_000
    gap_time: int = 1_000_000
    duplicates: int = 131_072
    duplicate_time: int = 100_000
