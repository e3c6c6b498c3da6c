"""When a batch is cut, and how much may wait."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ShippingSettings:
    """How events travel.

    Attributes:
        batch_seconds: an event waits this long for others before it is encrypted.
        batch_events, batch_bytes: a batch of so much plaintext is cut at once.
        memory_bytes: plaintext that may wait in memory while the ring can't be used; and
            ciphertext while the spool can't be written, or there is none.
        spool_bytes: encrypted batches that may wait on the disk; the oldest leave first.
        drain_seconds: how long the end may take.
    """

    batch_seconds: float = 0.05
    batch_events: int = 5_000
    batch_bytes: int = 4 * MIB
    memory_bytes: int = 32 * MIB
    spool_bytes: int = 1024 * MIB
    drain_seconds: float = 10.0
