"""`zt probe pcap`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import JsonOption, OutputOption, command, note, open_output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zt.sip import Event

app = typer.Typer(help="Traffic to events.", no_args_is_help=True)


@app.callback()
def probe_group() -> None:
    """Traffic to events."""


@command(app)
def pcap(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="pcap or pcapng.")],
    output: OutputOption = None,
    json: JsonOption = False,
) -> None:
    """Turn SIP captures into security events, one JSON object a line.

    Several files are one capture in pieces, as rotation leaves them. One that is cut off gives
    the events before the cut, a message, and exit code 1. With --json the counters go to stderr
    as JSON.
    """
    import msgspec

    from zt import __version__
    from zt.errors import CaptureError
    from zt.sip import Agent, Probe

    probe = Probe(Agent(name="zt", version=__version__))
    failed = False
    with open_output(output) as out:

        def write(events: Iterable[Event]) -> None:
            for event in events:
                out.write(msgspec.json.encode(event) + b"\n")

        for path in files:
            with path.open("rb") as capture:
                try:
                    write(probe.read_capture(capture, str(path)))
                except CaptureError as error:
                    if not probe.stats.capture.frames:
                        raise
                    note(f"error: {error.diagnostics()}")
                    failed = True
        write(probe.finish())
    stats = probe.stats
    if json:
        note(msgspec.json.encode(stats.as_dict()).decode())
    else:
        messages = stats.requests + stats.responses
        events = sum(stats.events.values())
        note(f"{stats.capture.frames} frames, {messages} SIP messages, {events} events")
    if failed:
        raise typer.Exit(1)
