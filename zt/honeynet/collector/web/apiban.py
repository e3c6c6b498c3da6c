"""APIBAN's interface, versions 1 and 2, as its clients know it (apiban.org/doc.html).

    GET  /api/KEY/banned[/ID]     POST /api/get    {"set": "sip", "id": "100"}
    GET  /api/KEY/check/ADDRESS   POST /api/check  {"set": "sip", "ipaddress": "192.0.2.1"}

A client asks for the addresses after an ID, of which it gets at most 250 and the ID to go on
with, until the answer's ID is `none`. The IDs are the book's: each is handed out for one address,
they only grow, and grow in the order in which the book took them, so that a client which asks
after the last ID that it got misses none.

Clients of version 1 know IPv4 only, so there is no other in it; in version 2 the set `sip` holds
IPv4 and the set `sip6` IPv6. Sets of other protocols, as `http`, are empty here. Version 1
carries the key in its path, where proxies write it into their logs: version 2 does not.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import BATCH, Family
from zt.honeynet.collector.web.admission import Admission, DeniedError, TooFastError
from zt.honeynet.collector.web.answers import (
    BodyTooLargeError,
    bearer,
    json_answer,
    read_body,
    retry_after,
)
from zt.honeynet.collector.web.sources import Sources
from zt.values.address import parse_address

_MAX_BODY: Final = 4 * 1024  # bytes
_MAX_ID: Final = (1 << 63) - 1  # SQLite's
_FAMILIES: Final[dict[str, Family]] = {"sip": 4, "all": 4, "sip6": 6}
_OTHER_SETS: Final = frozenset({"http"})


class _Question(msgspec.Struct):
    """The body of version 2; other members are passed over, as clients add some."""

    set: str = "sip"
    id: str | int = "100"
    ipaddress: str = ""
    key: str = ""


_decode: Final = msgspec.json.Decoder(_Question).decode


class ApiBan:
    """The routes of both versions."""

    def __init__(self, book: Book, admission: Admission, sources: Sources) -> None:
        self._book = book
        self._admission = admission
        self._sources = sources

    def routes(self) -> list[Route]:
        """The routes, for an application at the root."""
        return [
            Route("/api/get", self._get, methods=["POST"]),
            Route("/api/check", self._check, methods=["POST"]),
            Route("/api/{key}/banned", self._banned_v1),
            Route("/api/{key}/banned/{id:path}", self._banned_v1),
            Route("/api/{key}/check/{address:path}", self._check_v1),
        ]

    async def _banned_v1(self, request: Request) -> Response:
        if denied := self._denied(request, request.path_params["key"]):
            return denied
        return self._banned(4, request.path_params.get("id", "").rstrip("/") or "0")

    async def _check_v1(self, request: Request) -> Response:
        if denied := self._denied(request, request.path_params["key"]):
            return denied
        return self._checked(request.path_params["address"].rstrip("/"))

    async def _get(self, request: Request) -> Response:
        question = await self._question(request)
        if isinstance(question, Response):
            return question
        if question.set in _OTHER_SETS:
            return _nothing("no new bans")
        family = _FAMILIES.get(question.set)
        if family is None:
            return _nothing("unknown set")
        return self._banned(family, str(question.id))

    async def _check(self, request: Request) -> Response:
        question = await self._question(request)
        if isinstance(question, Response):
            return question
        if question.set in _OTHER_SETS:
            return _nothing("not blocked")
        if question.set not in _FAMILIES:
            return _nothing("unknown set")
        return self._checked(question.ipaddress)

    async def _question(self, request: Request) -> _Question | Response:
        """The body of a request whose key is right, or the answer to another."""
        secret = bearer(request)
        question = None
        # what is no question is judged below: who has no key learns no more than that
        with suppress(BodyTooLargeError, msgspec.MsgspecError, UnicodeDecodeError):
            question = _decode(await read_body(request, _MAX_BODY))
        if not secret and question is not None:
            secret = question.key
        if denied := self._denied(request, secret):
            return denied
        return question if question is not None else _nothing("malformed request")

    def _denied(self, request: Request, secret: str) -> Response | None:
        """The answer to a wrong key, or to one that asks too fast; None for another."""
        try:
            self._admission.key(secret, self._sources.of(request))
        except DeniedError:
            return json_answer({"ipaddress": "none", "ID": "unauthorized"}, 403)
        except TooFastError as error:
            return json_answer(
                {"ipaddress": "rate limit exceeded", "ID": "unauthorized"},
                429,
                retry_after(error.wait),
            )
        return None

    def _banned(self, family: Family, after: str) -> Response:
        if not (after.isascii() and after.isdigit() and len(after) <= 40):
            return _nothing("invalid ID")
        page = self._book.banned(min(int(after), _MAX_ID), family, BATCH)
        if not page.addresses:
            return _nothing("no new bans")
        return json_answer({"ipaddress": page.addresses, "ID": str(page.last)})

    def _checked(self, text: str) -> Response:
        address = parse_address(text)
        if address is None:
            return _nothing("invalid address")
        ban = self._book.check(str(address))
        if ban is None:
            return _nothing("not blocked")
        return json_answer({"ipaddress": [str(address)], "ID": str(ban.id)})


def _nothing(what: str) -> Response:
    """There is no address to tell; clients end where the ID is `none`.

    The status is 400, strange as it is: APIBAN's clients take another one for a failure.
    """
    return json_answer({"ipaddress": [what], "ID": "none"}, 400)
