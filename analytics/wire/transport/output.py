"""Writing whole lines: whoever reads the output, and whenever it ends, sees no part of one.

What remains: a process that is killed outright, or interrupted twice while its reader stalls,
leaves the part of a line that the system had taken.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
from collections.abc import Iterable
from typing import BinaryIO

from analytics.wire.transport.compressed import Compression
from analytics.wire.transport.stopping import Stop


class LineOutput:
    """Passes lines on as they come, compressed if asked for.

    Attributes:
        bytes: that were written, after compression.

    Args:
        file: open for writing; nothing is left in its buffer.
        compression: the format; None for plain lines.
        stop: a signal ends the wait for a reader that has stalled.
    """

    def __init__(
        self, file: BinaryIO, compression: Compression | None = None, stop: Stop | None = None
    ) -> None:
        self.bytes = 0
        self._file = file
        self._compressor = compression.compressor() if compression else None
        self._stop = stop
        try:
            self._descriptor: int | None = file.fileno()
        except OSError:  # a stream within the process, which has none
            self._descriptor = None

    def write(self, lines: Iterable[bytes]) -> None:
        """Write lines, each with its end, so that their reader has them now.

        Raises:
            KeyboardInterrupt: a signal has come, and the reader takes nothing; the last line that
                was begun is whole.
            OSError: they can't be written. A file ends with the last whole line.
        """
        data = b"".join(lines)
        if data:
            self._write(self._compressor.compress(data) if self._compressor else data)

    def finish(self) -> None:
        """End the stream; plain lines need no end.

        Raises:
            KeyboardInterrupt, OSError: see `write`.
        """
        if self._compressor is not None:
            self._write(self._compressor.finish())

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self._file.write(data)
            self._file.flush()
            self.bytes += len(data)
            return
        done, end = 0, len(data)
        view = memoryview(data)
        stop = self._stop
        while done < end:
            if self._has_stalled(self._descriptor, stop):
                end, stop = self._line_end(data, done), None
                continue
            try:
                written = os.write(self._descriptor, view[done:end])
            except BlockingIOError:  # someone else writes to it too
                continue
            except OSError:
                self._take_back(self._descriptor, done - self._line_start(data, done))
                raise
            done += written
            self.bytes += written
        if end < len(data):
            raise KeyboardInterrupt

    @staticmethod
    def _has_stalled(descriptor: int, stop: Stop | None) -> bool:
        """Wait until the reader takes more; whether a signal came before that."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if stop is not None:
            poll.register(stop.fileno(), select.POLLIN)
        return descriptor not in dict(poll.poll())

    def _line_start(self, data: bytes, done: int) -> int:
        return done if self._compressor else data.rfind(b"\n", 0, done) + 1

    def _line_end(self, data: bytes, done: int) -> int:
        """Where writing may end."""
        if self._compressor or self._line_start(data, done) == done:
            return done
        return data.index(b"\n", done) + 1

    def _take_back(self, descriptor: int, part: int) -> None:
        """Remove the part of a line that a full disk still took, where it is a file's end."""
        with contextlib.suppress(OSError):
            status = os.fstat(descriptor)
            end = os.lseek(descriptor, 0, os.SEEK_CUR)
            if part and stat.S_ISREG(status.st_mode) and status.st_size == end:
                os.ftruncate(descriptor, end - part)
                os.lseek(descriptor, end - part, os.SEEK_SET)
