"""Who visits honeypots: SIPVicious, sipp, and sockets that send what they are told.

All run on a host of a `netns.Network`, and all are over when their functions return.
"""

from __future__ import annotations

import re
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path

from support.netns import Host, Running
from support.netns_telephony import sipp, sipvicious
from support.pcap_files import frames
from support.probe_net import entered

SCANNER = "friendly-scanner"  # SIPVicious' User-Agent
_FOUND = (0, 30, 40)  # SIPVicious' exit codes where it worked, and where it found something
_ROW = re.compile(r"^\|\s*(\S[^|]*?)\s*\|\s*(\S[^|]*?)\s*\|", re.MULTILINE)
_WAIT = 60  # seconds for a program
_ANSWER = 10.0  # seconds for an answer over TCP
_PORT, _TLS_PORT = 5060, 5061


def start_sipvicious(host: Host, program: str, *options: str | Path) -> Running:
    """Start `svmap`, `svwar` or `svcrack`."""
    # -x: without it they look up the name of this machine and put its address into every Via.
    return host.start(sipvicious(program), "-x", host.address, *options, name=program)


def table(running: Running) -> dict[str, str]:
    """Wait until a program of SIPVicious ends, and read the first two columns of what it found."""
    code = running.wait(_WAIT)
    assert code in _FOUND, running.said()
    _, *rows = _ROW.findall(running.out.read_text()) or [("", "")]
    return dict(rows)


def sweep(host: Host, *targets: str) -> dict[str, str]:
    """What svmap finds: User-Agent by `address:port`."""
    return table(start_sipvicious(host, "svmap", "-p", str(_PORT), *targets))


def toll_fraud(
    host: Host, target: str, user: str, password: str, callee: str, *, transport: str = "udp"
) -> Running:
    """Start a call with sipp, once."""
    account = ("-au", user, "-ap", password)
    options = (*account, "-key", "callee", callee, "-m", "1", "-d", "300", f"{target}:{_PORT}")
    return sipp(
        host, "toll_fraud", host.address, 5070, *options,
        user=user, display=user, agent="sipcli/v1.8", transport_name=transport,
    )  # fmt: skip


def owns(host: Host, network: str) -> list[str]:
    """Give a host all addresses of a network, and list them; it answers for each of them."""
    host.run("ip", "route", "add", "local", network, "dev", "lo")
    return [str(address) for address in ip_network(network).hosts()]


def ask(
    host: Host, target: str, payload: bytes, *, source: str = "", seconds: float = 1.0
) -> list[bytes]:
    """Send one datagram, from port 5060, and take all answers that come within some time.

    Only those count that come from the address that was asked.
    """
    (answers,) = ask_all(host, target, {source or host.address: [payload]}, seconds).values()
    return answers


def ask_all(
    host: Host, target: str, payloads: Mapping[str, Sequence[bytes]], seconds: float
) -> dict[str, list[bytes]]:
    """Send datagrams from several addresses of a host at once, and take all answers.

    Args:
        host: who asks.
        target: who is asked, on port 5060.
        payloads: what to send, by the address to send it from.
        seconds: how long to wait, after the last one was sent.

    Returns:
        The answers by the address that asked.
    """
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    answers: dict[str, list[bytes]] = {source: [] for source in payloads}
    with ExitStack() as stack, selectors.DefaultSelector() as waiting:
        with entered(host.namespace):
            for source, messages in payloads.items():
                asking = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                asking.bind((source, _PORT))
                asking.connect((target, _PORT))
                waiting.register(asking, selectors.EVENT_READ, source)
                for message in messages:
                    asking.send(message)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for ready, _ in waiting.select(left):
                assert isinstance(ready.fileobj, socket.socket)
                answers[ready.data].append(ready.fileobj.recv(65_536))
    return answers


def asked_over_tcp(
    host: Host,
    target: str,
    payload: bytes,
    *,
    source: str = "",
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Send one request over a connection of its own, and take the head of the answer."""
    port = _PORT if tls is None else _TLS_PORT
    with ExitStack() as stack:
        with entered(host.namespace):
            connection = socket.create_connection(
                (target, port), _ANSWER, (source or host.address, 0)
            )
        stack.callback(connection.close)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=target)
            stack.callback(connection.close)
        connection.sendall(payload)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connection.recv(65_536)
            assert more, f"it closed the connection after {answer!r}"
            answer += more
        return answer


@contextmanager
def idle_connections(
    host: Host, target: str, count: int, *, sources: Sequence[str], words: Sequence[bytes]
) -> Iterator[Callable[[], int]]:
    """Hold many TCP connections open, on each of which one of the words was said and no more.

    Args:
        host: who holds them.
        target: with whom, on port 5060.
        count: how many.
        sources: addresses of the host that take turns.
        words: what is said, in turns.

    Yields:
        Counts those that the other side has not closed.
    """
    with ExitStack() as stack:
        held = []
        with entered(host.namespace):
            for number in range(count):
                source = (sources[number % len(sources)], 0)
                one = stack.enter_context(socket.create_connection((target, _PORT), 10, source))
                one.setblocking(False)
                held.append(one)
                _say(one, words[number % len(words)])
        yield lambda: sum(map(_is_open, held))


def _say(connection: socket.socket, word: bytes) -> None:
    """Send something short; one that was closed meanwhile stays so."""
    try:
        connection.send(word)
    except (BrokenPipeError, ConnectionResetError):
        return


def _is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(65_536))
    except BlockingIOError:
        return True
    except OSError:
        return False


def first_from(capture: Path, address: str) -> int:
    """When the first IPv4 frame of an address passed, in microseconds since 1970."""
    packed = socket.inet_aton(address)
    return next(time for time, frame in frames(capture) if frame[26:30] == packed)
