"""HEP of a real Kamailio gives the events that a capture of the same traffic gives.

Needs root and Debian's packages; everything happens in network namespaces made here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.probe_net import FAR, FAR6, NEAR, NEAR6, Cable, call, end, entered, timeless
from support.sip_packets import packed

from zt.sip import Agent, Datagram, Event, Probe
from zt.sip.hep import HepSettings, HepSource
from zt.sip.live import LiveSource
from zt.sip.source import Source

TOOLS = ("ip", "ethtool", "kamailio", "sipp")
AGENT = Agent(name="edge-1", version="0.1.0")
CONFIGURATION = Path(__file__).parents[1] / "support" / "kamailio_hep.cfg"
CALLS = 5

pytestmark = pytest.mark.root


@pytest.fixture
def cable(tmp_path: Path, require: Callable[[object, str], None]) -> Iterator[Cable]:
    """Two hosts; the test, and Kamailio, are on the near one."""
    require(os.geteuid() == 0, "namespaces need root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    require(not missing, f"these tests need {', '.join(missing)}")
    with Cable(tmp_path) as made, entered(made.near):
        yield made


def start_kamailio(
    cable: Cable, port: int, version: int, transport: str = "", key: str = ""
) -> None:
    """Starts Kamailio on the near host and waits until it answers."""
    text = CONFIGURATION.read_text()
    setting = f'modparam("siptrace", "auth_key", "{key}")' if key else ""
    for blank, value in {
        "@NEAR@": NEAR,
        "@NEAR6@": NEAR6,
        "@FAR@": FAR,
        "@VERSION@": str(version),
        "@PORT@": str(port),
        "@TRANSPORT@": f";transport={transport}" if transport else "",
        "@KEY@": setting,
    }.items():
        text = text.replace(blank, value)
    path = cable.folder / "kamailio.cfg"  # Kamailio changes to /: an absolute path
    path.write_text(text)
    # -DD: stay in the foreground; -Y: where its sockets go
    command = ["kamailio", "-DD", "-E", "-f", str(path), "-w", str(cable.folder), "-m", "32"]
    pid = cable.folder / "kamailio.pid"
    cable.start(
        cable.near, *command, "-M", "8", "-P", str(pid), "-Y", str(cable.folder),
        ready=lambda said: pid.exists(),
    )  # fmt: skip
    deadline = time.monotonic() + 10
    with entered(cable.far), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        while True:
            asking.sendto(request("OPTIONS", "ready"), (NEAR, 5060))
            try:
                asking.recv(65_535)
                return
            except TimeoutError:
                assert time.monotonic() < deadline, "kamailio does not answer"


# --- the traffic


def request(
    method: str,
    user: str,
    host: str = FAR,
    *,
    cseq: int = 1,
    transport: str = "UDP",
    extra: str = "",
) -> bytes:
    shown = f"[{host}]" if ":" in host else host
    return (
        f"{method} sip:pbx.example SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {shown};branch=z9hG4bK-{method}-{user}-{cseq};rport\r\n"
        f"From: <sip:{user}@pbx.example>;tag=f-{user}\r\n"
        f"To: <sip:{user}@pbx.example>\r\n"
        f"Call-ID: {method}-{user}\r\n"
        f"CSeq: {cseq} {method}\r\n"
        f"Contact: <sip:{user}@{shown}:5061>\r\n"
        f"Max-Forwards: 70\r\n"
        f"Expires: 600\r\n"
        f"User-Agent: Phone 1.0\r\n{extra}"
        f"Content-Length: 0\r\n\r\n"
    ).encode()


def credentials(challenge: bytes, user: str, password: str) -> str:
    """Digest credentials (RFC 2617 without qop) for what the server asked."""
    found = re.search(rb'nonce="([^"]+)"', challenge)
    assert found is not None, challenge
    nonce = found[1].decode()

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret = md5(f"{user}:pbx.example:{password}")
    response = md5(f"{secret}:{nonce}:{md5('REGISTER:sip:pbx.example')}")
    return (
        f'Authorization: Digest username="{user}", realm="pbx.example", nonce="{nonce}", '
        f'uri="sip:pbx.example", response="{response}"\r\n'
    )


def register(
    user: str, password: str, *, host: str = FAR, to: str = NEAR, tcp: bool = False
) -> None:
    """A phone registers: once without credentials, once with them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as phone:
        phone.settimeout(10)
        phone.bind((host, 0))
        phone.connect((to, 5060))
        name = "TCP" if tcp else "UDP"
        phone.send(request("REGISTER", user, host, transport=name))
        answer = phone.recv(65_535)
        if b"401" not in answer[:20]:
            return
        extra = credentials(answer, user, password)
        phone.send(request("REGISTER", user, host, cseq=2, transport=name, extra=extra))
        phone.recv(65_535)


