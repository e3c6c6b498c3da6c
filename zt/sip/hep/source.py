"""The HEP source: sockets in, datagrams out."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from ipaddress import ip_address

from zt.errors import InputError
from zt.sip.capture import Datagram, Duplicates
from zt.sip.hep import sockets
from zt.sip.hep.connections import Connection, Connections
from zt.sip.hep.counters import HepCounters
from zt.sip.hep.decoder import HepDecoder
from zt.sip.hep.settings import HepSettings
from zt.sip.hep.sockets import Endpoint
from zt.sockets import dropped

_AT_ONCE = 1_000  # datagrams from one socket before the others have their turn
_MAX_MESSAGE = 65_535  # bytes


class HepSource:
    """Takes HEP from agents over UDP and TCP; a `zt.sip.source.Source`.

    HEP inside of TLS is not spoken: let a proxy (stunnel, HAProxy) end it in front of the probe.

    Args:
        listen_udp: where to take datagrams.
        listen_tcp: where to take connections.
        settings: key, agents, bounds.
        duplicates: what knows a message that another agent, or another source, has mirrored
            already; None makes one.

    Raises:
        InputError: there is nowhere to listen, or an address can't be used.
    """

    def __init__(
        self,
        listen_udp: Sequence[Endpoint] = (),
        listen_tcp: Sequence[Endpoint] = (),
        settings: HepSettings | None = None,
        duplicates: Duplicates | None = None,
    ) -> None:
        if not listen_udp and not listen_tcp:
            raise InputError("no address to listen for HEP on", "give one, such as 127.0.0.1:9060")
        settings = settings or HepSettings()
        self._counters = HepCounters()
        self._decoder = HepDecoder(settings, self._counters, duplicates)
        self._connections = Connections(settings, self._counters)
        self._agents = settings.agents
        self._is_agent = lru_cache(maxsize=4_096)(self._in_networks)
        self._selector = selectors.DefaultSelector()
        self._udp: list[socket.socket] = []
        self._tcp: list[socket.socket] = []
        self._closed_drops = 0
        self._closed = False
        try:
            for endpoint in listen_udp:
                self._udp.append(sockets.udp(endpoint, settings.receive_buffer))
            for endpoint in listen_tcp:
                self._tcp.append(sockets.tcp(endpoint))
        except InputError:
            self.close()
            raise
        for opened in self._udp:
            self._selector.register(opened, selectors.EVENT_READ, self._datagrams)
        for opened in self._tcp:
            self._selector.register(opened, selectors.EVENT_READ, self._accept)

    @property
    def udp_endpoints(self) -> list[Endpoint]:
        """Where datagrams are taken, with the ports that the kernel chose."""
        return [opened.getsockname()[:2] for opened in self._udp]

    @property
    def tcp_endpoints(self) -> list[Endpoint]:
        """Where connections are taken, with the ports that the kernel chose."""
        return [opened.getsockname()[:2] for opened in self._tcp]

    def read(self, timeout: float) -> list[Datagram]:
        """See `zt.sip.source.Source`."""
        found: list[Datagram] = []
        if self._closed:
            return found
        for key, _ in self._selector.select(max(timeout, 0.0)):
            if isinstance(key.data, Connection):
                self._stream(key.data, found)
            else:
                key.data(key.fileobj, found)
        return found

    def counters(self) -> dict[str, int]:
        """See `zt.sip.source.Source`; the names are those of `HepCounters`, and two more."""
        drops = self._closed_drops + sum(dropped(opened) for opened in self._udp)
        return {
            **asdict(self._counters),
            "kernel_drops": drops,
            "connections_open_now": len(self._connections),
        }

    def close(self) -> None:
        """See `zt.sip.source.Source`."""
        self._closed = True
        self._closed_drops += sum(dropped(opened) for opened in self._udp)
        self._connections.close()
        for opened in (*self._udp, *self._tcp):
            opened.close()
        self._udp.clear()
        self._tcp.clear()
        self._selector.close()

    def _datagrams(self, opened: socket.socket, found: list[Datagram]) -> None:
        decode, clock = self._decoder.decode, time.time_ns
        for _ in range(_AT_ONCE):
            try:
                data, address = opened.recvfrom(_MAX_MESSAGE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error about something we never sent
                continue
            if self._agents and not self._is_agent(address[0]):
                self._counters.strangers += 1
                continue
            datagram = decode(data, clock() // 1_000)
            if datagram is not None:
                found.append(datagram)

    def _accept(self, opened: socket.socket, found: list[Datagram]) -> None:
        try:
            connected, address = opened.accept()
        except OSError:  # gone again, or no file descriptor is left
            return
        if self._agents and not self._is_agent(address[0]):
            self._counters.strangers += 1
            connected.close()
            return
        now = time.monotonic()
        if (silent := self._connections.make_room(now)) is not None:
            self._drop(silent)
        if self._connections.full():
            self._counters.connections_refused += 1
            connected.close()
            return
        connection = self._connections.add(connected, now)
        self._selector.register(connected, selectors.EVENT_READ, connection)

    def _stream(self, connection: Connection, found: list[Datagram]) -> None:
        if connection.socket.fileno() < 0:  # evicted in this very turn
            return
        messages = connection.read()
        if messages is None:
            self._drop(connection)
            return
        arrival = time.time_ns() // 1_000
        for message in messages:
            datagram = self._decoder.decode(message, arrival)
            if datagram is not None:
                found.append(datagram)
        if messages:
            self._connections.heard(connection, time.monotonic())
        if connection.framing.broken:
            self._counters.connections_broken += 1
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        self._connections.remove(connection)

    def _in_networks(self, host: str) -> bool:
        # A link-local address comes with its interface: fe80::1%eth0
        address = ip_address(host.partition("%")[0])
        return any(address in network for network in self._agents)
