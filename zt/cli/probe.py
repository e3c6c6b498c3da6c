"""`zt probe pcap`; live and hep are in probe_live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli import probe_live
from zt.cli.probe_options import (
    KeysOption,
    NoThrottleOption,
    ProfileOption,
    SettingsOption,
    StoreOption,
)
from zt.cli.runtime import (
    JsonOption,
    OutputOption,
    collect_seldom,
    command,
    note,
    open_output,
)

if TYPE_CHECKING:
    from zt.sip import Event, Probe

app = typer.Typer(help="Traffic to events.", no_args_is_help=True)


@app.callback()
def probe_group() -> None:
    """Traffic to events."""


@command(app)
def pcap(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="pcap or pcapng.")],
    output: OutputOption = None,
    json: JsonOption = False,
    config: SettingsOption = None,
    no_throttle: NoThrottleOption = False,
    counters: Annotated[
        bool, typer.Option("--counters", help="Add `counters` events, as a live probe does.")
    ] = False,
    keys: KeysOption = None,
    profile: ProfileOption = "sip-balanced",
    store: StoreOption = None,
) -> None:
    """Turn SIP captures into security events, one JSON object a line.

    Several files are one capture in pieces, as rotation leaves them. One that is cut off gives
    the events before the cut, a message, and exit code 1. With --json the counters go to stderr
    as JSON. With -k the events are encrypted in this process, into wire batches or a store; the
    same captures again change nothing there.
    """
    import msgspec

    from zt import __version__
    from zt.sip import Agent
    from zt.sip.settings import load_settings, make_probe

    if store is not None and keys is None:
        raise typer.BadParameter("a store takes encrypted events only: give -k", param_hint="-s")
    collect_seldom()
    settings = load_settings(config)
    # the name stays the same wherever a capture is read: so do the ids of its events
    agent = Agent(name=settings.agent or "zt", version=__version__)
    probe = make_probe(settings, agent, throttled=not no_throttle, counting=counters)
    reading = _Reading(probe, files)
    lines: Iterator[bytes] = (msgspec.json.encode(event) + b"\n" for event in reading.events())
    if keys is not None:
        lines = _encrypted(lines, keys, profile)
    if store is not None:
        _ingest(lines, store)
    else:
        with open_output(output) as out:
            for line in lines:
                out.write(line)
    reading.tell(json)
    if reading.failed:
        raise typer.Exit(1)


class _Reading:
    """Captures on their way through a probe.

    Attributes:
        failed: whether one of them was cut off or damaged.
    """

    def __init__(self, probe: Probe, files: list[Path]) -> None:
        self.failed = False
        self._probe = probe
        self._files = files

    def events(self) -> Iterator[Event]:
        """The events of all captures."""
        from zt.errors import CaptureError

        for path in self._files:
            with path.open("rb") as capture:
                try:
                    yield from self._probe.read_capture(capture, str(path))
                except CaptureError as error:
                    if not self._probe.stats.capture.frames:
                        raise
                    note(f"error: {error.diagnostics()}")
                    self.failed = True
        yield from self._probe.finish()

    def tell(self, json: bool) -> None:
        """What was seen, for people or machines."""
        import msgspec

        stats, throttle = self._probe.stats, self._probe.throttle
        sent, suppressed = sum(stats.events.values()), 0
        if throttle is not None:
            sent, suppressed = (sum(n.values()) for n in (throttle.sent(), throttle.suppressed()))
        if json:
            facts = stats.as_dict() | {"sent": sent, "suppressed": suppressed}
            note(msgspec.json.encode(facts).decode())
            return
        messages = stats.requests + stats.responses
        note(f"{stats.capture.frames} frames, {messages} SIP messages, {sent} events")
        if suppressed:
            note(f"{suppressed} more were suppressed: rate.ex_diff of the others counts them")


def _encrypted(lines: Iterable[bytes], keys: Path, profile: str) -> Iterator[bytes]:
    """The wire of events; their first line names the stream, so that ids are the same again."""
    from keys import Ring
    from zt.cli.profile import warn_of_unsafe
    from zt.encoder import Encoder
    from zt.profile import load_profile

    ring, rules = Ring.open(keys), load_profile(profile)
    warn_of_unsafe(rules)
    encoder = Encoder(ring, rules, on_reject=lambda reject: note(f"left out: {reject.reason}"))
    return encoder.encrypt(lines)


def _ingest(lines: Iterable[bytes], url: str) -> None:
    from analytics.store import PATIENCE, open_store

    with open_store(url, create=True, wait=PATIENCE) as store:
        report = store.ingest(lines)
    note(f"stored {report.events} events; known already: {report.known_events}")


@command(app)
def schema() -> None:
    """Print the JSON schema of the probe's events."""
    from zt.cli.runtime import write_json
    from zt.sip.schema import schema as event_schema

    write_json(event_schema())


for function in (probe_live.live, probe_live.hep):
    command(app)(function)
