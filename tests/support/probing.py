"""The probe's commands on captures and live interfaces, and what their events stand for."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from support.commands import ok
from support.netns import Host, Running

Event: TypeAlias = dict[str, Any]


def replayed(*captures: Path, options: Iterable[str] = ()) -> list[Event]:
    """The events of `zt probe pcap`."""
    return read_events(ok("zt", "probe", "pcap", *captures, *options).out)


def start_live(host: Host, *options: str) -> Running:
    """Start `zt probe live` on the host's interface, its events in clear; it watches already."""
    command = (sys.executable, "-m", "zt", "probe", "live", "eth0", "--plain", *options)
    running = host.start(*command, name="probe")
    running.ready(lambda: b"watching: " in running.err.read_bytes())
    return running


@contextmanager
def live(host: Host, *options: str) -> Iterator[list[Event]]:
    """The events of `zt probe live` on the host's interface; they are there after the block."""
    running = start_live(host, *options)
    events: list[Event] = []
    try:
        yield events
    finally:
        code = running.end()
    assert code == 0, running.said()
    events += read_events(running.out.read_bytes())


def statistics(running: Running) -> list[dict[str, float]]:
    """The figures that a live probe has logged so far, those that are numbers."""
    found = []
    for line in running.err.read_text().splitlines():
        words = line.partition("statistics ")[2].split()
        pairs = (word.partition("=") for word in words)
        if figures := {name: float(value) for name, _, value in pairs if _is_number(value)}:
            found.append(figures)
    return found


def caught_up(running: Running) -> bool:
    """Whether a live probe that logs its figures found no more packets in the last interval."""
    last = statistics(running)[-2:]
    seen = [figures["messages"] + figures.get("messages_shed", 0) for figures in last]
    return len(seen) == 2 and seen[0] == seen[1] > 0


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def read_events(lines: bytes) -> list[Event]:
    """One JSON object a line; what tells only how the probe is doing is left out."""
    events = [json.loads(line) for line in lines.splitlines()]
    return [event for event in events if event["type"] != "counters"]


def kinds(events: Iterable[Event]) -> list[str]:
    """The types of events, in their order."""
    return [event["type"] for event in events]


def weights(events: Iterable[Event]) -> Counter[str]:
    """How many events of each type there would be, had none been suppressed."""
    total: Counter[str] = Counter()
    for event in events:
        total[event["type"]] += weight(event)
    return total


def weight(event: Event) -> int:
    """What one event stands for: itself, and those that were suppressed before it."""
    suppressed: int = event.get("rate", {}).get("ex_diff", 0)
    return 1 + suppressed
