"""`zt probe pcap`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zt.cli.runtime import JsonOption, OutputOption, note, open_output

app = typer.Typer(help="Traffic to events.", no_args_is_help=True)


@app.callback()
def probe() -> None:
    """Traffic to events."""


@app.command()
def pcap(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="pcap or pcapng.")],
    output: OutputOption = None,
    json: JsonOption = False,
) -> None:
    """Turn SIP captures into security events, one JSON object a line.

    A capture that is cut off gives the events before the cut, a message, and exit code 1. With
    --json the counters go to stderr as JSON.
    """
    import msgspec

    from zt import __version__
    from zt.errors import CaptureError
    from zt.sip import Agent, probe_capture

    agent = Agent(name="zt", version=__version__)
    failed: CaptureError | None = None
    with open_output(output) as out:
        for path in files:
            with path.open("rb") as capture:
                events = probe_capture(capture, name=str(path), agent=agent)
                try:
                    for event in events:
                        out.write(msgspec.json.encode(event) + b"\n")
                except CaptureError as error:
                    if not events.stats.events:
                        raise
                    failed = error
            stats = events.stats
            if json:
                note(msgspec.json.encode({"file": str(path), **stats.as_dict()}).decode())
            else:
                count = sum(stats.events.values())
                messages = stats.requests + stats.responses
                note(f"{path}: {stats.frames} frames, {messages} SIP messages, {count} events")
                if stats.tcp_not_decoded:
                    note(f"{path}: {stats.tcp_not_decoded} frames of TCP are not decoded yet")
    if failed is not None:
        note(f"zt: {failed.diagnostics()}")
        raise typer.Exit(1)
