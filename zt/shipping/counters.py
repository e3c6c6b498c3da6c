"""What was seen of events on their way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ShippingCounters:
    """Since the start, but for what waits now. An event is in one of the first groups.

    Attributes:
        events: that were given to be sent.
        pending: of these, those that wait in memory to be encrypted.
        encrypted: that are in a batch, which is spooled.
        unfit: that could not be encrypted, as events longer than 8 MiB.
        lost: that were dropped in plaintext, since memory for them was full.
        batches: that were encrypted.
        delivered: events that the outlet took; those of earlier runs' batches included.
        known: of these, events that the store had already.
        refused: lines that the store did not take; their batches were set aside.
        failures: attempts to deliver that failed.
        dropped_batches, dropped_events: that left the spool undelivered since it was full.
        aside_batches, aside_events: damaged, or not to be sent: they are kept apart.
        spool_batches, spool_events, spool_bytes: what waits now.
        spool_age: seconds; of the oldest batch that waits.
        unsafe_batches: of those that wait, what is in memory since the disk did not take it.
    """

    events: int = 0
    pending: int = 0
    encrypted: int = 0
    unfit: int = 0
    lost: int = 0
    batches: int = 0
    delivered: int = 0
    known: int = 0
    refused: int = 0
    failures: int = 0
    dropped_batches: int = 0
    dropped_events: int = 0
    aside_batches: int = 0
    aside_events: int = 0
    spool_batches: int = 0
    spool_events: int = 0
    spool_bytes: int = 0
    spool_age: float = 0.0
    unsafe_batches: int = 0


GAUGES = frozenset(
    {"pending", "spool_batches", "spool_events", "spool_bytes", "spool_age", "unsafe_batches"}
)
"""The counters that say what is now, and may fall."""
