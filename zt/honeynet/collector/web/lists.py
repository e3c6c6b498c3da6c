"""Whole lists over HTTP: `GET /lists/ipv4.txt`, in each format of `formats`, with a key.

Making a list reads all bans, so it is made only when the book has changed, at most once in `FRESH`
however many ask, and beside the loop that answers requests. A client that has it still
(`If-None-Match`) is sent nothing again.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import Edition, Family
from zt.honeynet.collector.web.admission import Admission, DeniedError, TooFastError
from zt.honeynet.collector.web.answers import bearer, problem, retry_after
from zt.honeynet.collector.web.formats import DETAILED, FORMATS, MEDIA_TYPES, all_bans, render
from zt.honeynet.collector.web.sources import Sources

FRESH: Final = 5 * MICROSECONDS
"""How old a list may be that is handed out although the book has changed."""

_FAMILIES: Final[dict[str, Family]] = {"ipv4": 4, "ipv6": 6}
_CHUNK: Final = 64 * 1024  # bytes; what a slow client makes the process hold


class _Made(NamedTuple):
    """A list that was made.

    Attributes:
        at: when, by the clock that never goes back.
        edition: of which state of the book.
        etag: quoted; the same as long as the list is.
    """

    at: int
    edition: Edition
    body: bytes
    zipped: bytes
    etag: str


class Lists:
    """The routes of whole lists.

    Args:
        clock: microseconds; never goes back.
    """

    def __init__(
        self,
        book: Book,
        admission: Admission,
        sources: Sources,
        clock: Callable[[], int],
    ) -> None:
        self._book = book
        self._admission = admission
        self._sources = sources
        self._clock = clock
        self._made: dict[tuple[Family, str], _Made] = {}
        self._locks = {
            (family, name): asyncio.Lock() for family in _FAMILIES.values() for name in FORMATS
        }
        self.made = 0

    def routes(self) -> list[Route]:
        """The routes, for an application at the root."""
        return [Route("/lists/{family}.{format}", self._list)]

    async def _list(self, request: Request) -> Response:
        secret = bearer(request) or request.query_params.get("token", "")
        try:
            self._admission.key(secret, self._sources.of(request))
        except DeniedError:
            return problem(401, "a key is needed", {"www-authenticate": "Bearer"})
        except TooFastError as error:
            return problem(429, "too many requests", retry_after(error.wait))
        family = _FAMILIES.get(request.path_params["family"])
        name = request.path_params["format"]
        if family is None or name not in FORMATS:
            return problem(404, "there is no such list")
        made = await self._fresh(family, name)
        headers = {
            "etag": made.etag,
            "cache-control": "private, no-cache",
            "vary": "accept-encoding",
        }
        if _has(request.headers.get("if-none-match", ""), made.etag):
            return Response(None, 304, headers)
        body = made.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = made.zipped
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        media_type = MEDIA_TYPES.get(name, "text/plain; charset=utf-8")
        return StreamingResponse(_pieces(body), 200, headers, media_type)

    async def _fresh(self, family: Family, name: str) -> _Made:
        """The list, made anew where the last one is too old."""
        async with self._locks[family, name]:
            made = self._made.get((family, name))
            now = self._clock()
            if made is None or (now - made.at >= FRESH and self._has_changed(name, made.edition)):
                made = await asyncio.to_thread(self._make, family, name, now)
                self._made[family, name] = made
                self.made += 1
            return made

    def _has_changed(self, name: str, edition: Edition) -> bool:
        now = self._book.edition()
        return now != edition if name in DETAILED else now.members != edition.members

    def _make(self, family: Family, name: str, at: int) -> _Made:
        edition = self._book.edition()  # before it is read: what comes between is read again
        body = render(name, family, all_bans(self._book, family))
        zipped = gzip.compress(body, compresslevel=1, mtime=0)
        digest = hashlib.blake2b(body, digest_size=16).hexdigest()
        # weak, as one list is sent zipped or not
        return _Made(at, edition, body, zipped, f'W/"{digest}"')


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]


def _has(header: str, etag: str) -> bool:
    """Whether the client has this list (RFC 9110, section 13.1.2; weak comparison)."""
    opaque = etag.removeprefix("W/")
    known = (item.strip().removeprefix("W/") for item in header.split(","))
    return any(item in {opaque, "*"} for item in known)
