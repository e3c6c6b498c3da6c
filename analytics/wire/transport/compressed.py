"""gzip (RFC 1952) and zstd (RFC 8878) streams, piece by piece.

Invariants: what is read is decompressed in bounded pieces, whatever a small file claims to
expand to; members and frames that follow one another are one stream; a stream that ends in the
middle of one is an error, never a short one; what was written so far can be read so far.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from analytics.wire.errors import CompressedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to say: with a gzip header and trailer
_GZIP_LEVEL: Final = 3  # half of the time of the default, 6, and a few percent more bytes


class Compressor(Protocol):
    """Writes one compressed stream."""

    def compress(self, data: bytes) -> bytes:
        """What makes the data readable at the other end, at once."""
        ...

    def finish(self) -> bytes:
        """The end of the stream."""
        ...


class _Part(Protocol):
    """Reads one gzip member or zstd frame; as the zstd library's decompressor does."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Decompressor:
    """Reads a compressed stream: `give` it what came, `take` what that makes until it is empty."""

    def __init__(self, part: Callable[[], _Part], padding: bytes) -> None:
        self._new = part
        self._padding = padding
        self._part: _Part | None = None
        self._given = b""
        self._is_empty = True

    def give(self, data: bytes) -> None:
        """Take in what came next; what was given before has been taken."""
        self._given += data
        self._is_empty = False

    def take(self, limit: int) -> bytes:
        """The next bytes, at most `limit`; none if more must be given first.

        Raises:
            CompressedError: the stream is damaged.
        """
        while True:
            if self._part is None:
                self._given = self._given.lstrip(self._padding)
                if not self._given:
                    return b""
                self._part = self._new()
            elif not self._given and self._part.needs_input:
                return b""
            given, self._given = self._given, b""
            try:
                data = self._part.decompress(given, limit)
            except (zlib.error, zstd.ZstdError):
                raise CompressedError(
                    "the compressed input is damaged, or not what its name says",
                    "get the file again; .gz stands for gzip, .zst for zstd",
                ) from None
            if self._part.eof:
                self._given = self._part.unused_data
                self._part = None
            if data:
                return data

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            CompressedError: the stream should go on.
        """
        if self._part is not None or self._is_empty:
            raise CompressedError(
                "the compressed input ends in the middle",
                "get the whole file, and run it again: what was taken in already is not doubled",
            )


class _GzipMember:
    """zlib's decompressor, which hands back input that it had no room for, with the interface
    of those that keep it."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP)
        self._has_more = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._has_more

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # Without a tail too: what did not fit may be in the window already.
        self._has_more = len(out) == max_length
        return out


class _GzipCompressor:
    def __init__(self) -> None:
        self._zlib = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def compress(self, data: bytes) -> bytes:
        return self._zlib.compress(data) + self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._zlib.flush(zlib.Z_FINISH)


class _ZstdCompressor:
    def __init__(self) -> None:
        self._zstd = zstd.ZstdCompressor()

    def compress(self, data: bytes) -> bytes:
        return self._zstd.compress(data, mode=zstd.ZstdCompressor.FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._zstd.flush(mode=zstd.ZstdCompressor.FLUSH_FRAME)


@dataclass(frozen=True, slots=True)
class Compression:
    """A format: how a stream of it is read and written."""

    compressor: Callable[[], Compressor]
    _part: Callable[[], Any]
    _padding: bytes

    def decompressor(self) -> Decompressor:
        """One that reads a stream from its start."""
        return Decompressor(self._part, self._padding)


_FORMATS: Final = {
    # gzip files may be padded with zeros, as on tapes
    ".gz": Compression(_GzipCompressor, _GzipMember, b"\0"),
    ".zst": Compression(_ZstdCompressor, zstd.ZstdDecompressor, b""),
}


def compression_of(name: str) -> Compression | None:
    """The format of a file by the end of its name: `.gz`, `.zst`; None for every other."""
    for suffix, compression in _FORMATS.items():
        if name.endswith(suffix):
            return compression
    return None
