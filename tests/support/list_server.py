"""A web server on loopback that answers as a test says, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What the server says; `rest` is called to send more than `body`."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    rest: Iterator[bytes] = field(default_factory=lambda: iter(()))


class ListServer:
    """Answers by a function of the request.

    Attributes:
        port: where it listens.
        asked: the requests so far.
    """

    def __init__(self, answer: Callable[[Asked], Answer], tls: tuple[Path, Path] | None) -> None:
        self.asked: list[Asked] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                server.asked.append(asked)
                said = answer(asked)
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    self.wfile.write(said.body)
                    for more in said.rest:
                        self.wfile.write(more)
                except OSError:  # the client has heard enough
                    pass

            do_GET = do_POST = handle_any  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def list_server(
    answer: Callable[[Asked], Answer], tls: tuple[Path, Path] | None = None
) -> Iterator[ListServer]:
    """A server until the end of the block."""
    server = ListServer(answer, tls)
    try:
        yield server
    finally:
        server.close()
