"""Ending when asked to, between two lines: SIGINT and SIGTERM as a flag that ends a wait.

The first signal interrupts nothing: who reads sees the flag and takes in no more, who writes
finishes its line. The second one interrupts whatever runs, by `KeyboardInterrupt`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Notes that a signal asks for an end, from entry to exit, in the main thread only.

    A signal that is ignored on entry (as under `nohup`) stays ignored. A process that is forked
    meanwhile inherits the handlers.

    Attributes:
        number: of the signal that came; None until then.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        # A handler in Python runs only once a wait has ended; this ends the wait.
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """A descriptor that can be read once a signal came, for `poll`; leave it unread."""
        return self._reader

    @property
    def exit_code(self) -> int:
        """What a process ends with that a signal ended."""
        return 128 + (self.number or signal.SIGINT)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise KeyboardInterrupt
        self.number = number
