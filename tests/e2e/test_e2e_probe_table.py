"""What the probe promises, on real traffic: many messages, few events, and none of them lost.

Each scene is played once, by sipp and SIPVicious with a real Kamailio in network namespaces. Its
events are looked at twice: as `zt probe live` saw it pass, and as `zt probe pcap` reads it from
the capture that tcpdump took meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pytest
from support.netns import Host, Network, Running
from support.netns_telephony import (
    LAB,
    SERVER,
    Phone,
    attack,
    deaf,
    kamailio,
    recorded,
    require_tools,
    sipp,
)
from support.pcap_files import frames, repeated, spread
from support.probing import Event, kinds, live, replayed, weight, weights

pytestmark = pytest.mark.root

PRESENCE = "198.51.100.11"  # a second server on the same host
CALLS = 5
KEEP_ALIVES = 120  # an hour of them, one every 30 seconds
PINGS = 5  # of each state
PAUSE = 1_200  # milliseconds; what comes faster than each second is no keep-alive
FLOOD = 3_000
FLOOD_RATE = 500  # a second
SETTLE = 1  # seconds that the last packets have to reach those who watch
WAYS = ("replayed", "live")
SCENES = ("calls", "tcp_calls", "keep_alives", "pings", "polls", "losses", "flood", "attacks")


@dataclass
class Seen:
    """A scene that was played.

    Attributes:
        capture: its packets.
        live: its events, as they were told while it happened.
    """

    capture: Path
    live: list[Event] = field(default_factory=list)

    def events(self, way: str) -> list[Event]:
        """Its events, live or replayed."""
        return self.live if way == "live" else replayed(self.capture)


@dataclass(frozen=True)
class Site:
    """A telephone server and hosts around it."""

    server: Host
    caller: Phone
    tcp_caller: Phone
    callee: Phone
    stranger: Host
    folder: Path

    @contextmanager
    def watched(self, name: str) -> Iterator[Seen]:
        """What passes the server meanwhile, live and as a capture."""
        seen = Seen(self.folder / f"{name}.pcap")
        with recorded(self.server, seen.capture), live(self.server) as seen.live:
            yield seen
            time.sleep(SETTLE)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> Iterator[Site]:
    """A site whose phones are registered before anybody looks."""
    require(os.geteuid() == 0, "network namespaces need root")
    require_tools(require)
    folder = tmp_path_factory.mktemp("site")
    with Network(folder) as network:
        server = network.host("server", SERVER, PRESENCE)
        caller = Phone(network.host("caller", "203.0.113.21"), "caller7f3m", "Wq8-tundra-Zk41vm")
        callee = Phone(network.host("callee", "203.0.113.22"), "callee2c9h", "nEv5r0lm/pydQ72x")
        tcp_caller = Phone(
            network.host("office", "203.0.113.23"),
            "office8n4k",
            "ju7Kpl.okre33Lmn",
            transport="tcp",
        )
        stranger = network.host("stranger", "203.0.113.91")
        kamailio(server, folder, [caller, tcp_caller, callee])
        callee.listen()
        for phone in (caller, callee):
            _played(phone.act("register", "-key", "rounds", "1"))
        yield Site(server, caller, tcp_caller, callee, stranger, folder)


def _played(*processes: Running) -> None:
    """Wait until sipp has played its scenario; an unexpected answer fails it."""
    for one in processes:
        assert one.wait(90) == 0, one.said()


@pytest.fixture(scope="module")
def calls(site: Site) -> Seen:
    """Some authenticated calls through the server, one after the other."""
    with site.watched("calls") as seen:
        _call(site, site.caller)
    return seen


@pytest.fixture(scope="module")
def tcp_calls(site: Site) -> Seen:
    """The same of a phone that speaks TCP; the server speaks UDP with the callee."""
    with site.watched("tcp-calls") as seen:
        _call(site, site.tcp_caller)
    return seen


def _call(site: Site, caller: Phone) -> None:
    callee = ("-key", "callee", site.callee.user)
    _played(caller.act("call", *callee, "-d", "300", "-m", str(CALLS), "-l", "1"))


@pytest.fixture(scope="module")
def keep_alives(site: Site) -> Seen:
    """A phone registers, and refreshes with the nonce that it has."""
    with site.watched("keep-alives") as seen:
        _played(site.caller.act("refresh", "-key", "rounds", str(KEEP_ALIVES), "-d", "20"))
    return seen


@pytest.fixture(scope="module")
def pings(site: Site) -> Seen:
    """A phone asks OPTIONS; for some time the server is not available."""
    with site.watched("pings") as seen:
        for answer in ("pong", "unavailable", "pong"):
            _exchanged(site, "ping", answer)
    return seen


@pytest.fixture(scope="module")
def polls(site: Site) -> Seen:
    """A phone polls a server for messages, which has none."""
    with site.watched("polls") as seen:
        _exchanged(site, "poll", "notify")
    return seen


@pytest.fixture(scope="module")
def line_feeds(site: Site) -> Seen:
    """A phone sends what is no SIP, to keep a hole in a NAT open."""
    with site.watched("line-feeds") as seen:
        script = LAB / "keepalive.py"
        for transport in ("udp", "tcp"):
            where = (transport, site.caller.host.address, "5070", SERVER)
            site.caller.host.run(sys.executable, script, *where)
    return seen


@pytest.fixture(scope="module")
def losses(site: Site) -> Seen:
    """Calls and a registration of a phone that every third packet does not reach."""
    with site.watched("losses") as seen, deaf(site.caller.host, 3):
        _played(site.caller.act("register", "-key", "rounds", "1"))
        _call(site, site.caller)
    return seen


@pytest.fixture(scope="module")
def flood(site: Site) -> Seen:
    """One host registers name after name that the server does not know."""
    stranger = Phone(site.stranger, "nobody", "", "Quick 1.0")
    with site.watched("flood") as seen:
        pace = ("-r", str(FLOOD_RATE), "-m", str(FLOOD))
        _played(stranger.act("stranger", *pace))
    return seen


@pytest.fixture(scope="module")
def attacks(site: Site) -> Seen:
    """SIPVicious looks for servers, for users, and for a password."""
    guesses = site.folder / "guesses.txt"
    guesses.write_text("".join(f"guess{number}\n" for number in range(200)))
    with site.watched("attacks") as seen:
        attack(site.stranger, "svmap", "-p", "5060", SERVER, PRESENCE)
        attack(site.stranger, "svwar", "-e", "100-399", SERVER)
        attack(site.stranger, "svcrack", "-u", site.caller.user, "-d", str(guesses), SERVER)
    return seen


def _exchanged(site: Site, asks: str, answers: str) -> None:
    """The caller plays a scenario `PINGS` times with the second server, which plays another one."""
    times = ("-m", str(PINGS))
    other = sipp(site.server, answers, PRESENCE, 5060, *times, agent="Presence 1.0")
    other.ready(lambda: f"{PRESENCE}:5060" in site.server.run("ss", "-nlu"))
    pace = ("-r", "1", "-rp", str(PAUSE))
    _played(site.caller.act(asks, *times, *pace, target=PRESENCE), other)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("scene", "address"), [("calls", "203.0.113.21"), ("tcp_calls", "203.0.113.23")]
)
def test_an_authenticated_call_is_its_start_and_its_end(
    scene: str, address: str, way: str, request: pytest.FixtureRequest
) -> None:
    seen: Seen = request.getfixturevalue(scene)
    events = seen.events(way)
    assert Counter(kinds(events)) == {"call-start": CALLS, "call-end": CALLS}
    for call_id in {event["sip"]["call_id"] for event in events}:
        start, end = (event for event in events if event["sip"]["call_id"] == call_id)
        assert (start["type"], end["type"]) == ("call-start", "call-end")
        assert end["sip"]["originator"] == "caller-terminated"
        assert start["client"]["ip"] == end["client"]["ip"] == address
        assert start["client"]["proven"], "the caller answered a challenge"
        assert 0.2 < end["event"]["duration"] < 20


def test_the_calls_had_ten_messages_and_more(calls: Seen) -> None:
    assert sum(1 for _ in frames(calls.capture)) >= 10 * CALLS


@pytest.mark.parametrize("way", WAYS)
def test_keep_alive_registrations_are_one_new_binding(keep_alives: Seen, way: str) -> None:
    assert kinds(keep_alives.events(way)) == ["reg-new"]


def test_an_hour_of_keep_alive_registrations_is_one_new_binding(
    keep_alives: Seen, tmp_path: Path
) -> None:
    hour = tmp_path / "hour.pcap"
    seconds = spread(keep_alives.capture, hour, _is(b"REGISTER"), 30)
    assert seconds >= 3_600
    assert sum(map(_is(b"REGISTER"), (frame for _, frame in frames(hour)))) == KEEP_ALIVES + 1
    assert kinds(replayed(hour)) == ["reg-new"]


@pytest.mark.parametrize("way", WAYS)
def test_options_are_told_when_their_state_begins_and_changes(pings: Seen, way: str) -> None:
    assert kinds(pings.events(way)) == ["other-ok", "other-failed", "other-ok"]


def test_options_over_half_an_hour_are_told_no_more_often(pings: Seen, tmp_path: Path) -> None:
    slow = tmp_path / "slow.pcap"
    assert spread(pings.capture, slow, _is(b"OPTIONS"), 150) > 1_800
    assert kinds(replayed(slow)) == ["other-ok", "other-failed", "other-ok"]


@pytest.mark.parametrize("way", WAYS)
def test_polling_is_told_when_it_begins(polls: Seen, way: str) -> None:
    (event,) = polls.events(way)
    assert (event["type"], event["sip"]["request"]["method"]) == ("other-ok", "SUBSCRIBE")


def test_polling_over_half_an_hour_is_told_no_more_often(polls: Seen, tmp_path: Path) -> None:
    slow = tmp_path / "slow.pcap"
    assert spread(polls.capture, slow, _is(b"SUBSCRIBE"), 600) > 1_800
    assert kinds(replayed(slow)) == ["other-ok"]


@pytest.mark.parametrize("way", WAYS)
def test_line_feeds_are_no_events(line_feeds: Seen, way: str) -> None:
    assert sum(1 for _ in frames(line_feeds.capture)) >= 4
    assert line_feeds.events(way) == []


@pytest.mark.parametrize("way", WAYS)
def test_retransmissions_are_absorbed(losses: Seen, way: str) -> None:
    assert repeated(losses.capture) >= 3
    events = Counter(kinds(losses.events(way)))
    # What was registered before the capture began shows once, as everything new does.
    assert events == {"reg-new": 1, "call-start": CALLS, "call-end": CALLS}


@pytest.mark.parametrize("way", WAYS)
def test_a_flood_backs_off(flood: Seen, way: str) -> None:
    events = flood.events(way)
    assert weights(events) == {"other-failed": FLOOD}
    assert len(events) < 60
    over = [event for event in events if event.get("rate", {}).get("exceeded")]
    stands_for = list(accumulate(map(weight, over)))
    assert stands_for[:6] == [1, 100, 200, 400, 800, 1600]


@pytest.mark.parametrize("scene", SCENES)
def test_what_is_suppressed_is_counted(scene: str, request: pytest.FixtureRequest) -> None:
    """Totals with suppression equal those without it, and those of the live probe."""
    seen: Seen = request.getfixturevalue(scene)
    everything = replayed(seen.capture, options=["--no-throttle"])
    assert weights(replayed(seen.capture)) == weights(everything) == Counter(kinds(everything))
    assert weights(seen.live) == weights(everything)


@pytest.mark.parametrize("way", WAYS)
def test_attacks_are_few_events_that_name_the_attacker(attacks: Seen, way: str) -> None:
    events = attacks.events(way)
    found = weights(events)
    assert found["auth-failed"] >= 100  # passwords
    assert found["msg-probe"] + found["other-failed"] >= 300  # users and servers
    assert len(events) < found.total() / 3
    assert {event["client"]["ip"] for event in events} == {"203.0.113.91"}


def _is(method: bytes) -> Callable[[bytes], bool]:
    """Whether a frame holds a request of that method, in UDP over IPv4."""
    return lambda frame: frame[42:].startswith(method + b" ")
