"""Frames of several rings in the order of their time."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from operator import attrgetter

from zt.sip.capture import Frame
from zt.sip.live.ring import RETIRE

HOLD = 2.5 * RETIRE / 1_000  # seconds; all rings have handed over what is older
_MOST = 50_000  # frames
_time = attrgetter("time")


class Merging:
    """Holds frames back until none that is older can come.

    A request may be captured on one interface and its answer on another, as with the two outputs
    of a tap. Each ring hands its frames over some milliseconds late, so the answer could come
    first, and would not be understood. What was read `HOLD` ago is complete: by then each ring
    has handed over all that it captured before.

    No clock is compared with the frames', which may jump. Memory is that of the frames of `HOLD`,
    and of no more than 50,000.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._read: deque[tuple[float, int]] = deque()  # when, and the newest frame by then

    def __bool__(self) -> bool:
        """Whether frames are held back."""
        return bool(self._frames)

    def add(self, frames: list[Frame], now: float) -> None:
        """Takes what was read.

        Args:
            frames: of all rings, in any order.
            now: of a clock that never goes back, seconds.
        """
        if frames:
            self._read.append((now, max(map(_time, frames))))
            self._frames += frames
            self._frames.sort(key=_time)

    def take(self, now: float) -> list[Frame]:
        """Gives what is complete, in the order of time."""
        settled = -1
        while self._read and self._read[0][0] <= now - HOLD:
            settled = max(settled, self._read.popleft()[1])
        if not self._read:  # nothing came lately
            ready = len(self._frames)
        else:
            ready = bisect_right(self._frames, settled, key=_time)
        ready = max(ready, len(self._frames) - _MOST)
        taken, self._frames = self._frames[:ready], self._frames[ready:]
        return taken
