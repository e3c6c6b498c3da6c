"""Live capture in the kernel: filters, rings, interfaces that come and go, privileges.

Needs root and Debian's packages; everything happens in network namespaces made here.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from support.filter_cases import OTHER, PACKETS, PORTS, TAGS, frame
from support.probe_net import FAR, NEAR, NEAR6, Cable, call, end, entered, timeless
from support.sip_packets import ask, ipv4, ipv6, udp

from zt.errors import InputError
from zt.sip import Agent, Datagram, Probe
from zt.sip.capture import Decoder, Frame, read_frames
from zt.sip.live import LiveSource, filters
from zt.sip.live.interfaces import require as require_interface
from zt.sip.live.ring import BLOCK, Ring

TOOLS = ("ip", "ethtool", "tcpdump", "sipp", "setpriv")
AGENT = Agent(name="edge-1", version="0.1.0")
REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.root


@pytest.fixture
def cable(tmp_path: Path, require: Callable[[object, str], None]) -> Iterator[Cable]:
    """Two hosts; the test is on the near one."""
    require(os.geteuid() == 0, "namespaces need root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    require(not missing, f"these tests need {', '.join(missing)}")
    with Cable(tmp_path) as made, entered(made.near):
        yield made


def read(source: LiveSource, until: Callable[[list[Datagram]], bool]) -> list[Datagram]:
    """Reads until `until` is content, or ten seconds have gone."""
    found: list[Datagram] = []
    end_at = time.monotonic() + 10
    while not until(found) and time.monotonic() < end_at:
        found += source.read(0.1)
    return found


def wait(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds, or ten seconds have gone."""
    end_at = time.monotonic() + 10
    while not condition() and time.monotonic() < end_at:
        time.sleep(0.05)


def send(cable: Cable, text: str, to: str = NEAR, port: int = 5060) -> None:
    """One datagram from the far host."""
    with entered(cable.far):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as phone:
            phone.sendto(text.encode(), (to, port))


def payloads(found: list[Datagram]) -> list[str]:
    return [datagram.payload.decode() for datagram in found]


# --- the filter, in the kernel


def untagged(sent: bytes) -> bytes:
    """The frame as it is received: the kernel takes the outermost tag off, if it knows it."""
    return sent[:12] + sent[16:] if sent[12:14] in (b"\x81\0", b"\x88\xa8") else sent


@pytest.mark.parametrize("tags", TAGS)
def test_the_kernel_passes_what_the_filter_should(cable: Cable, tags: str) -> None:
    program = filters.sip(PORTS, link_header=14)
    ring = Ring(require_interface("eth0"), program, size=BLOCK, promiscuous=True)
    wanted: list[bytes] = []
    with entered(cable.far), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth0", 0))
        for kind, packet, passes in PACKETS.values():
            sent = frame(kind, packet, TAGS[tags])
            if len(sent) <= 14:
                continue  # the kernel sends no frame without a packet
            wire.send(sent)
            if passes:
                wanted.append(untagged(sent))
    got: list[bytes] = []
    end_at = time.monotonic() + 10
    while len(got) < len(wanted) and time.monotonic() < end_at:
        time.sleep(0.05)
        # Other frames (neighbour discovery) have addresses.
        got += [one.data for one in ring.read(10_000) if one.data[:12] == bytes(12)]
    ring.close()
    assert got == wanted


def test_unfiltered_everything_comes(cable: Cable) -> None:
    source = LiveSource(["eth0"], unfiltered=True)
    with entered(cable.far), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth0", 0))
        wire.send(frame(0x0800, ipv4(OTHER)))
    assert payloads(read(source, lambda found: len(found) > 0)) == ["other"]
    source.close()


# --- the same as tcpdump


def captured(file: Path) -> list[Datagram]:
    """What an offline reading of the capture gives."""
    decoder = Decoder()
    with file.open("rb") as stream:
        frames: list[Frame] = list(read_frames(stream, file.name))
    return [datagram for one in frames for datagram in decoder.feed(one)]


def without_times(datagrams: list[Datagram]) -> Counter[tuple[object, ...]]:
    """Each socket asks the clock by itself, and two processors have no common order."""
    names = [name for name in Datagram.__struct_fields__ if name != "time"]
    return Counter(tuple(getattr(one, name) for name in names) for one in datagrams)


def events(datagrams: list[Datagram]) -> list[str]:
    """The events, without their times."""
    probe = Probe(AGENT)
    found = [event for datagram in datagrams for event in probe.feed(datagram)]
    found += probe.finish()
    return sorted(json.dumps(timeless(event), sort_keys=True) for event in found)


