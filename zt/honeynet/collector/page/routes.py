"""The page, its style and its icon over HTTP.

The page is made at most once in some seconds, by a thread; whoever comes meanwhile gets the one
before. A page that took long to make, since the book is large, is good for longer: so a crowd of
readers costs the collector a twentieth of its time at most. Its policy for browsers allows its own
style and icon, and nothing else: no script, no form, no frame, nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zt.errors import ZtError
from zt.honeynet.collector.book.figures import Numbers
from zt.honeynet.collector.page.countries import Countries
from zt.honeynet.collector.page.view import view_of
from zt.sip.geoip import Places

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Of all answers here."""

_REST: Final = 20  # times as long as a page took to make, it is good for at least
_FOREVER: Final = "public, max-age=31536000, immutable"
_HERE: Final = files("zt.honeynet.collector.page")


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What an operator says about the page.

    Attributes:
        name: what the page calls the honeynet.
        url: where the collector is reached, as `https://bans.example.org`; for the examples.
        contact: whom to ask for a key, or to remove an address: an address of mail or the web.
        newest: how many of the newest addresses everybody may see. None, unless it is said.
        fresh: seconds that a page is good for, at least.
    """

    name: str = "Honeynet"
    url: str = "https://COLLECTOR"
    contact: str = ""
    newest: int = 0
    fresh: float = 10


def page_routes(
    numbers: Callable[[], Numbers],
    *,
    settings: PageSettings | None = None,
    places: Places | None = None,
    addresses: Callable[[], Iterable[str]] = tuple,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.monotonic,
) -> list[Route]:
    """The routes of the front page: `/`, and its style and icon, named by what they hold.

    Args:
        numbers: gives the collector's numbers; called in a thread, one call at a time.
        settings: what the operator says.
        places: looks countries up; without it there is no table of them.
        addresses: all addresses that are listed, for that table; called in a thread, seldom.
        clock: seconds since 1970.
        timer: seconds that only grow.
    """
    return _Page(numbers, settings or PageSettings(), places, addresses, clock, timer).routes()


class _Page:
    def __init__(
        self,
        numbers: Callable[[], Numbers],
        settings: PageSettings,
        places: Places | None,
        addresses: Callable[[], Iterable[str]],
        clock: Callable[[], float],
        timer: Callable[[], float],
    ) -> None:
        self._numbers = numbers
        self._settings = settings
        self._countries = Countries(places, addresses, timer) if places else None
        self._clock = clock
        self._timer = timer
        self._style = _Asset("style.css", "text/css; charset=utf-8")
        self._icon = _Asset("icon.svg", "image/svg+xml")
        loader = PackageLoader("zt.honeynet.collector.page")
        environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._template = environment.get_template("page.html")
        self._made: _Made | None = None
        self._until = 0.0
        self._making = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route(self._style.path, self._style.answer),
            Route(self._icon.path, self._icon.answer),
        ]

    async def page(self, request: Request) -> Response:
        """The page; an older one while a newer one is made."""
        made = self._made
        if made is None or (self._is_old() and not self._making.locked()):
            async with self._making:
                if self._made is None or self._is_old():
                    try:
                        self._made = await run_in_threadpool(self._make)
                    except ZtError:
                        return Response(
                            "the numbers can't be read now; try again in a minute\n", 503,
                            HEADERS | {"Retry-After": "60"}, "text/plain; charset=utf-8",
                        )  # fmt: skip
                made = self._made
        return made.answer(request)

    def _is_old(self) -> bool:
        return self._timer() >= self._until

    def _make(self) -> _Made:
        begin = self._timer()
        numbers = self._numbers()
        now = datetime.fromtimestamp(self._clock(), UTC)
        countries = self._countries.counts() if self._countries else None
        html = self._template.render(
            view=view_of(numbers, countries, now, self._settings.newest),
            settings=self._settings,
            style=self._style.path,
            icon=self._icon.path,
        )
        end = self._timer()
        good = max(self._settings.fresh, _REST * (end - begin))
        self._until = end + good
        return _made(html.encode(), "text/html; charset=utf-8", f"public, max-age={int(good)}")


class _Made(NamedTuple):
    """What is sent; each reader gets an answer of its own, which others may add headers to."""

    body: bytes
    media_type: str
    headers: dict[str, str]

    def answer(self, request: Request) -> Response:
        """The whole, or that the reader has it already (RFC 9110, section 13.1.2)."""
        known = request.headers.get("if-none-match", "")
        if self.headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(None, 304, self.headers)
        return Response(self.body, 200, self.headers, self.media_type)


class _Asset:
    """A file that comes with the page, at a path that changes with what it holds."""

    def __init__(self, name: str, media_type: str) -> None:
        body = _HERE.joinpath(name).read_bytes()
        stem, _, suffix = name.partition(".")
        self.path = f"/{stem}-{_digest(body)}.{suffix}"
        self._made = _made(body, media_type, _FOREVER)

    async def answer(self, request: Request) -> Response:
        """The file."""
        return self._made.answer(request)


def _made(body: bytes, media_type: str, cache: str) -> _Made:
    headers = HEADERS | {"Cache-Control": cache, "ETag": f'"{_digest(body)}"'}
    return _Made(body, media_type, headers)


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=8).hexdigest()
