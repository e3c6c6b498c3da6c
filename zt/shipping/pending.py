"""Events that wait to be encrypted: in memory only, and not for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from zt.shipping.settings import ShippingSettings


class Pending:
    """Lines of events, cut into batches by size and by time.

    One thread takes, any may add. While nobody takes, the newest are lost once memory for them is
    full.

    Args:
        settings: when a batch is cut, and how much may wait.
    """

    def __init__(self, settings: ShippingSettings) -> None:
        self.settings = settings
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._bytes = 0
        self._since = 0.0
        self._is_closing = False

    def add(self, lines: Sequence[bytes]) -> int:
        """Add lines, each with its end; how many of them there was no room for."""
        if not lines:
            return 0
        with self._changed:
            room = self.settings.memory_bytes - self._bytes
            added = 0
            for line in lines:
                room -= len(line)
                if room < 0:
                    break
                added += 1
            if added and not self._lines:
                self._since = time.monotonic()
            self._lines += lines[:added]
            self._bytes += sum(map(len, lines[:added]))
            self._changed.notify_all()
            return len(lines) - added

    def take(self) -> list[bytes] | None:
        """A batch of lines, once there is one; None at the end, when all were taken."""
        with self._changed:
            while not self._is_due():
                if self._is_closing and not self._lines:
                    return None
                wait = None
                if self._lines:
                    wait = self._since + self.settings.batch_seconds - time.monotonic()
                self._changed.wait(wait)
            return self._cut()

    def close(self) -> None:
        """Nothing more comes: what is there makes the last batches."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def _is_due(self) -> bool:
        if not self._lines:
            return False
        settings = self.settings
        return (
            self._is_closing
            or self._bytes >= settings.batch_bytes
            or len(self._lines) >= settings.batch_events
            or time.monotonic() >= self._since + settings.batch_seconds
        )

    def _cut(self) -> list[bytes]:
        size = count = 0
        for line in self._lines[: self.settings.batch_events]:
            if count and size + len(line) > self.settings.batch_bytes:
                break
            size += len(line)
            count += 1
        batch, self._lines = self._lines[:count], self._lines[count:]
        self._bytes -= size
        return batch
