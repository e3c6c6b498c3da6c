"""Batches of a stream: the lines are those of `input_lines` however they come, and come in time."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.wire import input_lines
from analytics.wire import stream as stream_module
from analytics.wire.transport import LineCutter, Stop, line_batches, open_source

LONGEST = 6
TEXTS = st.lists(st.sampled_from([b"\n", b"\r", b"a", b"bc", b"\0", b"longer than 6"])).map(
    b"".join
)


@given(TEXTS, st.data())
@example(b"1234567\n", None)
@example(b"123456\n1\n", None)
def test_lines_in_any_pieces_are_those_of_input_lines(text: bytes, data: st.DataObject) -> None:
    """Event ids depend on lines and their lengths, so a pipe may not change them."""
    cuts = [0, len(text)]
    if data is not None:
        cuts += data.draw(st.lists(st.integers(0, len(text))))
    cuts.sort()
    cutter = LineCutter(LONGEST)
    pieces = [text[a:b] for a, b in pairwise(cuts)]
    lines = [line for piece in pieces for line in cutter.feed(piece)] + cutter.end()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_module, "MAX_LINE", LONGEST)
        assert lines == list(input_lines(io.BytesIO(text)))


@given(TEXTS, st.integers(1, 4), st.integers(1, 9))
def test_a_batch_has_neither_too_many_lines_nor_too_many_bytes(
    text: bytes, max_lines: int, max_bytes: int
) -> None:
    source = open_source(io.BytesIO(text))
    batches = list(line_batches(source, max_lines=max_lines, max_bytes=max_bytes))
    assert [line for batch in batches for line in batch] == list(input_lines(io.BytesIO(text)))
    for batch in batches:
        assert 0 < len(batch) <= max_lines
        assert sum(map(len, batch)) <= max_bytes or len(batch) == 1
    for batch, following in pairwise(batches):
        full = len(batch) == max_lines
        assert full or sum(map(len, batch)) + len(following[0]) > max_bytes, "cut too early"


def test_a_file_is_cut_by_number_only(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a line\n" * 25_001 + b"the last")
    with path.open("rb") as file:
        source = open_source(file)
        assert [len(batch) for batch in line_batches(source)] == [10_000, 10_000, 5_002]
    assert source.consumed == path.stat().st_size


@pytest.fixture
def pipe() -> Iterator[tuple[io.BufferedReader, int]]:
    """The reading end as a file, the writing end as a descriptor that the test may close."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file:
        yield file, writing


def test_a_slow_pipe_gives_what_came_and_then_a_sign_that_it_is_idle(
    pipe: tuple[io.BufferedReader, int],
) -> None:
    file, writing = pipe
    batches = line_batches(open_source(file), max_seconds=0.1)
    os.write(writing, b"1\n2\n3 without its")
    start = time.monotonic()
    assert next(batches) == [b"1\n", b"2\n"]
    assert time.monotonic() - start >= 0.1
    assert [next(batches), next(batches)] == [[], []], "and a sign again, for slow workers"
    os.write(writing, b" end\n4")
    assert next(batches) == [b"3 without its end\n"]
    os.close(writing)
    assert list(batches) == [[b"4"]], "a last line without its end is a line"


def test_lines_that_wait_in_the_pipe_make_no_small_batches(
    pipe: tuple[io.BufferedReader, int],
) -> None:
    """Where the reader is the slower one, time does not cut: each batch has a header to carry."""
    file, writing = pipe
    os.write(writing, b"x\n" * 100)
    os.close(writing)
    batches = line_batches(open_source(file), max_seconds=0, max_lines=60)
    assert [len(batch) for batch in batches] == [60, 40]


def test_after_a_stop_nothing_is_read(
    pipe: tuple[io.BufferedReader, int],
) -> None:
    file, writing = pipe
    with Stop() as stop:
        batches = line_batches(open_source(file, stop=stop), stop=stop, max_seconds=60)
        os.write(writing, b"1\n2\nhalf")
        os.close(writing)
        os.kill(os.getpid(), 15)
        assert list(batches) == [], "nothing more is taken in"
        assert stop.exit_code == 128 + 15


def test_a_stop_ends_a_wait_and_gives_the_whole_lines_that_came(
    pipe: tuple[io.BufferedReader, int],
) -> None:
    file, writing = pipe
    child = os.fork()
    if child == 0:  # pragma: no cover  # the other process
        time.sleep(0.3)
        os.kill(os.getppid(), 2)
        os._exit(0)
    try:
        with Stop() as stop:
            os.write(writing, b"1\n2\nhalf")
            start = time.monotonic()
            batches = line_batches(open_source(file, stop=stop), stop=stop, max_seconds=60)
            assert list(batches) == [[b"1\n", b"2\n"]]
            assert time.monotonic() - start < 30
    finally:
        os.waitpid(child, 0)
    os.close(writing)


def test_a_second_signal_interrupts() -> None:
    with Stop() as stop:
        os.kill(os.getpid(), 2)
        assert stop.number == 2
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), 2)
    with pytest.raises(KeyboardInterrupt):  # and afterwards all is as before
        os.kill(os.getpid(), 2)
