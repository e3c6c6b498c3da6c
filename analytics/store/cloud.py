"""What the operator of a store does besides: retention, compaction, figures.

The edge has no use for it, and a remote edge no right to it.
"""

from __future__ import annotations

from typing import Protocol

from analytics.store.base import JobState
from analytics.store.reports import CompactReport, ExpireReport, Statistics


class CloudStore(JobState, Protocol):
    """A store in the hands of its operator."""

    def expire(self, before: int, *, dry_run: bool = False) -> ExpireReport:
        """Remove the events that are older than a time, and what nothing uses any more.

        Events go whose time is less than `before` (microseconds); those without a time stay. So
        do value records whose ciphertext stands in no event of their epoch, and findings whose
        windows ended by then, but for the newest of all, whose sequence followers go by. An epoch
        without any event is forgotten (see `forget`), unless it is the last registered one or
        has the greatest generation: edges refuse old rings by that.

        In steps, each of which leaves a store that answers rightly; after a crash the next expiry
        finishes what was begun. Positions are never used again, watermarks and jobs stay. A batch
        that is sent again brings its events back, until the next expiry.

        Args:
            before: the time.
            dry_run: remove nothing. Values and epochs are then not counted, only what is removed
                for its age.
        """
        ...

    def compact(self) -> CompactReport:
        """Give the space of what was removed back to the disk; no answer changes.

        A crash leaves the store as it was before or as it is after.

        Raises:
            StoreBusyError: an answer is being read.
        """
        ...

    def statistics(self) -> Statistics:
        """The store in figures, of one moment."""
        ...
