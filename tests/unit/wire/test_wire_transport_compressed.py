"""Compressed streams: standard formats, in any pieces, complete or refused."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.wire import CompressedError
from analytics.wire.transport import Compression, LineOutput, compression_of, line_batches
from analytics.wire.transport.sources import open_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIXES = (".gz", ".zst")
LINES = [b"%d: a line of a stream\n" % n for n in range(3000)]
Convert = Callable[[bytes], bytes]
COMPRESS: dict[str, Convert] = {".gz": gzip.compress, ".zst": zstd.compress}
EXPAND: dict[str, Convert] = {".gz": gzip.decompress, ".zst": zstd.decompress}


def compression(suffix: str) -> Compression:
    found = compression_of("events" + suffix)
    assert found is not None
    return found


def read(packed: bytes, suffix: str) -> list[bytes]:
    batches = line_batches(open_source(io.BytesIO(packed), "events" + suffix))
    return [line for batch in batches for line in batch]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_other_programs_wrote_is_read_and_the_other_way_round(suffix: str) -> None:
    assert read(COMPRESS[suffix](b"".join(LINES)), suffix) == LINES
    out = io.BytesIO()
    output = LineOutput(out, compression(suffix))
    output.write(LINES)
    output.finish()
    assert EXPAND[suffix](out.getvalue()) == b"".join(LINES)
    assert output.bytes == len(out.getvalue()) < len(b"".join(LINES)) / 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_flushed_can_be_read_before_the_end(suffix: str) -> None:
    """Someone reads along: a batch is there when it was written."""
    out = io.BytesIO()
    output = LineOutput(out, compression(suffix))
    output.write(LINES)
    decompressor = compression(suffix).decompressor()
    decompressor.give(out.getvalue())
    assert decompressor.take(1 << 20) == b"".join(LINES)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
def test_members_in_a_row_in_any_pieces_are_one_stream(suffix: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
    packed = b"".join(map(COMPRESS[suffix], parts))
    cuts = [*sorted(data.draw(st.lists(st.integers(0, len(packed))))), len(packed)]
    limit = data.draw(st.integers(1, 50))
    decompressor = compression(suffix).decompressor()
    out, start = b"", 0
    for cut in cuts:
        decompressor.give(packed[start:cut])
        start = cut
        while taken := decompressor.take(limit):
            assert len(taken) <= limit
            out += taken
    decompressor.end()
    assert out == b"".join(parts)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_stream_gives_the_lines_before_an_empty_batch_and_an_error(suffix: str) -> None:
    """The empty batch has what came stored before the error ends the run."""
    whole = COMPRESS[suffix](os.urandom(60_000).hex("\n", 40).encode())
    got: list[list[bytes]] = []
    batches = line_batches(open_source(io.BytesIO(whole[:-20]), "x" + suffix))
    with pytest.raises(CompressedError, match="ends in the middle"):
        got.extend(batches)  # which keeps those before the error
    assert got.pop() == []
    assert all(line.endswith(b"\n") for batch in got for line in batch), "no part of a line"
    for size in (0, 1, 9):
        with pytest.raises(CompressedError, match="ends in the middle"):
            read(whole[:size], suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_compressed_or_was_altered_is_refused(suffix: str) -> None:
    packed = COMPRESS[suffix](b"".join(LINES))
    for bad in (b'{"type":"x"}\n', packed + b"garbage"):
        with pytest.raises(CompressedError, match="damaged"):
            read(bad, suffix)
    flipped = bytearray(COMPRESS[".gz"](b"".join(LINES)))
    flipped[-8] ^= 1  # its checksum
    with pytest.raises(CompressedError, match="damaged"):
        read(bytes(flipped), ".gz")


def test_zeros_after_a_gzip_file_are_padding() -> None:
    packed = gzip.compress(b"1\n") + bytes(700) + gzip.compress(b"2\n") + bytes(512)
    assert read(packed, ".gz") == [b"1\n", b"2\n"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bomb_is_read_in_bounded_memory(suffix: str, tmp_path: Path) -> None:
    """200 MB of one line's bytes in a small file: of a line no more than 16 MiB is held."""
    bomb = tmp_path / ("bomb" + suffix)
    bomb.write_bytes(COMPRESS[suffix](bytes(200_000_000) + b"\nnext\n"))
    assert bomb.stat().st_size < 250_000
    tracemalloc.start()
    with bomb.open("rb") as file:
        lengths = [
            len(line) for batch in line_batches(open_source(file, bomb.name)) for line in batch
        ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lengths == [16 * 1024 * 1024 + 1, 5]
    assert peak < 80_000_000


@pytest.mark.parametrize("name", ["-", "gz", "events", "events.zt", "a.gz.zt", "a.GZ"])
def test_other_names_are_not_compressed(name: str) -> None:
    assert compression_of(name) is None
