"""The progress bar of a stream: on a terminal only, and in the main thread only.

A process that draws by a thread can't be forked safely, so it is drawn between two batches; while
a stream is idle it stands still.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self

if TYPE_CHECKING:
    import rich.progress

    from analytics.wire.transport import Source

REDRAW_SECONDS: Final = 0.1


class Progress:
    """Shows events, their rate, and for a file the time that is left, on stderr.

    Args:
        file: the input, whose size tells how much is left.
        source: what is read from it.
        shown: False for none, whatever stderr is.
    """

    def __init__(self, file: BinaryIO, source: Source, *, shown: bool) -> None:
        self._source = source
        self._size = _size(file)
        self._bar = self._make() if shown and sys.stderr.isatty() else None
        self._drawn = self._started = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, events: int) -> None:
        """Draw it anew, unless it was a moment ago."""
        now = time.monotonic()
        if self._bar is None or now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        self._bar.update(
            self._bar.task_ids[0],
            completed=self._source.consumed,
            events=events,
            rate=events / (now - self._started),
            refresh=True,
        )

    def _make(self) -> rich.progress.Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.fields[events]:,} events, {task.fields[rate]:,.0f}/s"),
            *([TimeRemainingColumn()] if self._size else []),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,  # that would be a thread
        )
        bar.add_task("", total=self._size, events=0, rate=0.0)
        return bar


def _size(file: BinaryIO) -> int | None:
    """The bytes of a regular file; None for pipes and devices, which have no end in sight."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
