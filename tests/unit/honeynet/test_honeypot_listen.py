"""The honeypot's server on real sockets: what comes is recorded, and answered to its sender."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from support.certificates import Authority
from support.listening import Diary, Running, Said, Script, client, request

from zt.errors import InputError, WorkerError
from zt.honeynet.honeypot.listen.endpoints import Endpoint
from zt.honeynet.honeypot.listen.server import Honeypot
from zt.sip import Datagram
from zt.sip.parse import Message

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
HOSTS = ["127.0.0.1", "::1"]


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest, require: Callable[[object, str], None]) -> str:
    chosen: str = request.param
    require(chosen == "127.0.0.1" or socket.has_ipv6, "IPv6 is not there on this machine")
    return chosen


def shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def packed(host: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


def test_a_datagram_is_recorded_and_answered_and_the_answer_is_recorded(host: str) -> None:
    with (
        Running(f"udp:{shown(host)}:0") as server,
        client(host, server.port(), UDP) as opened,
    ):
        opened.send(request(call="hello"))
        assert opened.recv(9_000) == b"SIP/2.0 200 hello"
        server.stop()
        asked, answered = server.diary.all
        place = packed(host), opened.getsockname()[1], packed(host), server.port()
        assert (asked.src, asked.src_port, asked.dst, asked.dst_port) == place
        assert (answered.dst, answered.dst_port, answered.src, answered.src_port) == place
        assert asked.payload == request(call="hello")
        assert answered.payload == b"SIP/2.0 200 hello"
        assert {asked.transport, answered.transport} == {"UDP"}
        assert not asked.connected
        assert asked.time <= answered.time


@pytest.mark.parametrize("local", ["127.0.0.1", "127.1.2.3"])
def test_a_server_on_all_addresses_answers_from_the_one_that_was_asked(local: str) -> None:
    with Running("udp:0.0.0.0:0") as server, client(local, server.port(), UDP) as opened:
        opened.send(request())
        # The socket is connected: it takes nothing from another address.
        assert opened.recv(9_000).startswith(b"SIP/2.0 200")
        server.stop()
        assert server.diary.all[0].dst == packed(local)


def test_several_endpoints_are_served_at_once() -> None:
    with Running("udp:127.0.0.1:0", "udp:127.0.0.1:0", "tcp:127.0.0.1:0") as server:
        for number, kind in enumerate((UDP, UDP, TCP)):
            with client("127.0.0.1", server.port(number), kind) as opened:
                opened.sendall(request(call=f"c{number}"))
                assert opened.recv(9_000) == b"SIP/2.0 200 c%d" % number
        assert [one.transport for one in server.addresses] == ["udp", "udp", "tcp"]


def test_a_connection_proves_its_sender(host: str) -> None:
    with Running(f"tcp:{shown(host)}:0") as server, client(host, server.port(), TCP) as opened:
        opened.sendall(request())
        opened.recv(9_000)
        server.stop()
        assert [one.connected for one in server.diary.all] == [True, True]
        assert {one.transport for one in server.diary.all} == {"TCP"}


def tls_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = Authority(folder / "ca")
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(*authority.issue("honeypot"))
    return ours, ssl.create_default_context(cafile=str(authority.ca))


def test_tls_is_spoken(tmp_path: Path) -> None:
    ours, theirs = tls_contexts(tmp_path)
    with (
        Running("tls:127.0.0.1:0", tls=ours) as server,
        client("127.0.0.1", server.port(), TCP) as opened,
        theirs.wrap_socket(opened, server_hostname="127.0.0.1") as secured,
    ):
        for number in range(3):
            secured.sendall(request(call=f"t{number}"))
            assert secured.recv(9_000) == b"SIP/2.0 200 t%d" % number
        # more than one record at once: what OpenSSL holds is not forgotten
        secured.sendall(b"".join(request(call=f"m{n}", body="x" * 9_000) for n in range(9)))
        answers = b""
        while not answers.endswith(b"m8"):
            answers += secured.recv(9_000)
        server.stop()
        assert {one.transport for one in server.diary.all} == {"TLS"}
        assert server.diary.all[0].connected


def test_who_speaks_no_tls_on_its_port_is_let_go(tmp_path: Path) -> None:
    ours, theirs = tls_contexts(tmp_path)
    with Running("tls:127.0.0.1:0", tls=ours) as server:
        with client("127.0.0.1", server.port(), TCP) as opened:
            opened.sendall(request())
            assert at_end(opened)
        with client("127.0.0.1", server.port(), TCP) as opened:
            secured = theirs.wrap_socket(opened, server_hostname="127.0.0.1")
            secured.sendall(request())
            assert secured.recv(9_000).startswith(b"SIP/2.0 200")
            secured.close()
        assert server.figure("broken") == 1
        assert server.log == []


def at_end(opened: socket.socket) -> bool:
    """Reads to the end of a connection; fails by a timeout if it does not come."""
    try:
        while opened.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_replies_come_in_their_time_and_order() -> None:
    def answering(message: Message, datagram: Datagram) -> list[Said]:
        return [Said(b"third", 200_000), Said(b"first"), Said(b"second", 100_000)]

    with (
        Running("tcp:127.0.0.1:0", lure=Script(answering)) as server,
        client("127.0.0.1", server.port(), TCP) as opened,
    ):
        opened.sendall(request())
        found = b""
        while len(found) < len(b"firstsecondthird"):
            found += opened.recv(9_000)
        assert found == b"firstsecondthird"
        server.stop()
        times = [one.time for one in server.diary.all]
        assert times[2] - times[0] >= 100_000
        assert times[3] - times[0] >= 200_000


def test_a_reply_to_a_connection_that_has_ended_is_lost_without_harm() -> None:
    lure = Script(lambda message, datagram: [Said(b"late", 100_000)])
    with Running("tcp:127.0.0.1:0", lure=lure) as server:
        with client("127.0.0.1", server.port(), TCP) as opened:
            opened.sendall(request())
        server.wait(lambda: server.figure("unsent") == 1)
        assert server.log == []


@pytest.mark.parametrize(("transport", "kind"), [("udp", UDP), ("tcp", TCP)])
def test_what_the_lure_sends_late_takes_the_way_of_its_request(
    transport: str, kind: socket.SocketKind
) -> None:
    nonce = "0123456789abcdef0123"
    lure = Script(lambda message, datagram: [Said(b'SIP/2.0 401 a\r\nnonce="%b"' % nonce.encode())])
    with (
        Running(f"{transport}:127.0.0.1:0", lure=lure) as server,
        client("127.0.0.1", server.port(), kind) as opened,
    ):
        for proof in ("", f'Authorization: Digest username="a", realm="b", nonce="{nonce}"\r\n'):
            opened.sendall(request(extra=proof))
            assert opened.recv(9_000).startswith(b"SIP/2.0 401")
        asked = next(one for one in server.diary.all if one.dst_port == server.port())
        lure.late = [
            (Datagram(0, *place(asked), b"", asked.transport, False, asked.connected), b"x")
        ]
        assert opened.recv(9_000) == b"x"


def test_what_is_sent_late_takes_the_socket_of_its_address() -> None:
    lure = Script(lambda message, datagram: [])
    with Running("udp:127.0.0.1:0", lure=lure) as first:
        port = first.port()
        with Running(f"udp:127.0.0.2:{port}", f"udp:127.0.0.3:{port}") as server:
            ways = server.honeypot._udp
            asked = Datagram(0, packed("127.0.0.9"), 9, packed("127.0.0.3"), port, b"")
            assert [listener.way(asked) is not None for listener in ways] == [False, True]


def place(datagram: Datagram) -> tuple[bytes, int, bytes, int]:
    return datagram.src, datagram.src_port, datagram.dst, datagram.dst_port


def test_responses_are_recorded_and_never_answered() -> None:
    with Running("udp:127.0.0.1:0") as server:
        with client("127.0.0.1", server.port(), UDP) as opened:
            opened.send(
                request().replace(b"OPTIONS sip:100@honeypot.example SIP/2.0", b"SIP/2.0 200 OK")
            )
            opened.send(
                request().replace(b"OPTIONS sip:100@honeypot.example SIP/2.0", b"SIP/2.0 xx")
            )
            opened.send(request(call="last"))
            assert opened.recv(9_000) == b"SIP/2.0 200 last"
        assert server.figure("responses") == 2
        assert server.figure("messages", "UDP") == 3


def test_what_is_no_sip_is_recorded_and_never_answered() -> None:
    with Running("udp:127.0.0.1:0", "tcp:127.0.0.1:0") as server:
        with client("127.0.0.1", server.port(), UDP) as opened:
            for payload in (b"", b"\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"):
                opened.send(payload)
            opened.send(request(call="last"))
            assert opened.recv(9_000) == b"SIP/2.0 200 last"
        with client("127.0.0.1", server.port(1), TCP) as opened:
            opened.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert opened.recv(9_000) == b""
        assert server.figure("foreign") == 5
        server.stop()
        assert server.diary.all[-1].payload.startswith(b"GET / HTTP")
        assert server.diary.all[-1].cut


def test_a_datagram_that_is_too_long_is_cut_and_not_answered() -> None:
    with Running("udp:127.0.0.1:0") as server, client("127.0.0.1", server.port(), UDP) as opened:
        opened.send(request(body="x" * 20_000))
        opened.send(request(call="last"))
        assert opened.recv(9_000) == b"SIP/2.0 200 last"
        server.stop()
        assert server.diary.all[0].cut
        assert len(server.diary.all[0].payload) == 16_384


def test_time_passes_for_the_recorder_where_nothing_comes() -> None:
    with Running("udp:127.0.0.1:0") as server:
        before = server.diary.advanced
        server.wait(lambda: server.diary.advanced > before)


def test_an_error_of_the_way_of_events_ends_the_server() -> None:
    with Running("udp:127.0.0.1:0") as server, client("127.0.0.1", server.port(), UDP) as opened:
        server.diary.failure = WorkerError("the shipper ended", "look at its log")
        opened.send(request())
        assert server.ended()
        assert isinstance(server.failure, WorkerError)
        assert server.log == []


def test_a_closed_pipe_of_events_ends_the_server() -> None:
    with Running("udp:127.0.0.1:0") as server:
        server.diary.blocked = BrokenPipeError()
        assert server.ended()
        assert isinstance(server.failure, BrokenPipeError)
        assert server.log == []


def test_a_defect_costs_one_message_and_is_logged() -> None:
    def answering(message: Message, datagram: Datagram) -> list[Said]:
        if message.call_id == "bad":
            raise RuntimeError("a defect")
        return [Said(b"SIP/2.0 200 OK")]

    with (
        Running("udp:127.0.0.1:0", lure=Script(answering)) as server,
        client("127.0.0.1", server.port(), UDP) as opened,
    ):
        opened.send(request(call="bad"))
        opened.send(request(call="good"))
        assert opened.recv(9_000) == b"SIP/2.0 200 OK"
        assert len(server.log) == 1


def test_nowhere_to_listen_is_an_error() -> None:
    with pytest.raises(InputError, match="no address"):
        Honeypot([], Script(), Diary())


def test_tls_without_a_certificate_is_an_error() -> None:
    with pytest.raises(InputError, match="certificate"):
        Honeypot([Endpoint("tls", "127.0.0.1", 0)], Script(), Diary())


def test_an_address_that_is_taken_is_an_error_and_nothing_stays_open() -> None:
    with Running("udp:127.0.0.1:0") as server:
        port = server.port()
        other = Running("tcp:127.0.0.1:0", f"udp:127.0.0.1:{port}")
        with other:
            assert other.ended()
        assert isinstance(other.failure, InputError)
        assert "another program listens there" in other.failure.hint
