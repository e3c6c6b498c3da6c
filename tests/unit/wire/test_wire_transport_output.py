"""Writing lines: a full disk, a stalled reader and a signal leave whole lines."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
import time
from pathlib import Path

import pytest

from analytics.wire.transport import LineOutput, Stop

LINES = [b"%d\n" % n for n in range(100_000)]  # more than a pipe holds


def test_a_disk_that_is_full_leaves_whole_lines(tmp_path: Path) -> None:
    """What fitted of the last line is taken back; what stood in the file before stays."""
    path = tmp_path / "out"
    path.write_bytes(b"before\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("ab") as file:
        output = LineOutput(file)
        output.write([b"first\n"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
        try:
            with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
                output.write([b"1234\n", b"too long\n"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        output.write([b"last\n"])
    assert path.read_bytes() == b"before\nfirst\n1234\nlast\n"


def test_a_reader_that_stalls_and_goes_on_gets_everything() -> None:
    reading, writing = os.pipe()
    got = bytearray()

    def read() -> None:
        time.sleep(0.2)
        while block := os.read(reading, 1 << 16):
            got.extend(block)

    thread = threading.Thread(target=read)
    thread.start()
    with os.fdopen(writing, "wb") as file, Stop() as stop:
        LineOutput(file, stop=stop).write(LINES)
    thread.join(30)
    os.close(reading)
    assert bytes(got) == b"".join(LINES)


@pytest.mark.parametrize("before", [0, 2])  # a full pipe ends within a line, or with one
def test_a_signal_while_the_reader_stalls_ends_after_a_whole_line(before: int) -> None:
    reading, writing = os.pipe()
    got = bytearray()
    main = threading.main_thread().ident
    assert main is not None

    def stall() -> None:
        time.sleep(0.2)
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.2)
        while block := os.read(reading, 1 << 16):
            got.extend(block)

    os.write(writing, b"x" * before)
    thread = threading.Thread(target=stall)
    with os.fdopen(writing, "wb") as file, Stop() as stop:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            LineOutput(file, stop=stop).write(LINES)
    thread.join(30)
    os.close(reading)
    written = bytes(got[before:])
    assert b"".join(LINES).startswith(written)
    assert written.endswith(b"\n")
    assert len(written) < len(b"".join(LINES))


def test_a_signal_alone_cuts_nothing_off() -> None:
    """A batch that its reader takes goes out whole."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file, Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        LineOutput(file, stop=stop).write(LINES[:100])
    with os.fdopen(reading, "rb") as got:
        assert got.read() == b"".join(LINES[:100])
