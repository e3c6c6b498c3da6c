"""The list as clients of Intuitive Labs' service ask for it (github.com/intuitivelabs/apiban).

    GET /bwnoa/v4list?token=KEY&list=ipblack&timestamp=SECONDS[&Limit=N][&nextEncodedKey=...]

The answer has the bans since a time, in pages. While `metadata.nextEncodedKey` stands in an
answer, the client asks on with it; then it keeps `metadata.lastTimestamp` for its next turn.
`v6list` is the same for IPv6.

Two ways of theirs decide how this answers. They keep time in whole seconds, so what is as old as
the second that they name is told again: otherwise a ban later in that second would be missed.
And they ask without end with the same key where a page that they asked on for is empty, unless it
has no metadata: as it may have when bans expire between two pages.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import Ban, Family
from zt.honeynet.collector.web.admission import Admission, DeniedError, TooFastError
from zt.honeynet.collector.web.answers import bearer, json_answer, retry_after
from zt.honeynet.collector.web.sources import Sources

LIMIT: Final = 1_000
"""Elements in one answer, where the client names no number."""

MAX_LIMIT: Final = 5_000
"""Elements in one answer, whatever it names."""

_MAX_SECONDS: Final = 1 << 40


class Bwnoa:
    """The routes of these lists.

    Args:
        seconds_kept: for which clients are to block an address, told as
            `defaultBlacklistTtl`.
    """

    def __init__(
        self, book: Book, admission: Admission, sources: Sources, seconds_kept: int
    ) -> None:
        self._book = book
        self._admission = admission
        self._sources = sources
        self._ttl = seconds_kept

    def routes(self) -> list[Route]:
        """The routes, for an application at the root."""
        return [Route("/bwnoa/v4list", self._v4list), Route("/bwnoa/v6list", self._v6list)]

    async def _v4list(self, request: Request) -> Response:
        return self._listed(request, 4)

    async def _v6list(self, request: Request) -> Response:
        return self._listed(request, 6)

    def _listed(self, request: Request, family: Family) -> Response:
        asked = request.query_params
        try:
            self._admission.key(
                bearer(request) or asked.get("token", ""), self._sources.of(request)
            )
        except DeniedError:
            return _refusal(403, "unauthorized")
        except TooFastError as error:
            return _refusal(429, "rate limit exceeded", retry_after(error.wait))
        since = _number(asked.get("timestamp", "0"), _MAX_SECONDS)
        limit = _number(asked.get("Limit", str(LIMIT)), 1 << 31)
        after = _decode_key(asked.get("nextEncodedKey", ""))
        if since is None or limit is None or limit < 1 or after is None:
            return _refusal(400, "malformed query")
        if asked.get("list", "ipblack") != "ipblack":
            return json_answer({"metadata": self._metadata(since), "elements": []})
        limit = min(limit, MAX_LIMIT)
        # one more, to know whether there is another page
        bans = self._book.bans(family, since * MICROSECONDS, after, limit + 1)
        if not bans and after:
            return json_answer(
                {
                    "metadata": {},
                    "elements": [],
                    "statusCode": 200,
                    "statusDescription": "no more elements",
                }
            )
        metadata = self._metadata(since)
        if bans:
            shown = bans[:limit]
            metadata["lastTimestamp"] = max(since, shown[-1].given // MICROSECONDS)
            if len(bans) > limit:
                metadata["nextEncodedKey"] = _encode_key(shown[-1].id)
            bans = shown
        return json_answer({"metadata": metadata, "elements": [_element(ban) for ban in bans]})

    def _metadata(self, since: int) -> dict[str, Any]:
        return {"defaultBlacklistTtl": self._ttl, "lastTimestamp": since, "nextEncodedKey": None}


def _element(ban: Ban) -> dict[str, Any]:
    return {
        "encrypt": "plain",
        "ipaddr": ban.address,
        "exceeded": ",".join(ban.kinds),
        "count": ban.count,
        "timestamp": ban.given // MICROSECONDS,
    }


def _encode_key(number: int) -> str:
    return urlsafe_b64encode(b"%d" % number).decode()


def _decode_key(text: str) -> int | None:
    """The ID in a `nextEncodedKey` that this program made; 0 for none, None for another."""
    if not text:
        return 0
    try:
        return _number(urlsafe_b64decode(text[:64]).decode("ascii"), (1 << 63) - 1)
    except (ValueError, binascii.Error):
        return None


def _number(text: str, most: int) -> int | None:
    """A number in decimal, at most `most`; None if it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        return None
    return min(int(text), most)


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return json_answer({"statusCode": status, "statusDescription": text}, status, headers)
