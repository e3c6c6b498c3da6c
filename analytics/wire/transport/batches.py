"""Cutting a stream into batches of lines: large ones at full speed, small ones when it is slow.

Invariant: the lines, one after another, are those of `analytics.wire.input_lines`, whatever
pieces they come in, so that what depends on them (ids) does not depend on time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from analytics.wire.errors import CompressedError
from analytics.wire.stream import MAX_LINE
from analytics.wire.transport.sources import Source
from analytics.wire.transport.stopping import Stop

BATCH_LINES: Final = 10_000
BATCH_BYTES: Final = 16 * 1024 * 1024  # a longer line is a batch of its own
BATCH_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 0.05
STILL_IDLE_SECONDS: Final = 0.2


def line_batches(
    source: Source,
    *,
    stop: Stop | None = None,
    max_lines: int = BATCH_LINES,
    max_bytes: int = BATCH_BYTES,
    max_seconds: float = BATCH_SECONDS,
) -> Iterator[list[bytes]]:
    """The lines of a stream, each with its end, in batches.

    A batch ends when it has `max_lines` or `max_bytes`, or when its first line is there for
    `max_seconds` and no further one waits, whichever comes first. An empty batch is a sign that
    nothing has come since the last one: whoever holds anything back should let it go. The sign
    comes again as long as the stream is idle, for what takes longer to be done.

    The last line may lack its end: it is a line, whoever wrote it. When a signal asks for an end,
    the lines that have come make the last batch, and a line whose end has not come is dropped.

    Raises:
        CompressedError, OSError: see `Source.read`; with all lines before given out, and an
            empty batch after them.
    """
    cutter = LineCutter()
    batch: list[bytes] = []
    size, due = 0, 0.0
    wait: float | None = None
    failure: Exception | None = None
    while stop is None or stop.number is None:
        try:
            block = source.read(max(0.0, due - time.monotonic()) if batch else wait)
        except (OSError, CompressedError) as error:
            failure = error
            break
        if block is None:
            if batch and time.monotonic() < due:
                continue
            wait = IDLE_SECONDS if batch else STILL_IDLE_SECONDS
            yield batch
            batch, size = [], 0
            continue
        lines = cutter.feed(block) if block else cutter.end()
        start = 0
        while start < len(lines):
            if not batch:
                due = time.monotonic() + max_seconds
            end, added = _fitting(lines, start, max_lines - len(batch), max_bytes - size)
            if end == start and not batch:
                end, added = start + 1, len(lines[start])
            batch += lines[start:end]
            start, size = end, size + added
            if start < len(lines) or len(batch) == max_lines:
                wait = IDLE_SECONDS
                yield batch
                batch, size = [], 0
        if not block:
            break
    if batch:
        yield batch
    if failure is not None:
        yield []
        raise failure


def _fitting(lines: list[bytes], start: int, count: int, size: int) -> tuple[int, int]:
    """How far lines from `start` on fit into `count` lines and `size` bytes: the end, their
    bytes."""
    end = min(len(lines), start + count)
    total = sum(map(len, lines[start:end]))
    while end > start and total > size:
        end -= 1
        total -= len(lines[end])
    return end, total


class LineCutter:
    """Cuts bytes into lines, which only a newline ends, whatever pieces the bytes come in.

    Of a line longer than `longest` the first `longest + 1` bytes come, as of `input_lines`, and no
    more than a piece and those are held.
    """

    def __init__(self, longest: int = MAX_LINE) -> None:
        self._longest = longest
        self._held = bytearray()
        self._is_skipping = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that this piece ends."""
        if self._is_skipping:
            start = piece.find(b"\n") + 1
            if not start:
                return []
            self._is_skipping = False
            piece = piece[start:]
        end = piece.rfind(b"\n") + 1
        lines = []
        if end:
            ended = piece[:end]
            if self._held:
                ended = bytes(self._held) + ended
                self._held.clear()
            lines = BytesIO(ended).readlines()  # unlike splitlines: a \r ends no line
            if len(ended) > self._longest + 1:
                lines = [line[: self._longest + 1] for line in lines]
        self._held += piece[end:]
        if len(self._held) > self._longest:
            lines += self.end()
            self._is_skipping = True
        return lines

    def end(self) -> list[bytes]:
        """What is left when nothing more comes: a line without its end, or nothing."""
        last = bytes(self._held[: self._longest + 1])
        self._held.clear()
        return [last] if last else []
