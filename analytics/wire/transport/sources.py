"""Where the bytes of a stream come from: descriptors, streams within the process, decompressors.

No threads: a process that reads may be forked at any time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from typing import Any, BinaryIO, Final, Protocol

from analytics.wire.transport.compressed import Decompressor, compression_of
from analytics.wire.transport.stopping import Stop

BLOCK: Final = 256 * 1024
"""Bytes that are read at once, at most: from 1 MiB on fresh memory for each costs more than
all else."""
PIPE: Final = 1024 * 1024
"""Bytes that a pipe is asked to hold, what Linux allows everyone: its writer goes on while we
work."""


class Source(Protocol):
    """Bytes as they come."""

    @property
    def consumed(self) -> int:
        """Bytes that were read from the file or pipe: compressed ones if it is."""
        ...

    def read(self, timeout: float | None) -> bytes | None:
        """The next bytes, at most `BLOCK`; empty at the end; None if there are none yet.

        Args:
            timeout: seconds to wait for the first of them; None: for as long as it takes, or
                until a signal asks for an end.

        Raises:
            CompressedError: compressed input is damaged or cut off.
            OSError: it can't be read.
        """
        ...


def open_source(file: BinaryIO, name: str = "-", stop: Stop | None = None) -> Source:
    """The bytes of a file that is open for reading, from which nothing was read yet.

    Args:
        name: of the file; its end says whether it is compressed. `-` is not.
        stop: ends waits.
    """
    source = _of_file(file, stop)
    compression = compression_of(name)
    return source if compression is None else _Decompressed(source, compression.decompressor())


def _of_file(file: BinaryIO, stop: Stop | None) -> Source:
    try:
        descriptor = file.fileno()
    except OSError:  # a stream within the process, which has none
        return _Stream(file)
    with contextlib.suppress(OSError):  # no pipe, or more than this user may have
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
    return _Descriptor(descriptor, stop)


class _Descriptor:
    def __init__(self, descriptor: int, stop: Stop | None) -> None:
        self.consumed = 0
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        if stop is not None:
            self._poll.register(stop.fileno(), select.POLLIN)

    def read(self, timeout: float | None) -> bytes | None:
        wait = None if timeout is None else timeout * 1000
        if self._descriptor not in dict(self._poll.poll(wait)):
            return None
        try:
            block = os.read(self._descriptor, BLOCK)
        except BlockingIOError:  # someone else reads from it too
            return None
        self.consumed += len(block)
        return block


class _Stream:
    def __init__(self, file: Any) -> None:
        self.consumed = 0
        self._read = getattr(file, "read1", file.read)

    def read(self, timeout: float | None) -> bytes | None:
        block: bytes = self._read(BLOCK)
        self.consumed += len(block)
        return block


class _Decompressed:
    def __init__(self, source: Source, decompressor: Decompressor) -> None:
        self._source = source
        self._decompressor = decompressor

    @property
    def consumed(self) -> int:
        return self._source.consumed

    def read(self, timeout: float | None) -> bytes | None:
        while True:
            if block := self._decompressor.take(BLOCK):
                return block
            given = self._source.read(timeout)
            if given is None:
                return None
            if not given:
                self._decompressor.end()
                return b""
            self._decompressor.give(given)
