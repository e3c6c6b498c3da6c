"""The collector's page with numbers that the test chooses, served on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from zt.honeynet.collector.book.figures import Numbers
from zt.honeynet.collector.book.model import Ban
from zt.honeynet.collector.page import page_routes
from zt.honeynet.sighting import Kind

TODAY = date(2026, 11, 30)
NOW = 1_796_040_000  # noon of that day, seconds since 1970
PATIENCE = 20  # seconds
A_WEEK_AND_MORE = (812, 944, 1203, 760, 655, 1410, 1822, 1377, 990, 1105, 1644, 2033, 1581, 702)

NOTHING = Numbers(
    total={4: 0, 6: 0}, today=0, days=[], kinds=[], tools=[], regions=[], seen_by=[], honeypots=0,
    active=0, messages=0, waiting=0, newest=[],
)  # fmt: skip


def days(*counts: int) -> list[tuple[date, int]]:
    """Counts of days that end today."""
    return [(TODAY - timedelta(len(counts) - 1 - n), count) for n, count in enumerate(counts)]


def ban(address: str) -> Ban:
    """An address that was seen last on the day, in the morning."""
    last = (NOW - 7200) * 1_000_000
    return Ban(
        id=101, address=address, first=last, last=last, count=1, kinds=(Kind.SCAN,), honeypots=1,
        proven=True, tool="friendly-scanner", given=last,
    )  # fmt: skip


BUSY = dataclasses.replace(
    NOTHING,
    total={4: 11_873, 6: 214},
    today=702,
    days=days(*A_WEEK_AND_MORE),
    kinds=[(Kind.SCAN, 9120), (Kind.GUESS, 4411), (Kind.CALL, 1822), (Kind.BROKEN, 305)],
    tools=[("friendly-scanner", 5120), ("sipvicious", 1711), ("pplsip", 300), ("only-mine", 2)],
    regions=[("eu-central", 6001), ("us-east", 4100), ("ap-southeast", 3010)],
    honeypots=9,
    active=8,
    messages=1_834_221,
    newest=[ban("203.0.113.77"), ban("2001:db8:1234:5678:9abc:def0:1234:5678")],
)


def application(numbers: Numbers, **options: Any) -> Starlette:
    """The page alone; noon, unless the options say otherwise."""
    return Starlette(routes=page_routes(lambda: numbers, **{"clock": lambda: NOW} | options))


class Reader:
    """Asks an application in this process, as a client over HTTP would."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask for a path."""
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask with any method."""
        return asyncio.run(self._ask([(method, path)], options))[0]

    def crowd(self, readers: int, path: str) -> list[httpx.Response]:
        """What so many get who ask at once."""
        return asyncio.run(self._ask([("GET", path)] * readers, {}))

    async def _ask(
        self, requests: list[tuple[str, str]], options: dict[str, Any]
    ) -> list[httpx.Response]:
        transport = httpx.ASGITransport(self._application)
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as client:
            asked = (client.request(method, path, **options) for method, path in requests)
            return await asyncio.gather(*asked)


@contextmanager
def serving(application: ASGIApp) -> Iterator[str]:
    """A real server for an application, in a thread; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
        assert not thread.is_alive()
