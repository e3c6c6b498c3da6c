"""The probe under floods: it says little, holds no more memory, and ordinary people stay seen.

The floods are made while the probe reads them, at 20,000 REGISTERs a second of the traffic's own
time; the live one is as fast as one process can send.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bench.probe.frames import CAPTURE_HEADER, records
from bench.probe.traffic import Packet, calls, flood, together
from support.netns import Network
from support.probing import Event, caught_up, read_events, start_live, statistics, weight

RATE = 20_000  # REGISTERs a second
LIVE_SECONDS = 10
REPOSITORY = Path(__file__).parents[2]
CHUNK = 5_000  # packets between two looks at the memory
SETTLED = 0.6  # of the packets; by then all tables are full, the largest after 7 s
GROWTH = 24 * 1024  # kB; allocators and caches do not stand quite still

pytestmark = pytest.mark.slow


@dataclass
class Flooded:
    """How the probe came through.

    Attributes:
        events: what it told.
        memory: kB resident, at even distances.
    """

    events: list[Event] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def told_of(self, kind: str) -> set[str]:
        """Call-IDs of the events of a type."""
        return {event["sip"]["call_id"] for event in self.events if event["type"] == kind}


def _flooded(packets: Iterable[Packet], folder: Path) -> Flooded:
    """Stream packets through `zt probe pcap` in a process of its own."""
    out = folder / "events.ndjson"
    command = (sys.executable, "-m", "zt", "probe", "pcap", "/dev/stdin", "-o", out)
    result = Flooded()
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError), process.stdin as pipe:  # how it ended says why
                pipe.write(CAPTURE_HEADER)
                for number, record in enumerate(records(packets)):
                    pipe.write(record)
                    if number % CHUNK == 0:
                        result.memory.append(_resident(process.pid))
            assert process.wait(120) == 0
        finally:
            process.kill()
    result.events = read_events(out.read_bytes())
    return result


def _resident(pid: int) -> int:
    """VmRSS in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0  # it has ended


@pytest.mark.parametrize(
    ("sources", "seconds", "answered", "most"),
    [
        pytest.param(1, 30, False, 100, id="one-source"),
        pytest.param(10_000, 30, False, 11_000, id="ten-thousand-sources"),
        pytest.param(1, 15, True, 100, id="one-source-that-is-answered"),
        pytest.param(10_000, 15, True, 11_000, id="ten-thousand-sources-that-are-answered"),
        # So many may report once in an hour, however many there are.
        pytest.param(15 * RATE, 15, False, 20_000, id="each-from-another-source"),
    ],
)
def test_a_flood_is_few_events_and_calls_are_told_as_ever(
    sources: int, seconds: int, answered: bool, most: int, tmp_path: Path
) -> None:
    ordinary = list(calls(seconds - 4))  # one begun each second, all over before the flood is
    attack = flood(seconds, RATE, sources, answered=answered)
    result = _flooded(together(ordinary, attack), tmp_path)

    ids = {_call_id(packet.payload) for packet in ordinary}
    assert len(ids) == seconds - 4
    assert result.told_of("call-start") == ids
    assert result.told_of("call-end") == ids
    of_the_flood = [event for event in result.events if not event["type"].startswith("call-")]
    assert 1 <= len(of_the_flood) < most
    assert sum(map(weight, of_the_flood)) == seconds * RATE

    settled = result.memory[int(len(result.memory) * SETTLED) :]
    assert max(settled) - settled[0] < GROWTH


@pytest.mark.root
@pytest.mark.parametrize("sources", [1, 5_000])
def test_every_packet_of_a_live_flood_is_accounted_for(
    sources: int, tmp_path: Path, require: Callable[[object, str], None]
) -> None:
    """As fast as the machine sends: what the probe can't take is shed and dropped by count."""
    require(os.geteuid() == 0, "network namespaces need root")
    with Network(tmp_path) as network:
        server = network.host("server", "198.51.100.10")
        sender = network.host("sender", "203.0.113.20")
        probe = start_live(server, "--statistics", "1s")
        sending = sender.start(
            sys.executable, "-m", "tests.bench.probe.send", "eth0", server.mac().hex(),
            str(RATE), str(LIVE_SECONDS), str(sources),
            name="send", cwd=REPOSITORY,
        )  # fmt: skip
        assert sending.wait(120) == 0, sending.said()
        sent = int(sending.out.read_text().split()[0])
        probe.ready(lambda: caught_up(probe), 60)
        assert probe.end() == 0, probe.said()
        figures = statistics(probe)[-1]
        events = read_events(probe.out.read_bytes())
    assert figures["packets"] == sent
    lost = figures["kernel_drops"] + figures["messages_shed"]
    assert figures["messages"] + lost == sent
    told = [event for event in events if event["type"].startswith("call-")]
    if not lost:  # on a machine that keeps up
        assert len(told) == 2 * (LIVE_SECONDS - 4)
    assert 1 <= len(events) - len(told) < (100 if sources == 1 else sources + 1_000)


def _call_id(payload: bytes) -> str:
    """The Call-ID of a message."""
    return payload.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0].decode()
