"""`zt-analytics ingest`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Self

import typer

from analytics.cli.app import JsonOption, StoreOption, command, note, open_input, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analytics.wire import BadLine
    from analytics.wire.transport import LineOutput

SHOWN_REJECTS = 20

BATCH_SECONDS: Final = 0.05
"""Lines of a live stream wait for others this long, and then until none has come for as long:
they come in batches already."""

RejectOption = Annotated[
    Path | None,
    typer.Option(
        "--reject",
        help="File for refused lines; without it IN.reject, and none for stdin.",
    ),
]


@command
def ingest(
    store: StoreOption,
    source: Annotated[str, typer.Argument(metavar="[IN|-]", help="File, or - for stdin.")] = "-",
    reject: RejectOption = None,
    json: JsonOption = False,
) -> None:
    """Store a wire stream. The store is made if there is none. IN may be .gz or .zst.

    Ingesting the same lines again changes nothing. Refused lines are named, kept in the reject
    file, and make the exit code 1. From a pipe, what came is stored as soon as nothing more
    comes. A signal ends it with all stored that was read.
    """
    from analytics.store import PATIENCE, open_store
    from analytics.wire.transport import Stop, line_batches, open_source

    if reject is None and source != "-":
        reject = Path(f"{source}.reject")
    if reject is not None and reject.exists() and source != "-" and reject.samefile(source):
        raise typer.BadParameter("the reject file is the input itself", param_hint="--reject")
    with (
        open_input(source) as file,  # first: a missing input makes no store
        RejectFile(reject) as rejects,
        open_store(store, create=True, wait=PATIENCE) as opened,
        Stop() as stop,
    ):
        batches = line_batches(
            open_source(file, source, stop), stop=stop, max_seconds=BATCH_SECONDS
        )
        report = opened.ingest(_as_stream(batches), reject=rejects.keep)
    note(
        f"stored {report.events} events and {report.values} value records "
        f"of {report.batches} batches; known already: {report.known_events} and "
        f"{report.known_values}; refused {report.rejected} lines"
    )
    if json:
        write_json({key: value for key, value in asdict(report).items() if key != "rejects"})
    if report.rejected:
        rejects.summarise()
    if stop.number is not None:
        note("interrupted: run it again for the rest; what is stored already is not doubled")
        raise typer.Exit(stop.exit_code)
    if report.rejected:
        raise typer.Exit(1)


def _as_stream(batches: Iterable[list[bytes]]) -> Iterator[bytes]:
    """The lines, and an empty item where nothing more has come: see `Store.ingest`."""
    for batch in batches:
        yield from batch or (b"",)


class RejectFile:
    """Names the first refused lines and keeps them all, in a file made when the first comes.

    Only its owner can read the file: a line that is no ciphertext may have come by mistake.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._out: LineOutput | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def keep(self, line: BadLine) -> None:
        """Name the line unless there were many, and keep it as it came."""
        self._count += 1
        if self._count <= SHOWN_REJECTS:
            note(f"line {line.number}: {line.reason}")
        if self._path is not None:
            if self._out is None:
                self._out = self._open(self._path)
            self._out.write([line.raw + b"\n"])

    def _open(self, path: Path) -> LineOutput:
        from analytics.wire.transport import LineOutput

        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "wb")
        return LineOutput(self._file)

    def summarise(self) -> None:
        """Say what the named lines don't."""
        if self._count > SHOWN_REJECTS:
            note(f"and {self._count - SHOWN_REJECTS} lines more")
        if self._path is not None:
            note(f"refused lines are in {self._path}")
