"""Requests to an ASGI application without a network, in one loop.

What a request holds is passed on as it is, as a server would do it: also what no client library
would send.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What came back; the names of headers in lower case."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body, unzipped."""
        zipped = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.content) if zipped else self.content).decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class AsgiClient:
    """Asks an application. An exception that it raises rises.

    Args:
        source: the address and port that requests come from.
    """

    def __init__(self, app: ASGIApp, source: tuple[str, int]) -> None:
        self._app = app
        self._source = source
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """End the loop, and its threads."""
        self._runner.close()

    def get(
        self,
        target: str,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        params: Mapping[str, Any] | None = None,
        scheme: str = "http",
    ) -> Answer:
        """A GET, with `params` as its query."""
        if params:
            target += f"?{urlencode(params)}"
        return self.request("GET", target, headers=headers, scheme=scheme)

    def post(
        self,
        target: str,
        *,
        content: bytes | Iterable[bytes] = b"",
        json: Any = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Answer:
        """A POST of bytes, of pieces of unknown length, or of JSON."""
        if json is not None:
            content = _encode(json)
        return self.request("POST", target, content=content, headers=headers)

    def request(
        self,
        method: str,
        target: str,
        *,
        content: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str | bytes] | None = None,
        scheme: str = "http",
    ) -> Answer:
        """Any request."""
        raw_path, _, query = target.partition("?")
        fields = [(b"host", b"collector")]
        for name, value in (headers or {}).items():
            fields.append((name.encode(), value if isinstance(value, bytes) else value.encode()))
        if isinstance(content, bytes):
            fields.append((b"content-length", b"%d" % len(content)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": scheme,
            "path": unquote(raw_path),
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": fields,
            "client": self._source,
            "server": ("collector", 80),
            "state": {},
        }
        pieces = iter([content] if isinstance(content, bytes) else content)
        return self._runner.run(self._ask(scope, pieces))

    async def _ask(self, scope: dict[str, Any], pieces: Iterator[bytes]) -> Answer:
        sent: list[Message] = []
        ended = False

        async def receive() -> Message:
            nonlocal ended
            if ended:
                return {"type": "http.disconnect"}
            piece = next(pieces, None)
            ended = piece is None
            return {"type": "http.request", "body": piece or b"", "more_body": not ended}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start, *bodies = sent
        assert start["type"] == "http.response.start"
        assert all(body["type"] == "http.response.body" for body in bodies)
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]
        }
        assert all(name == name.lower() for name in headers)
        body = b"".join(body.get("body", b"") for body in bodies)
        if "content-length" in headers and scope["method"] != "HEAD" and start["status"] != 304:
            assert int(headers["content-length"]) == len(body)
        return Answer(start["status"], headers, body)


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()
