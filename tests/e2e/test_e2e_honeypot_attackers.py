"""Attackers' own tools fall for honeypots, and are on the list while they are still at work.

SIPVicious and sipp, as anybody may download them, against `zt honeypot run` in network namespaces;
each scene is played once. A collector hears of it, and a customer asks the collector.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from support.honeypot_net import (
    EXTENSIONS,
    PASSWORD,
    WEAK,
    Collector,
    Honeynet,
    Honeypot,
    collector,
    honeypot,
    plaintexts,
    require_tools,
)
from support.honeypot_visitors import (
    SCANNER,
    first_from,
    start_sipvicious,
    sweep,
    table,
    toll_fraud,
)
from support.netns import Host, Running
from support.netns_telephony import recorded

pytestmark = pytest.mark.root

SWEEPER, DIALER, BURGLAR, FRAUD, TCP_FRAUD = (f"192.31.196.{n}" for n in range(11, 16))
WORDS = ("k9fzwq2hmb", "vt7xlrd3pn", PASSWORD, "after-the-right-one")
DIALED = ("00972595550143", "00972595550188")
PROMPT = 2_000_000  # microseconds from an attacker's first message to the customer's answer


@dataclass
class Scene:
    """What happened, and what was seen of it.

    Attributes:
        servers, users, passwords: what svmap, svwar and svcrack found.
        delays: microseconds from the first message of an attacker to the answer of the collector
            that has his address, by his address.
        events: of all honeypots, opened from their stores.
        logs: what honeypots and collector wrote.
        listed: the APIBAN list in the end.
        page: the collector's front page in the end.
    """

    collector: Collector
    honeypots: tuple[Honeypot, ...]
    servers: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    delays: dict[str, int] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    logs: str = ""
    listed: list[str] = field(default_factory=list)
    page: str = ""

    def of(self, address: str) -> list[dict[str, Any]]:
        """The events of one attacker."""
        return [event for event in self.events if event["client"]["ip"] == address]

    def until_banned(self, attacker: Host, start: Callable[[], Running]) -> Running:
        """Start an attack, and measure how long it takes to be on the list."""
        target = self.honeypots[0]
        capture = target.folder / f"{attacker.address}.pcap"
        with recorded(target.host, capture):
            running = start()
            banned = self.collector.when_banned(attacker.address)
        self.delays[attacker.address] = banned - first_from(capture, attacker.address)
        return running


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> Iterator[Scene]:
    """Three honeypots of three owners, and all attacks on them, one after the other."""
    require(os.geteuid() == 0, "network namespaces need root")
    require_tools(require)
    folder = tmp_path_factory.mktemp("honeynet")
    with Honeynet(folder) as network:
        home = collector(network, folder)
        pots = tuple(
            honeypot(
                network, folder, name, address,
                region=region, owner=f"owner-{name}", reports_to=home,
            )
            for name, address, region in (
                ("north", "198.51.100.30", "eu-north"),
                ("east", "198.51.100.31", "ap-east"),
                ("south", "198.51.100.32", "sa-south"),
            )
        )  # fmt: skip
        played = Scene(home, pots)
        attackers = {
            address: network.host(f"a{number}", address)
            for number, address in enumerate((SWEEPER, DIALER, BURGLAR, FRAUD, TCP_FRAUD))
        }
        _play(played, attackers, folder)
        yield played


def _play(scene: Scene, attackers: dict[str, Host], folder: Path) -> None:
    target = scene.honeypots[0].address
    scene.servers = sweep(attackers[SWEEPER], *(pot.address for pot in scene.honeypots))
    scene.collector.when_banned(SWEEPER)
    dialer = start_sipvicious(attackers[DIALER], "svwar", "-e", "100-124", target)
    scene.users = table(dialer)

    guesses = folder / "guesses.txt"
    guesses.write_text("".join(f"{word}\n" for word in WORDS))
    cracking = ("svcrack", "-u", WEAK, "-d", guesses, target)
    burglar = attackers[BURGLAR]
    running = scene.until_banned(burglar, partial(start_sipvicious, burglar, *cracking))
    scene.passwords = table(running)
    for address, transport, callee in ((FRAUD, "udp", DIALED[0]), (TCP_FRAUD, "tcp", DIALED[1])):
        call = partial(
            toll_fraud, attackers[address], target, WEAK, PASSWORD, callee, transport=transport
        )
        running = scene.until_banned(attackers[address], call)
        assert running.wait(60) == 0, running.said()

    scene.listed = scene.collector.banned()
    scene.page = scene.collector.get("/").text
    for pot in scene.honeypots:
        pot.end()
        scene.events += pot.search("tags:honeynet")
    assert scene.collector.running.end() == 0, scene.collector.running.said()
    everybody = (*(pot.running for pot in scene.honeypots), scene.collector.running)
    scene.logs = "".join(one.err.read_text() + one.out.read_text() for one in everybody)


def test_svmap_reports_every_honeypot_by_the_name_of_a_common_server(scene: Scene) -> None:
    assert set(scene.servers) == {f"{pot.address}:5060" for pot in scene.honeypots}
    for name in scene.servers.values():
        assert name.startswith("Asterisk PBX ")


def test_svwar_finds_exactly_the_extensions_that_pretend_to_exist(scene: Scene) -> None:
    assert set(scene.users) == set(EXTENSIONS)
    assert set(scene.users.values()) == {"reqauth"}


def test_svcrack_tries_its_words_and_finds_the_password_that_can_be_guessed(scene: Scene) -> None:
    assert scene.passwords == {WEAK: PASSWORD}
    # Each word is a digest of its own; the same word would have the same hash.
    tried = {event["sip"].get("auth", {}).get("tried") for event in scene.of(BURGLAR)} - {None}
    assert len(tried) >= WORDS.index(PASSWORD)


def test_attackers_are_on_the_list_two_seconds_after_their_first_message(scene: Scene) -> None:
    assert set(scene.delays) == {BURGLAR, FRAUD, TCP_FRAUD}
    # That of the three which stands for them: a busy machine may hold one of them up.
    assert median(scene.delays.values()) < PROMPT, scene.delays


def test_a_sweep_that_proves_no_address_is_believed_once_three_owners_saw_it(scene: Scene) -> None:
    assert SWEEPER in scene.listed


def test_who_proved_no_address_to_one_honeypot_alone_is_not_on_the_list(scene: Scene) -> None:
    # svwar answers no challenge, so anybody could have written its address.
    assert scene.of(DIALER)
    assert DIALER not in scene.listed


def test_the_list_has_each_attacker_once(scene: Scene) -> None:
    assert sorted(scene.listed) == sorted({SWEEPER, BURGLAR, FRAUD, TCP_FRAUD})


def test_events_say_which_honeypot_of_which_region_saw_what(scene: Scene) -> None:
    seen = {
        (event["observer"]["name"], event["observer"]["geo"]["name"]) for event in scene.of(SWEEPER)
    }
    assert seen == {("north", "eu-north"), ("east", "ap-east"), ("south", "sa-south")}
    for event in scene.events:
        assert event["tags"] == ["honeynet"]
        assert event["agent"]["type"] == "zt-honeypot"


def test_events_know_the_scanner_by_its_name(scene: Scene) -> None:
    for address in (SWEEPER, DIALER, BURGLAR):
        assert {event["user_agent"]["original"] for event in scene.of(address)} == {SCANNER}


@pytest.mark.parametrize(
    ("address", "dialed"), [(FRAUD, DIALED[0]), (TCP_FRAUD, DIALED[1])], ids=["udp", "tcp"]
)
def test_the_number_that_a_caller_wanted_stands_in_a_proven_event(
    scene: Scene, address: str, dialed: str
) -> None:
    calls = [event for event in scene.of(address) if dialed in str(event["sip"].get("to"))]
    assert any(event["client"].get("proven") for event in calls)


def test_only_who_answered_a_challenge_or_spoke_tcp_is_proven(scene: Scene) -> None:
    proven = {event["client"]["ip"] for event in scene.events if event["client"].get("proven")}
    assert proven == {BURGLAR, FRAUD, TCP_FRAUD}


def test_passwords_numbers_and_addresses_stand_nowhere_in_clear(scene: Scene) -> None:
    secret = (*WORDS, *DIALED, SWEEPER, DIALER, BURGLAR, FRAUD, TCP_FRAUD)
    for pot in scene.honeypots:
        spooled = (path for path in (pot.folder / "spool").rglob("*") if path.is_file())
        for path in (pot.database, *spooled):
            assert list(plaintexts(path, secret)) == []
    assert not [word for word in secret if word in scene.logs]


def test_nobody_complained(scene: Scene) -> None:
    for pot in scene.honeypots:
        assert pot.complaints() == []
    assert "Traceback" not in scene.logs


def test_no_key_or_token_is_in_a_log(scene: Scene) -> None:
    tokens = [(pot.folder / "token").read_text().strip() for pot in scene.honeypots]
    for secret in (scene.collector.key, *tokens):
        assert secret not in scene.logs


def test_the_page_counts_them(scene: Scene) -> None:
    assert "eu-north" in scene.page
