"""SIGKILL of a honeypot and of the collector: both go on where they were."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.honeypot_net import (
    PASSWORD,
    WEAK,
    Collector,
    Honeynet,
    Honeypot,
    collector,
    honeypot,
    require_tools,
)
from support.honeypot_visitors import sweep, toll_fraud
from support.netns import Host
from support.probing import statistics
from support.shipping import until

pytestmark = pytest.mark.root

POT = "198.51.100.30"
FIRST, SECOND, THIRD = "192.31.196.31", "192.31.196.32", "192.31.196.33"
DIALED = "00972595550166"


@dataclass(frozen=True)
class Site:
    """One honeypot, its collector, and three who want to call."""

    collector: Collector
    pot: Honeypot
    attackers: dict[str, Host]

    def defrauded_by(self, address: str) -> None:
        """One of them plays a call to its end."""
        running = toll_fraud(self.attackers[address], POT, WEAK, PASSWORD, DIALED)
        assert running.wait(60) == 0, running.said()


@pytest.fixture
def site(tmp_path: Path, require: Callable[[object, str], None]) -> Iterator[Site]:
    require(os.geteuid() == 0, "network namespaces need root")
    require_tools(require)
    with Honeynet(tmp_path) as network:
        home = collector(network, tmp_path)
        pot = honeypot(network, tmp_path, "pot", POT, reports_to=home)
        attackers = {
            address: network.host(f"a{number}", address)
            for number, address in enumerate((FIRST, SECOND, THIRD))
        }
        yield Site(home, pot, attackers)


def test_a_honeypot_that_was_killed_comes_back_with_what_it_had_stored(site: Site) -> None:
    site.defrauded_by(FIRST)
    site.collector.when_banned(FIRST)
    said = len(statistics(site.pot.running))
    until(lambda: any(map(_is_stored, statistics(site.pot.running)[said:])))
    _kill(site.pot.running.pid)
    assert site.pot.running.wait(20) == -signal.SIGKILL
    site.pot.start()
    assert sweep(site.attackers[SECOND], POT)
    site.defrauded_by(THIRD)
    site.collector.when_banned(THIRD)
    site.pot.end()

    assert site.collector.banned() == [FIRST, THIRD]
    events = site.pot.search("tags:honeynet")
    assert {FIRST, SECOND, THIRD} <= {event["client"]["ip"] for event in events}
    # What was sent before the kill, and perhaps again after it, is stored once.
    assert max(Counter((event["sip"]["call_id"], event["type"]) for event in events).values()) == 1
    assert site.pot.complaints() == []


def test_what_happens_while_the_collector_is_dead_is_on_its_list_when_it_is_back(
    site: Site,
) -> None:
    site.defrauded_by(FIRST)
    site.collector.when_banned(FIRST)
    _kill(site.collector.running.pid)
    assert site.collector.running.wait(20) == -signal.SIGKILL
    site.defrauded_by(SECOND)
    site.collector.start()
    site.collector.when_banned(SECOND)
    site.defrauded_by(THIRD)
    site.collector.when_banned(THIRD)
    assert site.collector.banned() == [FIRST, SECOND, THIRD]
    site.pot.end()


def _is_stored(figures: dict[str, float]) -> bool:
    """Whether all events that there were by then are in the store."""
    delivered = figures.get("shipping_delivered", 0)  # the line may be half written
    return delivered >= figures.get("events_sent", 0) > 0


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
