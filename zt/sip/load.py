"""How much load a probe can bear: it sheds some of everybody's before the kernel drops blindly.

What the sampler lets through at level n is halved with each n. The level rises while the probe is
busy all the time, or the kernel drops packets, and falls only when twice the load would fit too,
for a while: so it does not swing.
"""

from __future__ import annotations

from typing import Final

from zt.sip.throttle import Sampler

PERIOD: Final = 1.0  # seconds between two judgements
_TOO_BUSY: Final = 0.9  # of the time
_IDLE: Final = 0.4
_PATIENCE: Final = 5  # periods in a row that must be idle before more is taken in again


class Load:
    """Sets a sampler's level by how busy the probe is.

    Args:
        now: seconds, by a steady clock.
        worked: seconds that the thread has computed so far.
    """

    def __init__(self, now: float, worked: float) -> None:
        self._since = now
        self._worked = worked
        self._drops = 0
        self._idle = 0  # periods

    def is_due(self, now: float) -> bool:
        """Whether a period is over."""
        return now - self._since >= PERIOD

    def judge(self, sampler: Sampler, now: float, worked: float, drops: int) -> None:
        """Set the level at the end of a period.

        Args:
            sampler: what sheds.
            now, worked: as at the start.
            drops: packets that the kernel has dropped so far.
        """
        share = (worked - self._worked) / (now - self._since)
        level = sampler.level
        is_idle = share < _IDLE and level > 0
        if share > _TOO_BUSY or drops > self._drops:
            sampler.level = level + 1
            is_idle = False
        self._idle = self._idle + 1 if is_idle else 0
        if self._idle == _PATIENCE:
            sampler.level = level - 1
            self._idle = 0
        self._since, self._worked, self._drops = now, worked, drops
