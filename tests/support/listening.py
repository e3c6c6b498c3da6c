"""A honeypot's server at work, with partners that do as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self

from zt.honeynet.honeypot.listen.endpoints import Endpoint, parse_endpoint
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.server import Honeypot
from zt.sip import Datagram
from zt.sip.parse import Message

TIMEOUT = 20.0
"""Seconds until a test gives up; no test takes so long."""


class Said(NamedTuple):
    """A reply."""

    payload: bytes
    delay: int = 0


Answering = Callable[[Message, Datagram], Sequence[Said]]


def say_ok(message: Message, datagram: Datagram) -> list[Said]:
    """Answers everything by a word that says which message it was."""
    return [Said(b"SIP/2.0 200 " + message.call_id.encode())]


class Script:
    """A lure that a test wrote."""

    def __init__(self, answering: Answering = say_ok) -> None:
        self.answering = answering
        self.late: list[tuple[Datagram, bytes]] = []

    def answer(self, message: Message, datagram: Datagram) -> Sequence[Said]:
        return self.answering(message, datagram)

    def advance(self, now: int) -> Sequence[tuple[Datagram, bytes]]:
        late, self.late = self.late, []
        return late


class Diary:
    """A recorder that keeps what it sees."""

    def __init__(self) -> None:
        self.all: list[Datagram] = []
        self.advanced = self.turns = 0
        self.failure: Exception | None = None  # of `seen`
        self.blocked: Exception | None = None  # of `advance`

    def seen(self, datagram: Datagram, message: Message | None = None) -> None:
        if self.failure is not None:
            raise self.failure
        self.all.append(datagram)

    def advance(self, now: int) -> None:
        if self.blocked is not None:
            raise self.blocked
        self.advanced = now
        self.turns += 1


class Forgetful(Diary):
    """A recorder for long runs: it only counts."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def seen(self, datagram: Datagram, message: Message | None = None) -> None:
        self.count += 1


class Running:
    """A server in a thread of its own, with everything that was logged meanwhile.

    Args:
        endpoints: where it listens, as text.
        lure, recorder, limits, tls: see `Honeypot`.
    """

    def __init__(
        self,
        *endpoints: str,
        lure: Script | None = None,
        recorder: Diary | None = None,
        limits: ListenLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.lure = lure or Script()
        self.diary = recorder or Diary()
        self.honeypot = Honeypot(
            [parse_endpoint(text) for text in endpoints], self.lure, self.diary, limits, tls
        )
        self.failure: BaseException | None = None
        self.log: list[str] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._handler = _Keeping(self.log)
        logging.getLogger().addHandler(self._handler)
        self._thread.start()
        assert self._started.wait(TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        logging.getLogger().removeHandler(self._handler)

    @property
    def addresses(self) -> tuple[Endpoint, ...]:
        return self.honeypot.addresses

    def port(self, number: int = 0) -> int:
        return self.addresses[number].port

    def stop(self) -> None:
        """Ends it, if it has not ended, and waits until it has."""
        with contextlib.suppress(RuntimeError):  # its loop is closed already
            self._loop.call_soon_threadsafe(self._until.set)
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()

    def ended(self) -> bool:
        """Waits until it ends by itself; says whether it did."""
        self._thread.join(TIMEOUT)
        return not self._thread.is_alive()

    def figure(self, name: str, label: str = "") -> int:
        """One of its figures, asked for in its own thread."""
        return self.ask(lambda: self._figure(name, label))

    def wait(self, test: Callable[[], bool]) -> None:
        """Waits until a test of it holds."""
        end = time.monotonic() + TIMEOUT
        while not test():
            assert time.monotonic() < end, "it never came so far"
            time.sleep(0.005)

    def ask(self, question: Callable[[], int]) -> int:
        """What a function gives in the server's thread."""

        async def run() -> int:
            return question()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(TIMEOUT)

    def _figure(self, name: str, label: str) -> int:
        value = {one.name: one.value for one in self.honeypot.figures()}[f"listen_{name}"]
        if isinstance(value, int):
            return value
        assert not isinstance(value, float)
        return int(value[label] if label else sum(value.values()))

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.failure = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = asyncio.Event()
        await self.honeypot.start()
        self._loop.call_soon(self._started.set)
        await self.honeypot.run(self._until)


class _Keeping(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


def request(method: str = "OPTIONS", call: str = "a", *, extra: str = "", body: str = "") -> bytes:
    """A request that every parser takes, long enough for a reply."""
    return (
        f"{method} sip:100@honeypot.example SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1\r\n"
        "From: <sip:scanner@example.org>;tag=1\r\n"
        "To: <sip:100@honeypot.example>\r\n"
        f"Call-ID: {call}\r\n"
        f"CSeq: 1 {method}\r\n"
        f"{extra}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@contextlib.contextmanager
def client(
    host: str, port: int, kind: socket.SocketKind, bind: str = ""
) -> Iterator[socket.socket]:
    """A socket that is connected to a server, perhaps from a certain address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as opened:
        opened.settimeout(TIMEOUT)
        if bind:
            opened.bind((bind, 0))
        opened.connect((host, port))
        yield opened
