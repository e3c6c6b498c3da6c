"""What a store may not be able to do, and how it then behaves.

A store declares its limits in `limits`; the contract suite checks that it does the whole where it
declares none, and says so clearly where it does.
"""

from __future__ import annotations

from enum import StrEnum


class Limit(StrEnum):
    """One thing that not every store can do."""

    LONG_TEXTS = "long-texts"
    """An event with a longer text at a visible path than the store can index is refused as a line,
    with the reason; nothing of it is stored."""

    FAR_TIMES = "far-times"
    """An event is refused as a line if its time is further than 2**53 microseconds from 1970 (the
    years 1684 and 2255); such a time in another column has a text only."""

    LARGE_FILTERS = "large-filters"
    """A filter that the models allow may have more parts than the store can ask at once, which is
    a `StoreError` with what to do instead."""

    SCATTERED_CRASHES = "scattered-crashes"
    """What is there after a crash need not be the beginning of the stream, since parts of it are
    sent side by side. Once the stream has come again the store is as if nothing had happened."""

    LARGE_COUNTS = "large-counts"
    """`count`, which adds weights, is exact up to 2**53 only, and floating beyond."""

    SECOND_RECORDS = "second-records"
    """Where a value gets a second record, of another scheme in the same search list, after its
    events: `tokens_all` finds these events by the first one only. Look-ups find both."""

    LATE_SPACE = "late-space"
    """`compact` may leave space for the engine to give back later, in its own time."""

    UNCOUNTED_TEXTS = "uncounted-texts"
    """`Statistics.texts` is None: to count the distinct texts would read them all."""