def calls(cable: Cable, number: int, transport: str) -> None:
    """Calls between sipp's own scenarios, from the far host to the near one.

    Args:
        cable: where.
        number: how many.
        transport: in sipp's words; u1 is UDP, t1 one TCP connection.
    """
    server = cable.start(
        cable.near, "sipp", "-sn", "uas", "-i", NEAR, "-p", "5060", "-t", transport, "-nostdin"
    )
    time.sleep(0.5)
    with entered(cable.far):
        call(
            "timeout", "60", "sipp", "-sn", "uac", f"{NEAR}:5060", "-i", FAR, "-p", "5070",
            "-t", transport, "-nostdin", "-m", str(number), "-r", "20", "-d", "100",
        )  # fmt: skip
    end(server)


@pytest.mark.parametrize("device", ["eth0", "any"])
def test_live_capture_gives_what_tcpdump_captures(
    cable: Cable, tmp_path: Path, device: str
) -> None:
    file = tmp_path / "same.pcap"
    tcpdump = cable.tcpdump(
        device, file, "(udp or tcp) and portrange 5060-5090 or ip[6:2]&0x3fff!=0"
    )
    source = LiveSource([device])
    calls(cable, 10, "u1")
    calls(cable, 5, "t1")
    send(cable, ask("OPTIONS", user="six"), NEAR6)
    send(cable, ask("OPTIONS", user="large", extra=[f"X-Pad: {'x' * 3_000}"]))  # fragments
    send(cable, "the end", port=5090)
    found = read(source, lambda found: any(d.payload == b"the end" for d in found))
    source.close()
    wait(lambda: b"the end" in file.read_bytes())
    end(tcpdump)
    expected = captured(file)
    assert len(expected) > 90
    assert without_times(found) == without_times(expected)
    assert all(abs(a.time - b.time) < 1_000_000 for a, b in zip(found, expected, strict=True))
    assert events(found) == events(expected)
    assert sum('"type": "call-end"' in event for event in events(found)) == 15


