"""Which connections the collector holds, and which must go: so many in all, and of one source.

A few clients that open connections and say nothing ("slow-loris") would take all sockets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from zt.honeynet.collector.web.rates import network_of
from zt.honeynet.collector.web.sources import Sources


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What connections may cost.

    Attributes:
        connections: in all. Where there are more, the oldest that waits for its client gives way.
        each_source: of one IPv4 address, or one /64 of IPv6; trusted proxies have no such limit.
        head_bytes: of a request's line and headers.
        message_bytes: of a request, all together.
        handshake_seconds: for TLS.
        request_seconds: from the first moment that a request may come to its end.
        stalled_seconds: how long a client may take nothing of an answer.
    """

    connections: int = 1_000
    each_source: int = 64
    head_bytes: int = 32 * 1024
    message_bytes: int = 1024 * 1024
    handshake_seconds: float = 5.0
    request_seconds: float = 20.0
    stalled_seconds: float = 20.0


class Guest:
    """A connection, from its acceptance to its end.

    Attributes:
        source: whose share it counts to; None: nobody's.
        is_waiting: tells whether the next step is the client's.
        close: ends it at once.
    """

    def __init__(self, source: str | None) -> None:
        self.source = source
        self.is_waiting: Callable[[], bool] = lambda: True
        self.close: Callable[[], None] = lambda: None


class Doorkeeper:
    """Lets connections in.

    Args:
        sources: says which peers are proxies.
    """

    def __init__(self, limits: ConnectionLimits, sources: Sources) -> None:
        self.limits = limits
        self.refused = 0  # not let in, or sent away to make room
        self.misbehaved = 0  # sent away since they were too slow, or sent too much
        self._sources = sources
        self._guests: dict[Guest, None] = {}  # oldest first
        self._of_source: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, peer: str) -> Guest | None:
        """A new connection; None: it must go."""
        source = None if self._sources.is_proxy(peer) else network_of(peer)
        if source is not None and self._of_source[source] >= self.limits.each_source:
            self.refused += 1
            return None
        if len(self._guests) >= self.limits.connections:
            self.refused += 1
            oldest = next((guest for guest in self._guests if guest.is_waiting()), None)
            if oldest is None:
                return None
            self.leave(oldest)
            oldest.close()
        guest = Guest(source)
        self._guests[guest] = None
        if source is not None:
            self._of_source[source] += 1
        return guest

    def leave(self, guest: Guest) -> None:
        """A connection is no more; harmless a second time."""
        if guest not in self._guests:
            return
        del self._guests[guest]
        if guest.source is not None:
            self._of_source[guest.source] -= 1
            if not self._of_source[guest.source]:
                del self._of_source[guest.source]
