"""The probe beside other programs that read the same capture."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from keys import Ring
from zt.encoder import Encoder
from zt.profile import load_profile
from zt.sip import Agent, Event, Probe

from ..encoder.contest import Contestant, consume
from .frames import write_capture
from .traffic import mix

AGENT = Agent("bench", "0")
FIELDS = (
    "frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "sip.Method",
    "sip.CSeq", "sip.Status-Code", "sip.Call-ID", "sip.from.addr", "sip.to.addr",
    "sip.User-Agent",
)  # fmt: skip
MOST_DIALOGS = 10_000_000  # sngrep drops dialogs above a limit, 20,000 unless told


class Capture(NamedTuple):
    """A capture of the mix."""

    path: Path
    messages: int
    events: int


def make_capture(path: Path, messages: int) -> Capture:
    """Write the mix, and count what the probe makes of it."""
    with path.open("wb") as out:
        write_capture(mix(messages), out)
    return Capture(path, messages, consume(probe_events(path)))


def contestants(capture: Capture, ring: Ring) -> list[Contestant]:
    """Who takes part; the first two are the probe and the probe with encryption."""
    path = capture.path
    zt = (sys.executable, "-m", "zt", "probe", "pcap", path, "-o", "/dev/null")
    words = [word for field in FIELDS for word in ("-e", field)]
    runs: dict[str, Callable[[], object] | None] = {
        "**the probe**": lambda: consume(probe_events(path)),
        "**the probe and the encoder** (sip-balanced)": partial(_encrypted, path, ring),
        "**`zt probe pcap`**": partial(_run, *zt),
        "**`zt probe pcap -k`**": partial(_run, *zt, "-k", ring.path),
        "`tshark -T fields`": _program("tshark", "-r", path, "-Y", "sip", "-T", "fields", *words),
        "`sngrep -N`": _program("sngrep", "-F", "-N", "-q", "-l", str(MOST_DIALOGS), "-I", path),
    }
    return [Contestant(name, capture.messages, run) for name, run in runs.items()]


def probe_events(path: Path) -> Iterator[Event]:
    """All events of a capture."""
    probe = Probe(AGENT)
    with path.open("rb") as source:
        yield from probe.read_capture(source, path.name)
    yield from probe.finish()


def _encrypted(path: Path, ring: Ring) -> None:
    lines = (msgspec.json.encode(event) + b"\n" for event in probe_events(path))
    encoder = Encoder(ring, load_profile("sip-balanced"))
    consume(encoder.encrypt(lines))
    if encoder.report.rejected:
        raise SystemExit(f"{encoder.report.rejected} events were rejected")


def _program(name: str, *options: str | Path) -> Callable[[], object] | None:
    return partial(_run, name, *options) if shutil.which(name) else None


def _run(*command: str | Path) -> None:
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=True, timeout=600,
    )  # fmt: skip
