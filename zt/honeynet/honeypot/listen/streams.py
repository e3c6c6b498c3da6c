"""SIP over TCP and TLS: accepts without ever spinning, and keeps the connections within bounds."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from zt.honeynet.honeypot.listen.buckets import Bucket, Buckets
from zt.honeynet.honeypot.listen.connections import Connections
from zt.honeynet.honeypot.listen.counters import ListenCounters
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.pending import Take
from zt.honeynet.honeypot.listen.sources import source_of
from zt.honeynet.honeypot.listen.stream import Stream
from zt.sip import Datagram

_ACCEPTED_AT_ONCE: Final = 64
_READS_AT_ONCE: Final = 4
_PAUSE: Final = 0.2  # seconds without accepting, where the system has no file descriptor left
_RESERVED_FILES: Final = 128  # for what else the process opens
_NO_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Streams:
    """All listening sockets for connections, and the connections.

    Args:
        limits: see there.
        tls: for endpoints of TLS.
        take: what is done with each message.
        clock: nanoseconds since 1970.
        now: microseconds that never go back.
        counters: where to count.
    """

    def __init__(
        self,
        limits: ListenLimits,
        tls: ssl.SSLContext | None,
        take: Take,
        clock: Callable[[], int],
        now: Callable[[], int],
        counters: ListenCounters,
    ) -> None:
        self._limits = limits
        self._tls = tls
        self._take = take
        self._clock = clock
        self._now = now
        self._counters = counters
        self._connects = Buckets(limits.connects_per_source, limits.sources)
        self._handshakes = Bucket(limits.handshakes)
        self._listening: list[socket.socket] = []
        self.connections = Connections(limits, _places(limits.connections))

    def listen(self, opened: socket.socket, transport: str) -> None:
        """Accept at a socket from now on; it is closed with the others."""
        self._loop = asyncio.get_running_loop()
        self._listening.append(opened)
        self._loop.add_reader(opened, self._accept, opened, transport)

    def advance(self, now: int) -> None:
        """Closes connections that were silent or slow for too long."""
        for stream in self.connections.late(now):
            self._counters.timed_out += 1
            self.end(stream)
        self._connects.expire(now)

    def close(self) -> None:
        """Closes everything."""
        for opened in self._listening:
            self._loop.remove_reader(opened)
            opened.close()
        self._listening.clear()
        for stream in list(self.connections):
            self.end(stream)

    def watch(self, stream: Stream, writing: bool) -> None:
        """See `Keeper`."""
        if writing:
            self._loop.add_writer(stream.socket, self._writable, stream)
        else:
            self._loop.remove_writer(stream.socket)

    def end(self, stream: Stream) -> None:
        """See `Keeper`. No goodbye is said, which the other side could make us wait for."""
        if stream.closed:
            return
        stream.closed = True
        self._loop.remove_reader(stream.socket)
        self._loop.remove_writer(stream.socket)
        self.connections.remove(stream)
        stream.socket.close()

    def _accept(self, opened: socket.socket, transport: str) -> None:
        for number in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, address = opened.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _NO_FILES:
                    continue  # the other side is gone again
                # Linux says so also where nobody waits; somebody does only at the first time.
                if number == 0:
                    self._make_room(opened, transport)
                return
            self._begin(accepted, address, transport)

    def _make_room(self, opened: socket.socket, transport: str) -> None:
        """Somebody waits, but there is no file descriptor: the oldest connection gives way."""
        self._counters.exhausted += 1
        if (oldest := self.connections.oldest()) is None:
            self._pause(opened, transport)
        else:
            self._evict(oldest)

    def _pause(self, opened: socket.socket, transport: str) -> None:
        """Accepts again a little later: the socket stays readable, and would be asked forever."""
        self._loop.remove_reader(opened)
        self._loop.call_later(_PAUSE, self._resume, opened, transport)

    def _resume(self, opened: socket.socket, transport: str) -> None:
        if opened in self._listening:
            self._loop.add_reader(opened, self._accept, opened, transport)

    def _begin(self, accepted: socket.socket, address: tuple[Any, ...], transport: str) -> None:
        self._counters.connections += 1
        now = self._now()
        try:
            peer = _packed(accepted.family, address)
            local = _packed(accepted.family, accepted.getsockname())
        except OSError:
            accepted.close()
            return
        source = source_of(peer[0])
        is_tls = transport == "tls" and self._tls is not None
        if not self._connects.take(source, now) or (is_tls and not self._handshakes.take(now)):
            self._counters.hurried += 1
            accepted.close()
            return
        while (other := self.connections.in_the_way(source)) is not None:
            self._evict(other)
        try:
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if is_tls and self._tls is not None:
                accepted = self._tls.wrap_socket(
                    accepted, server_side=True, do_handshake_on_connect=False
                )
        except (OSError, ValueError):
            self._counters.broken += 1
            accepted.close()
            return
        stream = Stream(accepted, peer, local, self._limits, self, now)
        self.connections.add(stream)
        self._loop.add_reader(accepted, self._readable, stream)

    def _evict(self, stream: Stream) -> None:
        self._counters.evicted += 1
        self.end(stream)

    def _readable(self, stream: Stream) -> None:
        if stream.closed:
            return
        if stream.is_shaking_hands and not self._shake_hands(stream):
            return
        try:
            for _ in range(_READS_AT_ONCE):
                if not self._read(stream):
                    return
        except BlockingIOError:
            return
        if stream.has_more:
            self._loop.call_soon(self._readable, stream)

    def _writable(self, stream: Stream) -> None:
        if stream.closed:
            return
        if stream.is_shaking_hands:
            self._shake_hands(stream)
        else:
            stream.write()

    def _shake_hands(self, stream: Stream) -> bool:
        done = stream.shake_hands(self._now())
        if done is None:
            self._counters.broken += 1
            self.end(stream)
        return done is True

    def _read(self, stream: Stream) -> bool:
        """Reads once; False at the connection's end.

        Raises:
            BlockingIOError: nothing is there.
        """
        found = stream.read(self._now())
        if found is None:
            self.end(stream)
            return False
        if stream.spoke and found:
            self.connections.heard(stream)
        for payload, cut in found:
            datagram = Datagram(
                self._clock() // 1_000,
                *stream.address,
                *stream.local,
                payload,
                stream.transport,
                cut,
                connected=True,
            )
            self._take(datagram, stream)
            if stream.closed:
                return False
        if stream.framing.broken:
            self._counters.broken += 1
            self.end(stream)
            return False
        if stream.framing.pings:
            stream.pong()
        return not stream.closed


def _packed(family: int, address: tuple[Any, ...]) -> tuple[bytes, int]:
    """A socket's address as bytes, without the interface of link-local ones, and its port."""
    host = address[0].partition("%")[0]
    return socket.inet_pton(family, host), address[1]


def _places(wanted: int) -> int:
    """How many connections the process has files for, once it has taken what it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _RESERVED_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    may_have = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (may_have, hard))
    return max(may_have - _RESERVED_FILES, 1)
