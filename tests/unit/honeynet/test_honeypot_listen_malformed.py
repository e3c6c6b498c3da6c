"""Two hundred thousand broken messages: the server stays up, silent, and as large as it was."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.listening import TIMEOUT, client, request
from support.sip_mutations import Mutator, seeds

MEASURED = 200_000
WARM_UP = 20_000
GROWTH = 6 * 1024 * 1024  # bytes; holding one in a hundred messages would take more
AT_ONCE = 40  # datagrams that find room in the kernel's buffer
ON_A_CONNECTION = 8
SOURCES = 50

HERE = Path(__file__).parent


class State(NamedTuple):
    """What the server says of itself."""

    resident: int
    messages: int
    logged: int


class Server:
    """The process of `listening_server`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.udp, self.tcp = map(int, self._line().split())

    def state(self) -> State:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return State(*map(int, self._line().split()))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@pytest.fixture
def server() -> Iterator[Server]:
    paths = os.pathsep.join([str(HERE.parents[1]), str(HERE.parents[2])])
    with subprocess.Popen(
        [sys.executable, str(HERE / "listening_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    ) as process:
        try:
            yield Server(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()  # it ends then
            process.wait(TIMEOUT)


def send_datagrams(server: Server, mutator: Mutator, count: int) -> None:
    """Sends so many, no faster than they are read."""
    with client("127.0.0.1", server.udp, socket.SOCK_DGRAM) as opened:
        for number in range(0, count, AT_ONCE):
            for _ in range(min(AT_ONCE, count - number)):
                opened.send(mutator.message())
            mark = b"mark%d" % number
            opened.send(request(call=mark.decode()))
            while opened.recv(9_000) != b"SIP/2.0 200 " + mark[:9]:
                pass


def send_streams(server: Server, mutator: Mutator, count: int) -> None:
    """Sends so many over connections, several on each, to the server's end or ours."""
    for number in range(0, count, ON_A_CONNECTION):
        source = f"127.0.1.{number // ON_A_CONNECTION % SOURCES + 1}"
        with client("127.0.0.1", server.tcp, socket.SOCK_STREAM, source) as opened:
            messages = [mutator.message() for _ in range(ON_A_CONNECTION)]
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                opened.sendall(b"".join(messages))
                opened.shutdown(socket.SHUT_WR)
                while opened.recv(65_536):
                    pass


@pytest.mark.slow
def test_broken_messages_neither_stop_it_nor_make_it_grow_nor_write_to_its_log(
    server: Server,
) -> None:
    mutator = Mutator(7, seeds())
    send_datagrams(server, mutator, WARM_UP)
    send_streams(server, mutator, WARM_UP)
    before = server.state()
    send_datagrams(server, mutator, MEASURED // 2)
    halfway = server.state()
    send_streams(server, mutator, MEASURED // 2)
    after = server.state()

    assert halfway.messages - before.messages == MEASURED // 2 + MEASURED // 2 // AT_ONCE
    assert after.messages - halfway.messages >= MEASURED // 2 // ON_A_CONNECTION // 2
    assert after.logged == 0
    assert after.resident - before.resident < GROWTH
    for kind, port in ((socket.SOCK_DGRAM, server.udp), (socket.SOCK_STREAM, server.tcp)):
        with client("127.0.0.1", port, kind) as opened:
            opened.sendall(request(call="still"))
            assert opened.recv(9_000) == b"SIP/2.0 200 still"
