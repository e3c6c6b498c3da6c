"""One connection: HTTP/1.1 as uvicorn speaks it, with limits where it has none.

uvicorn bounds neither a request's head nor the time that a client may take for it. Here a
connection costs at most `ConnectionLimits.message_bytes` and some buffers, and lasts no longer
than its client keeps moving.
"""

from __future__ import annotations

import asyncio

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from zt.honeynet.collector.web.doorkeeper import Doorkeeper, Guest


class Connection(HttpToolsProtocol):
    """A connection that was let in.

    Args:
        config, server_state: uvicorn's.
        doorkeeper: is told of its end.
        guest: what the doorkeeper knows it by.
    """

    def __init__(
        self, config: Config, server_state: ServerState, doorkeeper: Doorkeeper, guest: Guest
    ) -> None:
        super().__init__(config, server_state, {})
        self._doorkeeper = doorkeeper
        self._limits = doorkeeper.limits
        self._guest = guest
        self._received = 0  # bytes of the request that is coming
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._guest.is_waiting = self._is_waiting
        self._guest.close = transport.abort
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_has_come()
        self.resume_writing()
        self._doorkeeper.leave(self._guest)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._deadline is None and self._in_head:
            self._expect_request()
        super().data_received(data)
        most = self._limits.head_bytes if self._in_head else self._limits.message_bytes
        if self._received > most and not self.transport.is_closing():
            self._send_away()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # uvicorn would append the trailers of a chunked body to the headers, without end
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes:
            raise ValueError("head too large")  # of which the parser makes a 400
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._request_has_come()
        self._received = 0
        self._in_head = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self._limits.stalled_seconds, self._send_away)

    def resume_writing(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def _is_waiting(self) -> bool:
        return self._deadline is not None or self.cycle is None or self.cycle.response_complete

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(self._limits.request_seconds, self._send_away)

    def _request_has_come(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _send_away(self) -> None:
        self._doorkeeper.misbehaved += 1
        self.transport.abort()