def test_a_call_on_loopback_is_heard_once(cable: Cable) -> None:
    source = LiveSource(["lo"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        for number in range(3):
            phone.sendto(b"%d" % number, ("127.0.0.1", 5060))
    assert payloads(read(source, lambda found: len(found) == 3)) == ["0", "1", "2"]
    assert source.read(0.1) == []
    assert source.counters()["packets"] == 3  # the kernel's filter has seen to it
    source.close()


def test_what_was_not_read_is_told(cable: Cable) -> None:
    source = LiveSource(["eth0"])
    for number in range(5):
        send(cable, str(number), NEAR)
    wait(lambda: source.counters()["packets"] == 5)
    assert source.counters()["waiting_now"] == 5
    assert len(read(source, lambda found: len(found) == 5)) == 5
    assert source.counters()["waiting_now"] == 0
    send(cable, "late", NEAR)
    wait(lambda: source.counters()["packets"] == 6)
    source.close()
    assert source.counters()["waiting_now"] == 1


def test_several_interfaces_are_read_in_the_order_of_time(cable: Cable) -> None:
    cable.plug("eth1")
    cable.address("eth1", ("203.0.113.10",), ("203.0.113.20",))
    source = LiveSource(["eth0", "eth1"])
    for number in range(10):
        send(cable, str(number), "203.0.113.10" if number % 2 else NEAR)
    assert payloads(read(source, lambda found: len(found) == 10)) == [str(n) for n in range(10)]
    source.close()


@pytest.mark.parametrize("device", ["eth0", "any"])
@pytest.mark.parametrize("tags", TAGS)
def test_tagged_packets_are_heard_in_both_directions(cable: Cable, device: str, tags: str) -> None:
    source = LiveSource([device])
    for number, namespace in enumerate((cable.far, cable.near)):
        packet = ipv4(udp(b"%d" % number))
        with entered(namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind(("eth0", 0))
            wire.send(frame(0x0800, packet, TAGS[tags]))
        assert payloads(read(source, lambda found: len(found) > 0)) == [str(number)]
    source.close()


@pytest.mark.parametrize("device", ["tun7", "any"])
def test_an_interface_without_link_header(cable: Cable, device: str) -> None:
    call("ip", "tuntap", "add", "dev", "tun7", "mode", "tun")
    with open_tun("tun7") as tunnel:
        call("ip", "link", "set", "tun7", "up")
        source = LiveSource([device])
        tunnel.write(ipv4(udp(b"inside")))
        tunnel.write(ipv6(udp(b"six")))
        assert payloads(read(source, lambda found: len(found) == 2)) == ["inside", "six"]
        source.close()


@contextlib.contextmanager
def open_tun(name: str) -> Iterator[BinaryIO]:
    """The other end of a TUN interface: what is written is received there."""
    without_header = 0x1001  # IFF_TUN | IFF_NO_PI
    with Path("/dev/net/tun").open("r+b", buffering=0) as opened:
        fcntl.ioctl(opened, 0x400454CA, struct.pack("16sH22x", name.encode(), without_header))
        yield opened


def test_what_waits_in_the_decoder_comes_when_nothing_else_does(cable: Cable) -> None:
    class Patient(Decoder):
        """Gives each datagram late."""

        waiting: list[Datagram]

        def feed(self, frame: Frame) -> list[Datagram]:
            self.waiting = super().feed(frame)
            return []

        def expire(self, now: int) -> list[Datagram]:
            late = [one for one in getattr(self, "waiting", []) if one.time < now]
            self.waiting = []
            return late

    source = LiveSource(["eth0"], decoder=Patient())
    send(cable, "patience")
    assert payloads(read(source, lambda found: len(found) > 0)) == ["patience"]
    source.close()


# --- interfaces that come and go


def test_capturing_goes_on_when_an_interface_comes_up_again(cable: Cable) -> None:
    source = LiveSource(["eth0"])
    send(cable, "before")
    assert payloads(read(source, lambda found: len(found) == 1)) == ["before"]
    call("ip", "-n", cable.near, "link", "set", "eth0", "down")
    read(source, lambda _: source.counters()["interfaces_away_now"] == 1)
    assert source.counters()["interfaces_away_now"] == 1
    call("ip", "-n", cable.near, "link", "set", "eth0", "up")
    read(source, lambda _: source.counters()["interfaces_away_now"] == 0)
    send(cable, "after")
    assert "after" in payloads(read(source, lambda found: len(found) > 0))
    source.close()


def test_capturing_goes_on_when_an_interface_is_made_anew(cable: Cable) -> None:
    cable.plug("eth1")
    source = LiveSource(["eth0", "eth1"])
    call("ip", "-n", cable.near, "link", "delete", "eth1")
    read(source, lambda _: source.counters()["interfaces_away_now"] == 1)
    send(cable, "the other one")
    assert payloads(read(source, lambda found: len(found) == 1)) == ["the other one"]
    cable.plug("eth1")
    cable.address("eth1", ("203.0.113.10",), ("203.0.113.20",))
    read(source, lambda _: source.counters()["interfaces_away_now"] == 0)
    send(cable, "back", "203.0.113.10")
    assert payloads(read(source, lambda found: len(found) == 1)) == ["back"]
    assert source.counters()["packets"] == 2
    source.close()


def test_an_interface_that_is_down_is_an_error(cable: Cable) -> None:
    call("ip", "-n", cable.near, "link", "set", "eth0", "down")
    with pytest.raises(InputError, match="eth0 is down") as caught:
        LiveSource(["eth0"])
    assert "ip link set eth0 up" in caught.value.hint


# --- bounds and privileges


def test_what_the_kernel_drops_is_counted(cable: Cable) -> None:
    source = LiveSource(["eth0"], ring_size=0)  # as small as it gets, and nobody reads
    with entered(cable.far), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for _ in range(10_000):
            flood.sendto(bytes(1_400), (NEAR, 5060))
    found = read(source, lambda _: not source.read(0.2))
    counters = source.counters()
    assert counters["packets"] == 10_000
    assert counters["kernel_drops"] > 0
    assert counters["frames"] == 10_000 - counters["kernel_drops"]
    assert len(found) < 10_000
    source.close()
    assert source.counters()["kernel_drops"] == counters["kernel_drops"]


def promiscuity() -> int:
    words = call("ip", "-d", "link", "show", "eth0").split()
    return int(words[words.index("promiscuity") + 1])


@pytest.mark.parametrize("asked", [True, False])
def test_promiscuous_mode_lasts_as_long_as_the_source(cable: Cable, asked: bool) -> None:
    source = LiveSource(["eth0"], promiscuous=asked)
    assert promiscuity() == asked
    source.close()
    assert promiscuity() == 0


SCRIPT = """
from zt.errors import ZtError
from zt.sip.live import LiveSource
try:
    source = LiveSource(["lo"])
except ZtError as error:
    print(error.diagnostics())
else:
    import socket
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"heard", ("127.0.0.1", 5060))
    print(source.read(5)[0].payload.decode())
"""


def unprivileged(*capabilities: str) -> str:
    """What the script prints as `nobody`, with no more than the capabilities named."""
    have = ",".join(["-all", *capabilities])
    done = subprocess.run(
        [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={have}",
            f"--ambient-caps={have}", f"--bounding-set={have}", sys.executable, "-c", SCRIPT,
        ],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_one_capability_suffices(cable: Cable) -> None:
    assert unprivileged("+net_raw") == "heard\n"


def test_a_missing_capability_is_named(cable: Cable) -> None:
    said = unprivileged()
    assert "capturing on lo needs the capability CAP_NET_RAW" in said
    assert "AmbientCapabilities=CAP_NET_RAW" in said
    assert "Traceback" not in said
