"""The tables of the probe's benchmark, and how its results read."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from keys import init_ring
from zt.cli.runtime import collect_seldom

from ..encoder.contest import NOT_INSTALLED, consume, contest
from ..page import Row, markdown
from . import stages
from .contest import Capture, contestants, make_capture, probe_events
from .held import held
from .live import watch

MESSAGES = 200_000
CALLS = 100_000
LIVE_RATE = 4_000  # messages a second
LIVE_SECONDS = 20


def tables(messages: int, calls: int, live_seconds: int, folder: Path) -> dict[str, str]:
    """All tables by their marks in docs/benchmarks.md.

    Args:
        messages: in the capture that all read.
        calls: that go on at once.
        live_seconds: how long the live capture lasts.
        folder: for the capture and the ring.
    """
    collect_seldom()  # as the probe's commands do
    capture = make_capture(folder / "mix.pcap", messages)
    return {
        "probe": beside_others(capture, folder),
        "probe-stages": shares(capture),
        "probe-loads": loads(calls, live_seconds, folder),
    }


def beside_others(capture: Capture, folder: Path) -> str:
    """Messages a second of everybody who reads the capture."""
    ring = init_ring(folder / "ring.json", "bench", "file:ring.key")
    ours, *_ = results = contest(contestants(capture, ring))
    rows: list[Row] = [("what", "messages/s", "times the probe")]
    rows += [(one.name, one.rate(), one.times(ours)) for one in results]
    size = capture.path.stat().st_size / capture.messages
    return f"""{capture.messages:,} messages of {size:,.0f} bytes, {capture.events:,} events;
{os.cpu_count()} cores, Python {platform.python_version()}, {_release("tshark")}, \
{_release("sngrep")}:

{markdown(rows)}"""


def shares(capture: Capture) -> str:
    """The share of each stage."""
    profile = stages.profile()
    profile.sample(lambda: consume(probe_events(capture.path)))
    return f"{profile.stages.total():,} samples:\n\n{markdown(profile.rows())}"


def loads(calls: int, live_seconds: int, folder: Path) -> str:
    """What calls that are going on cost, and what a live interface does."""
    now = held(calls)
    live = watch(LIVE_RATE, live_seconds, folder)
    mega = 1024 * 1024
    rows: list[Row] = [
        ("what", "measured"),
        (f"{calls:,} calls at once: resident, MB", f"{now.after / mega:,.0f}"),
        ("the same before the first call, MB", f"{now.before / mega:,.0f}"),
        ("bytes for each call and its caller", f"{(now.after - now.before) / calls:,.0f}"),
        (f"live, {live_seconds} s: messages/s sent", live.sent),
        ("messages/s seen", live.seen),
        ("dropped by the kernel", live.dropped),
        ("share of one core", live.share),
    ]
    return markdown(rows)


def _release(program: str) -> str:
    """A program and its version, as the table's caption names it."""
    if not shutil.which(program):
        return f"{program} {NOT_INSTALLED}"
    done = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return f"{program} {found.group() if found else 'of unknown version'}"
