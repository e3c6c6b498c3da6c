"""The TCP connections of agents: bounded in number, and in what each may make us hold."""

from __future__ import annotations

import socket
from collections import OrderedDict

from zt.sip.hep.counters import HepCounters
from zt.sip.hep.framing import Framing
from zt.sip.hep.settings import HepSettings

_READ = 65_536  # bytes


class Connection:
    """One agent's stream."""

    __slots__ = ("framing", "heard", "socket")

    def __init__(self, opened: socket.socket, now: float) -> None:
        self.socket = opened
        self.framing = Framing()
        self.heard = now  # when its last message was complete

    def read(self) -> list[bytes] | None:
        """What is complete now; None when the connection has ended. Never blocks."""
        try:
            data = self.socket.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        return self.framing.feed(data) if data else None


class Connections:
    """All connections, the one that was silent for the longest time first.

    A stranger who opens as many as he can keeps nobody out for long: who sends no message gives
    way after `HepSettings.idle`, while agents send.

    Args:
        settings: how many, and when one counts as silent.
        counters: where to count.
    """

    def __init__(self, settings: HepSettings, counters: HepCounters) -> None:
        self._limit = settings.connections
        self._idle = settings.idle
        self._counters = counters
        self._open: OrderedDict[int, Connection] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def make_room(self, now: float) -> Connection | None:
        """Lets a silent connection go if there is no place for a new one; gives it, closed not yet.

        `full` says afterwards whether there is a place.
        """
        if len(self._open) < self._limit:
            return None
        oldest = next(iter(self._open.values()), None)
        if oldest is None or now - oldest.heard < self._idle:
            return None
        self._counters.connections_evicted += 1
        return oldest

    def full(self) -> bool:
        """Whether no more connection can be taken."""
        return len(self._open) >= self._limit

    def add(self, opened: socket.socket, now: float) -> Connection:
        """Takes a new connection."""
        opened.setblocking(False)
        # An agent whose machine died says no goodbye.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(opened, now)
        self._open[opened.fileno()] = connection
        self._counters.connections += 1
        return connection

    def heard(self, connection: Connection, now: float) -> None:
        """Notes that a message came."""
        connection.heard = now
        self._open.move_to_end(connection.socket.fileno())

    def remove(self, connection: Connection) -> None:
        """Closes one."""
        self._open.pop(connection.socket.fileno(), None)
        connection.socket.close()

    def close(self) -> None:
        """Closes all."""
        while self._open:
            self._open.popitem()[1].socket.close()
