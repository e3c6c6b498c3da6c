"""Connections: bounded, fairly shared, and ended when they are silent or slow."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.certificates import Authority
from support.listening import TIMEOUT, Running, Said, Script, client, request

from zt.honeynet.honeypot.listen.limits import ListenLimits

LOOPBACK = "127.0.0.1"
TCP = socket.SOCK_STREAM
HURRY = 100_000
"""Connections a second, where that is not what a test looks at."""


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """What is in it is closed at the end. There may be thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: list[socket.socket] = []
    yield found
    for opened in found:
        opened.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(port: int, source: str = LOOPBACK, data: bytes = b"") -> socket.socket:
    opened = socket.socket()
    opened.settimeout(TIMEOUT)
    opened.bind((source, 0))
    opened.connect((LOOPBACK, port))
    if data:
        opened.sendall(data)
    return opened


def is_served(port: int, source: str = LOOPBACK) -> bool:
    """Whether a new client gets its answer."""
    with client(LOOPBACK, port, TCP, source) as opened:
        opened.sendall(request())
        return opened.recv(9_000).startswith(b"SIP/2.0 200")


def answers(opened: socket.socket) -> bool:
    """Whether an old client still gets one."""
    try:
        opened.sendall(request())
        return opened.recv(9_000).startswith(b"SIP/2.0 200")
    except (ConnectionResetError, BrokenPipeError):
        return False


def is_at_end(opened: socket.socket) -> bool:
    """Waits for the end of a connection; fails by a timeout where it does not come."""
    with contextlib.suppress(ConnectionResetError):
        while opened.recv(65_536):
            pass
    return True


def wait(server: Running, name: str, number: int) -> None:
    """Until a figure is so large."""
    server.wait(lambda: server.figure(name) >= number)


@pytest.mark.parametrize("data", [b"", b"OPTIONS sip:a SIP/2.0\r\nVia: x"], ids=["idle", "slow"])
def test_two_thousand_connections_of_one_source_leave_others_alone(
    data: bytes, sockets: list[socket.socket]
) -> None:
    limits = ListenLimits(connects_per_source=HURRY)
    with Running("tcp:127.0.0.1:0", limits=limits) as server:
        port = server.port()
        patient = connect(port, "127.0.0.2")
        sockets.append(patient)
        sockets += [connect(port, data=data) for _ in range(2_000)]
        assert is_served(port, "127.0.0.2")
        assert answers(patient)
        assert is_served(port)  # even the attacker's own next one
        wait(server, "connections", 2_003)
        assert server.figure("entries", "connections") <= limits.connections_per_source + 3
        assert server.log == []


@pytest.mark.parametrize("data", [b"", b"OPTIONS sip:a SIP/2.0\r\nVia: x"], ids=["idle", "slow"])
def test_two_thousand_connections_of_many_sources_do_not_stop_service(
    data: bytes, sockets: list[socket.socket]
) -> None:
    with Running("tcp:127.0.0.1:0") as server:
        port = server.port()
        known = connect(port, "127.0.0.2")
        sockets.append(known)
        assert answers(known)
        sockets += [connect(port, f"127.1.{n // 250}.{n % 250 + 1}", data) for n in range(2_000)]
        assert is_served(port)
        assert answers(known)  # it has spoken, and is not the first to go
        wait(server, "connections", 2_002)
        assert server.figure("entries", "connections") <= 1_024
        assert server.figure("evicted") >= 2_002 - 1_024
        assert server.log == []


def test_who_speaks_on_all_places_does_not_keep_new_ones_out(sockets: list[socket.socket]) -> None:
    limits = ListenLimits(connections=40, connects_per_source=HURRY)
    with Running("tcp:127.0.0.1:0", limits=limits) as server:
        for number in range(40):
            sockets.append(connect(server.port(), f"127.1.0.{number + 1}"))
            assert answers(sockets[-1])
        # ten newcomers have a place until they have said something
        newcomers = [connect(server.port(), f"127.2.0.{number + 1}") for number in range(10)]
        sockets += newcomers
        assert [answers(newcomer) for newcomer in newcomers] == [True] * 10
        assert is_at_end(sockets[0])  # which was silent longest
        assert answers(sockets[39])


def test_a_source_that_has_its_share_loses_its_own_silent_longest(
    sockets: list[socket.socket],
) -> None:
    with Running("tcp:127.0.0.1:0", limits=ListenLimits(connections_per_source=3)) as server:
        sockets += [connect(server.port()) for _ in range(3)]
        assert answers(sockets[0])
        sockets.append(connect(server.port()))
        assert answers(sockets[3])
        assert is_at_end(sockets[1])
        assert answers(sockets[0])
        assert answers(sockets[2])


