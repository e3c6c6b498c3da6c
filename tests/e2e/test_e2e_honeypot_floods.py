"""Honeypots under storms, and held up by connections that say nothing: they go on as before."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from bench.honeynet.attacks import attacker, request
from support.honeypot_net import Honeynet, Honeypot, collector, honeypot, require_tools
from support.honeypot_visitors import asked_over_tcp, idle_connections, owns, sweep
from support.netns import Running
from support.probing import statistics

pytestmark = pytest.mark.root

REPOSITORY = Path(__file__).parents[2]
POT, SENDER, SCANNER, BYSTANDER = (
    "198.51.100.30", "203.0.113.20", "192.31.196.20", "192.31.196.21",
)  # fmt: skip
CROWD = "192.31.196.64/26"
RATE = 5_000  # messages a second
SECONDS = 30
SOURCES = 10_000
LOOKS = 0.5  # seconds between two looks at the memory
LOOKS_BEFORE = 10  # before somebody else comes, in the middle of it
MOST_SHED = 4  # the level: of unproven senders one conversation of 16 is recorded even then
GROWTH = 24 * 1024  # kB; allocators and caches do not stand quite still
CONNECTIONS = 2_000
LITTLE = (  # what slow attackers say, and no more
    b"",
    b"\r\n\r\n",
    b"OPT",
    b"OPTIONS sip:100@198.51.100.30 SIP/2.0\r\nVia: SIP/2.0/TCP 192.31.196.65;branch=z9hG4bK1\r\n",
    b"INVITE sip:1@198.51.100.30 SIP/2.0\r\nContent-Length: 60000\r\n\r\nv=0\r\n",
)


@pytest.fixture
def network(tmp_path: Path, require: Callable[[object, str], None]) -> Iterator[Honeynet]:
    require(os.geteuid() == 0, "network namespaces need root")
    require_tools(require)
    with Honeynet(tmp_path) as made:
        yield made


def test_a_storm_does_not_stop_it_and_takes_no_more_memory(
    network: Honeynet, tmp_path: Path
) -> None:
    """5,000 messages a second of all kinds, half of them from one address, for half a minute.

    Who comes meanwhile by a connection is answered, and is on the list. Events go out as wire: a
    DuckDB store within the process would hold more the more is in it, up to its own limit.
    """
    home = collector(network, tmp_path)
    pot = honeypot(network, tmp_path, "pot", POT, reports_to=home, has_store=False)
    sender, scanner = network.host("sender", SENDER), network.host("scanner", SCANNER)
    bystander = network.host("bystander", BYSTANDER)
    # Neighbours would be looked up one by one, which is the kernel's storm and not ours.
    through = ("via", SENDER, "dev", "eth0", "onlink")
    pot.host.run("ip", "route", "replace", "10.0.0.0/8", *through)
    sending = sender.start(
        sys.executable, "-m", "tests.bench.honeynet.send", "eth0", pot.host.mac().hex(),
        POT, str(RATE), str(SECONDS), str(SOURCES),
        name="send", cwd=REPOSITORY,
    )  # fmt: skip
    memory = list(islice(_memory(pot, sending), LOOKS_BEFORE))
    asked = request(attacker(0), "OPTIONS", 0).replace(b"/UDP ", b"/TCP ")
    assert asked_over_tcp(bystander, POT, asked).startswith(b"SIP/2.0 200 ")
    home.when_banned(BYSTANDER)
    memory += _memory(pot, sending)
    assert sending.wait(60) == 0, sending.said()
    sent, _, _, bytes_out, packets_back, bytes_back = map(float, sending.out.read_text().split())
    assert sent == RATE * SECONDS
    assert packets_back > 0
    assert bytes_back <= bytes_out

    pot.running.ready(pot.has_read_all)
    assert sweep(scanner, POT), "an ordinary scanner is answered as ever"
    third = len(memory) // 3
    assert max(memory[-third:]) - max(memory[third:-third]) < GROWTH, memory
    assert max(figures["shed_level"] for figures in statistics(pot.running)) <= MOST_SHED
    assert home.running.end() == 0
    pot.end()
    assert pot.complaints() == []


@pytest.mark.parametrize("sources", [1, 60], ids=["one-source", "many-sources"])
def test_two_thousand_silent_connections_do_not_stop_it(
    sources: int, network: Honeynet, tmp_path: Path
) -> None:
    pot = honeypot(network, tmp_path, "pot", POT)
    crowd = network.host("crowd", SCANNER)
    bystander = network.host("bystander", BYSTANDER)
    held_by = owns(crowd, CROWD)[:sources]
    before = pot.resident()
    with idle_connections(crowd, POT, CONNECTIONS, sources=held_by, words=LITTLE) as still_open:
        for number in range(3):
            asked = request(attacker(number), "OPTIONS", number).replace(b"/UDP ", b"/TCP ")
            assert asked_over_tcp(bystander, POT, asked).startswith(b"SIP/2.0 200 ")
        assert sweep(bystander, POT), "an ordinary scanner is answered as ever"
        held = still_open()
        assert pot.resident() - before < GROWTH
        if sources == 1:
            assert held < CONNECTIONS, "nobody has them all"
    pot.end()
    assert pot.complaints() == []


def _memory(pot: Honeypot, while_runs: Running) -> Iterator[int]:
    """The honeypot's memory in kB, at even distances, for as long as a program runs."""
    while while_runs.runs:
        yield pot.resident()
        time.sleep(LOOKS)
