"""The honeypot's server: it listens on many endpoints at once, and never does what it is told.

Messages come from `UdpListener` and `Streams`, pass the `Desk`, and are answered as the lure says.
It places no call, relays nothing, opens no connection, and writes no file. Everything runs in one
thread, by callbacks of asyncio; none of them waits.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from analytics.wire.errors import AnalyticsError
from keys.errors import KeysError
from zt.errors import InputError, ZtError
from zt.honeynet.honeypot.listen.counters import LABELS, MEANINGS, ListenCounters
from zt.honeynet.honeypot.listen.desk import Desk
from zt.honeynet.honeypot.listen.endpoints import Endpoint, open_endpoint
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.partners import Answerer, Witness
from zt.honeynet.honeypot.listen.pending import Way
from zt.honeynet.honeypot.listen.streams import Streams
from zt.honeynet.honeypot.listen.udp import UdpListener
from zt.metrics import Figure
from zt.sip import Datagram
from zt.sip.tables import NEVER, SECOND
from zt.sockets import dropped

_TURN: Final = 0.1  # seconds from one look at the time to the next
_EXPECTED: Final = (ZtError, KeysError, AnalyticsError)


class Honeypot:
    """A SIP server for attackers.

    An error of the way that events go (from the recorder: `ZtError` and its like, and what writing
    raises) ends `run`: who can't record, doesn't listen. Any other exception is a defect; it costs
    the message at hand, and is left to asyncio's logger.

    Args:
        endpoints: where to listen.
        lure: says what is answered.
        recorder: writes down what comes and what is sent. It is not told the end: who made it
            finishes it, after `close`.
        limits: what strangers may take.
        tls: certificate and key, for endpoints of TLS.
        clock: nanoseconds since 1970.

    Raises:
        InputError: there is nowhere to listen, or no certificate for TLS.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        lure: Answerer,
        recorder: Witness,
        limits: ListenLimits | None = None,
        tls: ssl.SSLContext | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        if not endpoints:
            raise InputError("no address to listen on", "give one, such as udp:0.0.0.0:5060")
        if tls is None and any(endpoint.transport == "tls" for endpoint in endpoints):
            raise InputError(
                "listening for TLS needs a certificate", "give files of a certificate and its key"
            )
        self._endpoints = tuple(endpoints)
        self._limits = limits = limits or ListenLimits()
        self._clock = clock
        self._counters = ListenCounters()
        self._desk = Desk(lure, recorder, limits, clock, _now, self._counters)
        self._streams = Streams(limits, tls, self._take, clock, _now, self._counters)
        self._udp: list[UdpListener] = []
        self._addresses: tuple[Endpoint, ...] = ()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_time = NEVER
        self._next_turn: asyncio.TimerHandle | None = None
        self._closed_drops = 0
        self._failure: Exception | None = None

    @property
    def addresses(self) -> tuple[Endpoint, ...]:
        """Where it listens, in the order of its endpoints, with the ports that the kernel chose."""
        return self._addresses

    async def start(self) -> None:
        """Listen from now on.

        Raises:
            InputError: an address can't be used; then it listens nowhere.
        """
        self._loop = asyncio.get_running_loop()
        found = []
        try:
            for endpoint in self._endpoints:
                opened = open_endpoint(endpoint, self._limits.receive_buffer)
                found.append(endpoint._replace(port=opened.getsockname()[1]))
                if endpoint.transport != "udp":
                    self._streams.listen(opened, endpoint.transport)
                    continue
                listener = UdpListener(
                    opened, self._limits.message_bytes, self._take, self._clock, self._counters
                )
                self._udp.append(listener)
                self._loop.add_reader(opened, listener.read)
        except InputError:
            await self.close()
            raise
        self._addresses = tuple(found)

    async def run(self, until: asyncio.Event) -> None:
        """Work until the event is set; then close. Starts if it was not started.

        Raises:
            ZtError, KeysError, AnalyticsError, OSError: it can't begin, or its events can't go
                their way.
        """
        if not self._addresses:
            await self.start()
        self._stopped = asyncio.Event()
        before = self._loop.get_exception_handler()
        self._loop.set_exception_handler(self._failed)
        self._turn()
        waiting = [asyncio.ensure_future(event.wait()) for event in (until, self._stopped)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
            await self.close()
            self._loop.set_exception_handler(before)
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Listen no more, and let all connections go. Replies that wait are not sent."""
        for timer in (self._alarm, self._next_turn):
            if timer is not None:
                timer.cancel()
        self._alarm = self._next_turn = None
        self._desk.close()
        for listener in self._udp:
            self._loop.remove_reader(listener.socket)
            self._closed_drops += dropped(listener.socket)
            listener.socket.close()
        self._udp.clear()
        self._streams.close()

    def figures(self) -> list[Figure]:
        """What it has seen and done; names begin with `listen_`."""
        drops = self._closed_drops + sum(dropped(listener.socket) for listener in self._udp)
        found = [
            Figure(
                f"listen_{field.name}",
                _copy(getattr(self._counters, field.name)),
                MEANINGS[field.name],
                label=LABELS.get(field.name, ""),
            )
            for field in fields(self._counters)
        ]
        found.append(Figure("listen_kernel_drops", drops, "Datagrams that the kernel dropped."))
        sizes = self._desk.sizes() | {"connections": len(self._streams.connections)}
        found.append(
            Figure("listen_entries", sizes, "Entries of tables.", is_now=True, label="table")
        )
        held = self._streams.connections.held
        found.append(
            Figure("listen_held_bytes", held, "Bytes of incomplete messages.", is_now=True)
        )
        return found

    def _take(self, datagram: Datagram, way: Way) -> None:
        self._desk.take(datagram, way)
        due = self._desk.next()
        if due < self._alarm_time:
            self._set_alarm(due)

    def _turn(self) -> None:
        """Lets time pass for everybody."""
        self._next_turn = self._loop.call_later(_TURN, self._turn)
        self._streams.advance(_now())
        try:
            self._desk.advance(self._find_way)
        except OSError as error:  # events can't be written; sockets' own errors never come here
            self._fail(error)

    def _set_alarm(self, due: int) -> None:
        """Has the next reply that waits be sent in its time."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_time = due
        delay = max(due - _now(), 0) / SECOND
        self._alarm = self._loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._alarm_time = NEVER
        try:
            self._desk.send_due()
        finally:
            if (due := self._desk.next()) != NEVER:
                self._set_alarm(due)

    def _find_way(self, request: Datagram) -> Way | None:
        """How to reach who sent a request, if that is still possible."""
        if request.connected:
            return self._streams.connections.find(request)
        ways = (listener.way(request) for listener in self._udp)
        return next((way for way in ways if way is not None), None)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback raised: see the class."""
        error = context.get("exception")
        if isinstance(error, _EXPECTED):
            self._fail(error)
        else:
            loop.default_exception_handler(context)

    def _fail(self, error: Exception) -> None:
        """Ends `run` by an error."""
        self._failure = self._failure or error
        self._stopped.set()


def _now() -> int:
    """Microseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1_000


def _copy(value: int | Mapping[str, int]) -> int | dict[str, int]:
    return value if isinstance(value, int) else dict(value)