def traffic(cable: Cable) -> None:
    """What happens at a server: registrations, wrong passwords, unknown users, calls."""
    phone = cable.start(cable.far, "sipp", "-sn", "uas", "-i", FAR, "-p", "5080", "-nostdin")
    with entered(cable.far):
        register("alice-d8", "secret-k4t")
        register("six-w3", "secret-k4t", host=FAR6, to=NEAR6)
        register("stream-5", "secret-k4t", tcp=True)
        register("mallory-9", "wrong")
        register("nobody7qz", "wrong")
        time.sleep(0.5)  # sipp has its socket by now
        call(
            "timeout", "60", "sipp", "-sn", "uac", f"{NEAR}:5060", "-i", FAR, "-p", "5070",
            "-nostdin", "-m", str(CALLS), "-r", "20", "-d", "100",
        )  # fmt: skip
    end(phone)


# --- what is heard


def read(source: Source) -> list[Datagram]:
    """All that came, and what comes until nothing does for a second."""
    found: list[Datagram] = []
    quiet = time.monotonic() + 1
    while time.monotonic() < quiet:
        if new := source.read(0.1):
            found += new
            quiet = time.monotonic() + 1
    return found


def events(datagrams: list[Datagram]) -> list[Event]:
    probe = Probe(AGENT)
    found = [event for datagram in datagrams for event in probe.feed(datagram)]
    return found + probe.finish()


def comparable(found: list[Event]) -> Counter[str]:
    """The events without what depends on who looked at the clock, and on repeats by Kamailio."""
    texts: Counter[str] = Counter()
    for event in found:
        kept = timeless(event)
        for repeats in ("messages", "retransmissions"):
            kept["event"].pop(repeats, None)
        texts[json.dumps(kept, sort_keys=True)] += 1
    return texts


@pytest.mark.parametrize("version", [1, 2, 3])
def test_hep_gives_the_events_of_the_capture(cable: Cable, version: int) -> None:
    hep = HepSource(listen_udp=[("127.0.0.1", 0)])
    start_kamailio(cable, hep.udp_endpoints[0][1], version)
    read(hep)
    live = LiveSource(["eth0"])
    traffic(cable)
    told, heard = events(read(hep)), events(read(live))
    assert comparable(told) == comparable(heard)
    types = Counter(event["type"] for event in told)
    assert types["call-start"] == types["call-end"] >= CALLS
    assert types["reg-new"] == 3
    assert types["auth-failed"] + types["other-failed"] >= 1
    counters = hep.counters()
    assert counters["malformed"] == counters["kernel_drops"] == 0
    assert bool(counters["clock_corrected"]) == (version == 1)
    hep.close()
    live.close()


def test_the_times_are_those_of_the_server(cable: Cable) -> None:
    hep = HepSource(listen_udp=[("127.0.0.1", 0)])
    start_kamailio(cable, hep.udp_endpoints[0][1], 2)
    before = time.time_ns() // 1_000
    with entered(cable.far):
        register("alice-d8", "secret-k4t")
    times = [d.time for d in read(hep) if d.payload.find(b"alice-d8") > 0]
    after = time.time_ns() // 1_000  # Kamailio may tell of an answer later than it is there
    assert len(times) == 4
    assert before <= times[0] <= times[-1] <= after
    hep.close()


def test_hep_over_tcp_of_a_phone_over_tcp(cable: Cable) -> None:
    hep = HepSource(listen_tcp=[("127.0.0.1", 0)])
    start_kamailio(cable, hep.tcp_endpoints[0][1], 3, transport="tcp")
    with entered(cable.far):
        register("tcp-user-5", "secret-k4t", tcp=True)
    found = [d for d in read(hep) if b"tcp-user-5" in d.payload]
    assert [(d.transport, d.connected) for d in found] == [("TCP", True)] * 4
    assert {d.src for d in found} == {packed(FAR), packed(NEAR)}
    (event,) = [event for event in events(found) if event["type"] == "reg-new"]
    assert event["client"]["transport"] == "TCP"
    assert hep.counters()["connections_broken"] == 0
    hep.close()


@pytest.mark.parametrize(("key", "accepted"), [("hep-key-3x", True), ("other-key", False)])
def test_kamailios_key_is_checked(cable: Cable, key: str, accepted: bool) -> None:
    hep = HepSource(listen_udp=[("127.0.0.1", 0)], settings=HepSettings(key=b"hep-key-3x"))
    start_kamailio(cable, hep.udp_endpoints[0][1], 3, key=key)
    with entered(cable.far):
        register("alice-d8", "secret-k4t")
    assert bool(read(hep)) == accepted
    assert bool(hep.counters()["unauthorised"]) != accepted
    hep.close()
