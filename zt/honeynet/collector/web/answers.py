"""What the interfaces answer with: JSON bodies, and how wrong or hasty clients are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from analytics.wire import MICROSECONDS

_ENCODE: Final = msgspec.json.Encoder().encode


class BodyTooLargeError(Exception):
    """A request's body is longer than its route takes."""


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A body as compact JSON."""
    return Response(_ENCODE(body), status, headers, "application/json")


def problem(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer to what no interface takes. The text is the program's own, never the request's."""
    return json_answer({"error": text}, status, headers)


def retry_after(wait: int) -> dict[str, str]:
    """The header that says after how many microseconds to ask again, in whole seconds."""
    return {"retry-after": str(-(-wait // MICROSECONDS))}


async def read_body(request: Request, limit: int) -> bytes:
    """A request's body, of at most `limit` bytes.

    Raises:
        BodyTooLargeError: it is longer.
        ClientDisconnect: the client went away.
    """
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > limit:
        raise BodyTooLargeError
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise BodyTooLargeError
        parts.append(part)
    return b"".join(parts)


def bearer(request: Request) -> str:
    """The secret of `Authorization: Bearer`; empty without one."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


__all__ = [
    "BodyTooLargeError",
    "ClientDisconnect",
    "bearer",
    "json_answer",
    "problem",
    "read_body",
    "retry_after",
]
