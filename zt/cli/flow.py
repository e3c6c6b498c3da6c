"""A stream through a command: batches of lines in, lines out, progress, an end when asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from zt.cli.progress import Progress
from zt.cli.runtime import is_special, note, open_input, open_output

if TYPE_CHECKING:
    from analytics.wire.transport import LineOutput, Source


class Flow:
    """What the commands that stream work with; made by `open_flow`.

    Attributes:
        batches: of input lines: see `analytics.wire.transport.line_batches`.
        events: that were written with whole batches.
        is_cut: whether a batch was begun and is not whole.
    """

    def __init__(
        self, source: Source, batches: Iterator[list[bytes]], out: LineOutput, progress: Progress
    ) -> None:
        self.batches = batches
        self.events = 0
        self.is_cut = False
        self._source = source
        self._out = out
        self._progress = progress
        self._started = time.monotonic()

    def write(self, lines: Sequence[bytes], events: int) -> None:
        """Write the lines of a batch; with them `events` are written in all.

        Raises:
            KeyboardInterrupt, OSError: see `LineOutput.write`.
        """
        self.is_cut = True
        self._out.write(lines)
        self.events, self.is_cut = events, False
        self._progress.show(events)

    def summary(self) -> str:
        """Bytes and time for people."""
        facts = self._facts()
        return (
            f"{facts['bytes_in']:,} bytes in, {facts['bytes_out']:,} bytes out, "
            f"{facts['seconds']:.1f} s"
        )

    def write_summary(self, report: dict[str, Any]) -> None:
        """A report with bytes and time, for machines: JSON on stderr, since stdout is the data."""
        import msgspec

        note(msgspec.json.encode({**report, **self._facts()}).decode())

    def _facts(self) -> dict[str, Any]:
        """Bytes as they were read and written: compressed ones if they are."""
        return {
            "bytes_in": self._source.consumed,
            "bytes_out": self._out.bytes,
            "seconds": round(time.monotonic() - self._started, 3),
        }


@contextmanager
def open_flow(name: str, output: Path | None, *, quiet: bool) -> Iterator[Flow]:
    """A stream from a file, or stdin for `-`, into a file or stdout.

    Ends the command with a message if a signal came. A file at `output` is then not written:
    one that appears is whole.

    Raises:
        typer.Exit: a signal came.
        CompressedError, OSError: see `Source.read` and `LineOutput.write`.
    """
    from analytics.wire.transport import (
        LineOutput,
        Stop,
        compression_of,
        line_batches,
        open_source,
    )

    with open_input(name) as file, open_output(output) as sink, Stop() as stop:
        source = open_source(file, name, stop)
        out = LineOutput(sink, compression_of(output.name) if output else None, stop)
        progress = Progress(file, source, shown=not quiet and not sink.isatty())
        flow = Flow(source, line_batches(source, stop=stop), out, progress)
        try:
            with progress:
                yield flow
            out.finish()
        except KeyboardInterrupt:
            if stop.number is None:
                raise
        if stop.number is not None:
            _note_end(flow, output)
            raise typer.Exit(stop.exit_code)


def _note_end(flow: Flow, output: Path | None) -> None:
    """Say what a signal left, and what to do."""
    if output is not None and not is_special(output):
        note(f"interrupted: {output} was not written; run it again")
    else:
        events = f"at least {flow.events}" if flow.is_cut else str(flow.events)
        note(
            f"interrupted: {events} events were written; run it again for all: "
            "they keep their ids, so a store takes none twice"
        )
