"""Around all routes: no exception reaches a client, and browsers are told to trust nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zt.errors import ZtError
from zt.honeynet.collector.web.answers import problem

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On each answer that does not say otherwise."""

_HSTS: Final = ("strict-transport-security", "max-age=31536000")


class Protection:
    """Wraps an application.

    Version 1 of APIBAN has keys in its paths, so neither an address that was asked for nor an
    exception's text, which might quote it, is logged: only the exception's kind and the line of
    this program.

    Args:
        say: takes a line for the log.
    """

    def __init__(self, app: ASGIApp, say: Callable[[str], None]) -> None:
        self._app = app
        self._say = say
        self.answers: Counter[str] = Counter()
        """Answers by their status's class, as `2xx`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self.answers[f"{message['status'] // 100}xx"] += 1
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault(*_HSTS)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001
            self._say(f"an answer failed: {_kind_and_place(error)}")
            if started:
                return  # the connection is closed, and the client sees that something is missing
            answer = problem(500, "internal error")
            if isinstance(error, ZtError):  # as when the disk is full
                answer = problem(503, "this does not work for the moment", {"retry-after": "10"})
            await answer(scope, receive, send_on)


def _kind_and_place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = Path(trace.tb_frame.f_code.co_filename).name
    return f"{type(error).__name__} at {file}:{trace.tb_lineno}"


async def no_route(request: Request, error: Exception) -> Response:
    """The answer where there is no such route, or not by this method."""
    assert isinstance(error, HTTPException)
    text = "there is no such method here" if error.status_code == 405 else "there is nothing here"
    return problem(error.status_code, text, error.headers)
