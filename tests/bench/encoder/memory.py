"""How much memory `zt encrypt` holds while a long stream of new values comes through a pipe."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from keys import init_ring

from ..page import Row, markdown
from .events import sip_lines

EVENTS = 5_000_000
TEMPLATES = 10_000  # events that come again and again, but for their Call-IDs
CHUNK = 50  # events of one write: less than a pipe holds
TENTHS = 10
LIMIT = 40 * 60  # seconds; then the run is stopped, and the table says how far it came

BETWEEN_SAMPLES = 0.1  # seconds


class Sample(NamedTuple):
    """What the process held at some time.

    Attributes:
        seconds: since the first event.
        events: that had gone into the pipe; the process may be a batch behind.
        resident: VmRSS in MB.
        peak: VmHWM in MB, the most that it held so far.
    """

    seconds: float
    events: int
    resident: float
    peak: float


def memory_curve(events: int, folder: Path) -> str:
    """Feed that many events to a `zt encrypt -p sip-balanced`; its memory at each tenth.

    Raises:
        SystemExit: the process failed.
    """
    init_ring(folder / "ring.json", "bench", "file:ring.key")
    command = [sys.executable, "-m", "zt", "encrypt", "-k", str(folder / "ring.json")]
    process = subprocess.Popen(
        [*command, "-p", "sip-balanced"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    feeder = _Feeder(process, events)
    try:
        feeder.start()
        samples = list(_watch(process, feeder))
    finally:
        process.kill()  # it has ended, or something went wrong here
        process.wait()
        feeder.join()
    if process.returncode:
        raise SystemExit(f"zt encrypt ended with {process.returncode}")
    fed, last = samples[-1].events, samples[-1]
    title = f"{fed:,} events with as many Call-IDs through a pipe"
    if fed < events:
        title += f" (stopped after {LIMIT / 60:.0f} minutes, of {events:,})"
    return f"""{title},
{fed / last.seconds:,.0f} events/s, at most {last.peak:,.0f} MB:

{markdown(_rows(samples, fed))}"""


def unlike_lines(events: int) -> Iterator[bytes]:
    """Events as lines, each with a Call-ID that no other one has."""
    templates = [line.partition(b'"call_id":"') for line in sip_lines(min(TEMPLATES, events))]
    for number in range(events):
        before, mark, after = templates[number % len(templates)]
        yield b"%b%b%d-%b" % (before, mark, number, after)


class _Feeder(threading.Thread):
    """Writes the events into the process, as fast as it takes them, and closes the pipe.

    Attributes:
        fed: events written so far.
        ends: set it to end early.
    """

    def __init__(self, process: subprocess.Popen[bytes], events: int) -> None:
        super().__init__(name="feeder")
        assert process.stdin is not None
        self._pipe = process.stdin
        self._lines = unlike_lines(events)
        self.fed = 0
        self.ends = False

    def run(self) -> None:
        """Write until all is written, or nobody reads: how the process ended says why."""
        with suppress(BrokenPipeError), self._pipe:
            while not self.ends and (chunk := list(islice(self._lines, CHUNK))):
                self._pipe.write(b"".join(chunk))
                self.fed += len(chunk)


def _watch(process: subprocess.Popen[bytes], feeder: _Feeder) -> Iterator[Sample]:
    """What the process holds until it ends; the first sample is of its start."""
    start = time.monotonic()
    last = Sample(0, 0, 0, 0)
    while process.poll() is None:
        seconds = time.monotonic() - start
        feeder.ends = seconds > LIMIT
        if held := _held(process.pid):
            last = Sample(seconds, feeder.fed, *held)
            yield last
        with suppress(subprocess.TimeoutExpired):
            process.wait(BETWEEN_SAMPLES)
    yield last._replace(seconds=time.monotonic() - start, events=feeder.fed)


def _held(pid: int) -> tuple[float, float] | None:
    """VmRSS and VmHWM of a process in MB; None once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return None
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "VmRSS" not in found:
        return None
    return tuple(int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def _rows(samples: list[Sample], events: int) -> Iterator[Row]:
    """Each tenth of the events: its rate, and the most that was resident in it."""
    yield "events", "events/s", "most resident, MB", "resident at its end, MB"
    first = samples[0]
    for tenth in range(1, TENTHS + 1):
        upto = events * tenth // TENTHS
        own = [one for one in samples if first.events < one.events <= upto]
        if not own:
            continue
        rate = (own[-1].events - first.events) / (own[-1].seconds - first.seconds)
        most = max(one.resident for one in own)
        yield f"{upto:,}", f"{rate:,.0f}", f"{most:,.0f}", f"{own[-1].resident:,.0f}"
        first = own[-1]
