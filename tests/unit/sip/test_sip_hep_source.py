"""The HEP source on real sockets: agents over UDP and TCP, of both families, honest and not."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network

import pytest
from support.hep_messages import REQUEST, chunks, v2, v3

from zt.errors import InputError
from zt.sip import Datagram
from zt.sip.hep import Endpoint, HepSettings, HepSource
from zt.sip.source import Source

LOOPBACKS = ["127.0.0.1", "::1"]
Make = Callable[..., HepSource]
Clients = Callable[..., socket.socket]


@pytest.fixture
def make(require: Callable[[object, str], None]) -> Iterator[Make]:
    """`make(udp=, tcp=, settings=)`: a source on any free ports, closed at the end."""
    with contextlib.ExitStack() as stack:

        def run(
            udp: Sequence[str] = (), tcp: Sequence[str] = (), settings: HepSettings | None = None
        ) -> HepSource:
            require(
                socket.has_ipv6 or "::1" not in (*udp, *tcp), "IPv6 is not there on this machine"
            )
            source = HepSource([(a, 0) for a in udp], [(a, 0) for a in tcp], settings)
            stack.callback(source.close)
            return source

        yield run


@pytest.fixture
def clients() -> Iterator[Clients]:
    """`clients(endpoint, kind)`: a socket connected to the source, closed at the end."""
    with contextlib.ExitStack() as stack:

        def run(endpoint: Endpoint, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
            family = socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET
            opened = stack.enter_context(socket.socket(family, kind))
            opened.settimeout(10)
            opened.connect(endpoint)
            return opened

        yield run


def now() -> int:
    return time.time_ns() // 1_000


def message(number: int = 0) -> bytes:
    return v3(chunks(REQUEST + b"%d" % number, time=now()))


def read(source: Source, until: Callable[[list[Datagram]], bool]) -> list[Datagram]:
    """Reads until `until` is content, or ten seconds have gone."""
    found: list[Datagram] = []
    end = time.monotonic() + 10
    while not until(found) and time.monotonic() < end:
        found += source.read(0.1)
    return found


def numbers(found: list[Datagram]) -> list[int]:
    return [int(datagram.payload.removeprefix(REQUEST) or -1) for datagram in found]


def closed(client: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("address", LOOPBACKS)
def test_datagrams_come_in_the_order_of_their_arrival(
    make: Make, clients: Clients, address: str
) -> None:
    source = make(udp=[address])
    client = clients(source.udp_endpoints[0], socket.SOCK_DGRAM)
    for number in range(5):
        client.send(message(number))
    client.send(v2(REQUEST + b"5", time=now()))
    client.send(b"no HEP")
    found = read(source, lambda found: len(found) == 6)
    assert numbers(found) == [0, 1, 2, 3, 4, 5]
    read(source, lambda _: source.counters()["messages"] == 7)
    assert source.counters()["malformed"] == 1


@pytest.mark.parametrize("address", LOOPBACKS)
def test_several_agents_send_over_tcp_at_once(make: Make, clients: Clients, address: str) -> None:
    source = make(tcp=[address])
    agents = [clients(source.tcp_endpoints[0]) for _ in range(5)]
    for turn in range(3):
        for number, agent in enumerate(agents):
            data = message(turn * 10 + number)
            agent.sendall(data[:50])
        for number, agent in enumerate(agents):
            agent.sendall(message(turn * 10 + number)[50:])
    found = read(source, lambda found: len(found) == 15)
    assert sorted(numbers(found)) == [turn * 10 + n for turn in range(3) for n in range(5)]
    counters = source.counters()
    assert (counters["connections"], counters["connections_open_now"]) == (5, 5)


def test_udp_and_tcp_of_both_families_serve_together(make: Make, clients: Clients) -> None:
    source = make(udp=LOOPBACKS, tcp=LOOPBACKS)
    for number, endpoint in enumerate(source.udp_endpoints):
        clients(endpoint, socket.SOCK_DGRAM).send(message(number))
    for number, endpoint in enumerate(source.tcp_endpoints, 2):
        clients(endpoint).sendall(message(number))
    found = read(source, lambda found: len(found) == 4)
    assert sorted(numbers(found)) == [0, 1, 2, 3]


@pytest.mark.parametrize("bad", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"HEP3\0\1", v2()])
def test_a_connection_out_of_step_is_closed_and_others_go_on(
    make: Make, clients: Clients, bad: bytes
) -> None:
    source = make(tcp=["127.0.0.1"])
    good, wrong = clients(source.tcp_endpoints[0]), clients(source.tcp_endpoints[0])
    wrong.sendall(message(1) + bad)
    assert numbers(read(source, lambda found: len(found) == 1)) == [1]
    read(source, lambda _: source.counters()["connections_broken"] == 1)
    assert closed(wrong)
    good.sendall(message(2))
    assert numbers(read(source, lambda found: len(found) == 1)) == [2]


def test_an_agent_may_leave_and_come_back(make: Make, clients: Clients) -> None:
    source = make(tcp=["127.0.0.1"])
    for number in range(3):
        client = clients(source.tcp_endpoints[0])
        client.sendall(message(number) + message(7)[:40])  # in the middle of a message
        assert numbers(read(source, lambda found: len(found) == 1)) == [number]
        client.close()
        read(source, lambda _: source.counters()["connections_open_now"] == 0)
        assert source.counters()["connections_open_now"] == 0


def test_no_more_connections_are_taken_than_allowed(make: Make, clients: Clients) -> None:
    source = make(tcp=["127.0.0.1"], settings=HepSettings(connections=2, idle=3_600))
    taken = [clients(source.tcp_endpoints[0]) for _ in range(2)]
    read(source, lambda _: source.counters()["connections"] == 2)
    late = clients(source.tcp_endpoints[0])
    read(source, lambda _: source.counters()["connections_refused"] == 1)
    assert closed(late)
    taken[1].sendall(message(1))
    assert numbers(read(source, lambda found: len(found) == 1)) == [1]


def test_a_silent_connection_gives_way_to_a_new_one(make: Make, clients: Clients) -> None:
    source = make(tcp=["127.0.0.1"], settings=HepSettings(connections=2, idle=0))
    silent, agent = (clients(source.tcp_endpoints[0]) for _ in range(2))
    agent.sendall(message(1))
    read(source, lambda found: len(found) == 1)
    new = clients(source.tcp_endpoints[0])
    read(source, lambda _: source.counters()["connections_evicted"] == 1)
    assert closed(silent)
    for number, client in enumerate((agent, new), 2):
        client.sendall(message(number))
    assert sorted(numbers(read(source, lambda found: len(found) == 2))) == [2, 3]


def test_who_sends_only_parts_of_messages_is_silent(make: Make, clients: Clients) -> None:
    source = make(tcp=["127.0.0.1"], settings=HepSettings(connections=2, idle=0))
    agent, slow = (clients(source.tcp_endpoints[0]) for _ in range(2))
    read(source, lambda _: source.counters()["connections"] == 2)
    agent.sendall(message(1))
    read(source, lambda found: len(found) == 1)
    slow.sendall(message()[:-1])
    source.read(0.1)
    clients(source.tcp_endpoints[0])
    read(source, lambda _: source.counters()["connections_evicted"] == 1)
    assert closed(slow)


def test_strangers_are_not_heard(make: Make, clients: Clients) -> None:
    settings = HepSettings(agents=(ip_network("192.0.2.0/24"),))
    source = make(udp=["127.0.0.1"], tcp=["127.0.0.1"], settings=settings)
    clients(source.udp_endpoints[0], socket.SOCK_DGRAM).send(message())
    caller = clients(source.tcp_endpoints[0])
    assert read(source, lambda _: source.counters()["strangers"] == 2) == []
    assert source.counters()["messages"] == 0
    assert closed(caller)


def test_agents_are_heard(make: Make, clients: Clients) -> None:
    settings = HepSettings(agents=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
    source = make(udp=LOOPBACKS, settings=settings)
    for number, endpoint in enumerate(source.udp_endpoints):
        clients(endpoint, socket.SOCK_DGRAM).send(message(number))
    assert numbers(read(source, lambda found: len(found) == 2)) == [0, 1]


def test_what_the_kernel_dropped_is_counted(make: Make, clients: Clients) -> None:
    source = make(udp=["127.0.0.1"], settings=HepSettings(receive_buffer=4_096))
    client = clients(source.udp_endpoints[0], socket.SOCK_DGRAM)
    for number in range(200):
        client.send(message(number))
    found = read(source, lambda _: not source.read(0))
    counters = source.counters()
    assert counters["kernel_drops"] > 0
    assert counters["messages"] + counters["kernel_drops"] == 200
    assert len(found) <= counters["messages"]


def test_reading_returns_when_nothing_comes(make: Make) -> None:
    source = make(udp=["127.0.0.1"], tcp=["127.0.0.1"])
    assert source.read(0.01) == []
    assert source.read(0) == []
    assert source.read(-1) == []


def test_the_counters_outlive_the_source(make: Make, clients: Clients) -> None:
    source = make(udp=["127.0.0.1"])
    clients(source.udp_endpoints[0], socket.SOCK_DGRAM).send(message())
    read(source, lambda found: len(found) == 1)
    source.close()
    source.close()
    assert source.counters()["datagrams"] == 1


def test_a_closed_source_gives_nothing(make: Make) -> None:
    source = make(udp=["127.0.0.1"])
    source.close()
    assert source.read(0.01) == []


def test_nowhere_to_listen_is_an_error() -> None:
    with pytest.raises(InputError, match="no address"):
        HepSource()


@pytest.mark.parametrize("endpoint", [("localhost", 9060), ("", 9060), ("127.0.0.1", 70_000)])
def test_what_is_no_address_is_an_error(endpoint: tuple[str, int]) -> None:
    with pytest.raises(InputError, match="not an address and a port"):
        HepSource([endpoint])


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(InputError, match=r"192\.0\.2\.1:9060") as caught:
        HepSource([("192.0.2.1", 9060)])
    assert "ip address" in caught.value.hint


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_port_in_use_is_an_error(make: Make, kind: str) -> None:
    source = make([], ["127.0.0.1"]) if kind == "tcp" else make(["127.0.0.1"])
    with pytest.raises(InputError, match="in use") as caught:
        HepSource(source.udp_endpoints, source.tcp_endpoints)
    assert "another program" in caught.value.hint
