"""Accepts connections, past the doorkeeper, and speaks TLS with them where it is asked to.

asyncio's own servers know nothing of a connection until its TLS handshake is over; here each one
counts from the moment that it is accepted.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, cast

from uvicorn import Config, Server

from zt.errors import InputError
from zt.honeynet.collector.web.connections import Connection
from zt.honeynet.collector.web.doorkeeper import Doorkeeper, Guest

BACKLOG: Final = 1_024
_PAUSE: Final = 0.25  # seconds, when there are no descriptors or no memory
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0: any free one.

    Raises:
        InputError: nobody can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where a socket says that it is TCP
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
        found.setblocking(False)
    except OSError as error:
        found.close()
        raise InputError(
            f"can't listen on {host} port {port}: {(error.strerror or str(error)).lower()}",
            "give a free port of an address of this machine, such as 127.0.0.1:8464",
        ) from None
    return found


class Listener:
    """One socket, from which connections are accepted until it is closed.

    Args:
        make: makes the protocol of a connection that was let in.
        context: of TLS; None: plain.
    """

    def __init__(
        self,
        listening: socket.socket,
        doorkeeper: Doorkeeper,
        make: Callable[[Guest], Connection],
        context: ssl.SSLContext | None,
    ) -> None:
        self._listening = listening
        self._doorkeeper = doorkeeper
        self._make = make
        self._context = context
        self._shaking: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._accept())

    def close(self) -> None:
        """Accept no more."""
        self._task.cancel()
        for task in self._shaking:
            task.cancel()
        self._listening.close()

    async def wait_closed(self) -> None:
        """Wait for what `close` stopped."""
        await asyncio.gather(self._task, *self._shaking, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(self._listening)
            except OSError as error:
                if error.errno in _EXHAUSTED:  # others need the time more
                    await asyncio.sleep(_PAUSE)
                continue
            guest = self._doorkeeper.enter(address[0])
            if guest is None:
                accepted.close()
                continue
            task = loop.create_task(self._greet(accepted, guest))
            guest.close = partial(_cancel, task)
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    async def _greet(self, accepted: socket.socket, guest: Guest) -> None:
        """Make a connection of what was accepted."""
        loop = asyncio.get_running_loop()
        seconds = self._doorkeeper.limits.handshake_seconds if self._context else None
        try:
            # which closes the socket, however it fails
            await loop.connect_accepted_socket(
                lambda: self._make(guest),
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=seconds,
            )
        except (OSError, asyncio.CancelledError):  # TLS errors are of the first kind
            self._doorkeeper.leave(guest)


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


class HttpServer(Server):
    """uvicorn's server, over listeners of our own; signals are the caller's.

    Args:
        context: of TLS; None: plain.
    """

    def __init__(
        self, config: Config, doorkeeper: Doorkeeper, context: ssl.SSLContext | None
    ) -> None:
        super().__init__(config)
        self._doorkeeper = doorkeeper
        self._context = context

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them to the caller."""
        yield

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Begin to accept."""
        listeners = [
            Listener(listening, self._doorkeeper, self._connection, self._context)
            for listening in sockets or ()
        ]
        # of which uvicorn knows no more than that they can be closed
        self.servers = cast("list[asyncio.Server]", listeners)
        self.started = True

    def _connection(self, guest: Guest) -> Connection:
        return Connection(self.config, self.server_state, self._doorkeeper, guest)