def test_connections_that_come_too_fast_from_one_source_are_closed_at_once(
    sockets: list[socket.socket],
) -> None:
    with Running("tcp:127.0.0.1:0", limits=ListenLimits(connects_per_source=1)) as server:
        sockets += [connect(server.port()) for _ in range(40)]
        assert is_served(server.port(), "127.0.0.2")
        wait(server, "hurried", 20)


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"", ListenLimits(message_seconds=0.2)),
        (b"\r\n\r\n", ListenLimits(message_seconds=0.2)),
        (b"OPTIONS sip:a SIP/2.0\r\n", ListenLimits(message_seconds=0.2)),
        (request() + b"OPTIONS", ListenLimits(message_seconds=0.2)),
        (request(), ListenLimits(idle_seconds=0.2)),
    ],
    ids=["silent", "only pings", "half a message", "half of the second", "idle"],
)
def test_connections_that_are_silent_or_slow_are_ended(data: bytes, limits: ListenLimits) -> None:
    with (
        Running("tcp:127.0.0.1:0", limits=limits) as server,
        client(LOOPBACK, server.port(), TCP) as opened,
    ):
        opened.sendall(data)
        assert is_at_end(opened)
        assert server.figure("timed_out") == 1


def test_who_drips_a_message_is_ended_although_it_is_never_silent() -> None:
    limits = ListenLimits(message_seconds=0.3)
    with (
        Running("tcp:127.0.0.1:0", limits=limits) as server,
        client(LOOPBACK, server.port(), TCP) as opened,
    ):
        opened.sendall(request())
        assert opened.recv(9_000)
        opened.sendall(b"OPTIONS sip:a SIP/2.0\r\nX: ")
        opened.settimeout(0.02)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while True:
                opened.sendall(b"a")
                with contextlib.suppress(TimeoutError):
                    if not opened.recv(1):
                        break
        assert server.figure("timed_out") == 1


def test_who_never_shakes_hands_is_ended(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path / "ca").issue("honeypot"))
    limits = ListenLimits(handshake_seconds=0.2)
    with Running("tls:127.0.0.1:0", limits=limits, tls=context) as server:
        for data in (b"", b"\x16\x03\x01"):
            with client(LOOPBACK, server.port(), TCP) as opened:
                opened.sendall(data)
                assert is_at_end(opened)
        assert server.figure("timed_out") == 2


def test_handshakes_are_limited_in_all(tmp_path: Path, sockets: list[socket.socket]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path / "ca").issue("honeypot"))
    limits = ListenLimits(handshakes=1)
    with Running("tls:127.0.0.1:0", limits=limits, tls=context) as server:
        sockets += [connect(server.port(), f"127.1.0.{n + 1}") for n in range(40)]
        wait(server, "hurried", 20)
        assert server.log == []


def test_who_does_not_read_its_replies_is_ended() -> None:
    def answering(*_: object) -> list[Said]:
        return [Said(b"x" * 16_000)]

    limits = ListenLimits(answers_per_source=HURRY, answers=HURRY, answer_bytes=1 << 40)
    with (
        Running("tcp:127.0.0.1:0", lure=Script(answering), limits=limits) as server,
        client(LOOPBACK, server.port(), TCP) as opened,
    ):
        opened.settimeout(1)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):
            for _ in range(100):  # more than any kernel holds of the replies
                opened.sendall(request() * 20)
        wait(server, "unsent", 1)
        assert server.figure("entries", "connections") == 0
        assert server.log == []


def test_pings_are_answered_by_one_pong_each_time() -> None:
    with Running("tcp:127.0.0.1:0") as server, client(LOOPBACK, server.port(), TCP) as opened:
        opened.sendall(request())
        assert opened.recv(9_000).startswith(b"SIP/2.0")
        for _ in range(3):
            opened.sendall(b"\r\n\r\n")
            assert opened.recv(9_000) == b"\r\n"


def test_without_file_descriptors_it_waits_and_does_not_spin(sockets: list[socket.socket]) -> None:
    with Running("tcp:127.0.0.1:0") as server:
        sockets += [socket.socket() for _ in range(4)]
        with few_files(sockets[-1].fileno() + 1):
            for opened in sockets:
                opened.settimeout(TIMEOUT)
                opened.connect((LOOPBACK, server.port()))
            turns = server.diary.turns
            server.wait(lambda: server.diary.turns >= turns + 5)  # half a second
            assert 1 <= server.figure("exhausted") <= 20
        for opened in sockets:
            assert answers(opened)
        assert server.log == []


def test_without_file_descriptors_the_oldest_one_gives_way(
    sockets: list[socket.socket],
) -> None:
    with Running("tcp:127.0.0.1:0") as server:
        first = connect(server.port())
        assert answers(first)
        sockets += [first, *(socket.socket() for _ in range(2))]
        with few_files(max(opened.fileno() for opened in sockets) + 1):
            for opened in sockets[1:]:
                opened.settimeout(TIMEOUT)
                opened.connect((LOOPBACK, server.port()))
                assert answers(opened)
        assert is_at_end(first)
        assert server.log == []


@contextlib.contextmanager
def few_files(number: int) -> Iterator[None]:
    """No file descriptor of that number or above; those below are all taken meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                fillers.append(socket.socket())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for filler in fillers:
            filler.close()
