"""Capture time as the throttle needs it: it never goes back, and no jump stops it."""

from __future__ import annotations

from typing import Final

from zt.sip.tables import SECOND

_OUT_OF_ORDER: Final = 60 * SECOND  # packets of several interfaces come in this much disorder


class Clock:
    """Turns the times of captures into one time line.

    A packet that is a little late comes at the latest time so far. A clock that was set back (or a
    packet that claimed to be of next year, before it) shifts all that follow: waiting until the
    capture has caught up would leave every rate frozen where it was.
    """

    __slots__ = ("_shift", "now")

    def __init__(self) -> None:
        self.now = 0  # microseconds
        self._shift = 0

    def at(self, time: int) -> int:
        """The time line's time of capture time `time`, both in microseconds."""
        now = time + self._shift
        if now >= self.now:
            self.now = now
        elif self.now - now > _OUT_OF_ORDER:
            self._shift += self.now - now
        return self.now
