"""A honeypot on all addresses of a host: from which it answers, and whom it never does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.netns import Host, Network

TESTS = Path(__file__).parents[2]
SERVER = Path(__file__).with_name("listening_server.py")
PORT = 5060

ASK = """
import json, socket, sys

def ask(target, *, connected=True, interface=""):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    opened.settimeout(5 if connected else 1)
    place = socket.getaddrinfo(target + interface, PORT, family, socket.SOCK_DGRAM)[0][4]
    if connected:  # then nothing is taken from another address
        opened.connect(place)
        opened.send(MESSAGE)
    else:
        opened.sendto(MESSAGE, place)
    try:
        return opened.recvfrom(9000)[1][0].partition("%")[0]
    except OSError as error:
        return type(error).__name__

MESSAGE = sys.argv[1].encode().replace(b"|", b"\\r\\n")
PORT = int(sys.argv[2])
print(json.dumps([ask(t, connected=c, interface=i) for t, c, i in json.loads(sys.argv[3])]))
"""
MESSAGE = (
    "OPTIONS sip:a SIP/2.0|Via: SIP/2.0/UDP a;branch=z9hG4bK1|From: <sip:a@a>;tag=1|To: <sip:a@a>|"
    "Call-ID: a|CSeq: 1 OPTIONS|Content-Length: 0||"
)


@pytest.fixture
def hosts(tmp_path: Path, require: Callable[[object, str], None]) -> Iterator[tuple[Host, Host]]:
    require(os.geteuid() == 0, "network namespaces need root")
    with Network(tmp_path) as network:
        honeypot = network.host("pot", "198.51.100.1", "198.51.100.2", "203.0.113.9")
        client = network.host("client", "198.51.100.7")
        for host, address in ((honeypot, "10.9.0.1/24"), (client, "10.9.0.7/24")):
            host.run("ip", "addr", "add", address, "brd", "+", "dev", "eth0")
        yield honeypot, client


def start(honeypot: Host, *endpoints: str) -> None:
    path = f"PYTHONPATH={TESTS}{os.pathsep}{TESTS.parent}"
    running = honeypot.start("env", path, sys.executable, str(SERVER), *endpoints, name="honeypot")
    running.ready(lambda: bool(running.out.read_text().strip()))


def ask(client: Host, *questions: tuple[str, bool, str]) -> list[str]:
    """Who answers each: an address, or what was raised."""
    text = client.run(sys.executable, "-c", ASK, MESSAGE, str(PORT), json.dumps(questions))
    found: list[str] = json.loads(text)
    return found


@pytest.mark.root
def test_ipv4_is_answered_from_the_address_that_was_asked_and_crowds_are_not(
    hosts: tuple[Host, Host],
) -> None:
    honeypot, client = hosts
    start(honeypot, f"udp:0.0.0.0:{PORT}")
    own = ["198.51.100.1", "198.51.100.2", "203.0.113.9", "10.9.0.1"]
    assert ask(client, *((address, True, "") for address in own)) == own
    client.run("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
    crowds = ["10.9.0.255", "255.255.255.255", "224.0.0.1"]
    client.run("ip", "route", "add", "255.255.255.255", "dev", "eth0")
    assert ask(client, *((address, False, "") for address in crowds)) == ["TimeoutError"] * 3
    assert ask(client, ("198.51.100.2", False, "")) == ["198.51.100.2"]


@pytest.mark.root
def test_ipv6_is_answered_from_the_address_that_was_asked_also_on_the_link(
    hosts: tuple[Host, Host], require: Callable[[object, str], None]
) -> None:
    honeypot, client = hosts
    require(Path("/proc/sys/net/ipv6").exists(), "IPv6 is not there on this machine")
    for host, numbers in ((honeypot, (1, 2)), (client, (7,))):
        for interfaces in ("all", "eth0"):
            setting = f"/proc/sys/net/ipv6/conf/{interfaces}/disable_ipv6"
            host.run("tee", setting, stdin="0")
        for number in numbers:
            for prefix in ("2001:db8::", "fe80::"):
                address = f"{prefix}{number}/64"
                host.run("ip", "addr", "add", address, "dev", "eth0", "nodad")
    start(honeypot, f"udp:[::]:{PORT}")
    own = ["2001:db8::1", "2001:db8::2"]
    assert ask(client, *((address, True, "") for address in own)) == own
    assert ask(client, ("fe80::2", True, "%eth0")) == ["fe80::2"]
    assert ask(client, ("ff02::1", False, "%eth0")) == ["TimeoutError"]
