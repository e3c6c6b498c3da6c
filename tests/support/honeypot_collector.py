"""A collector that says what a test wants, over real HTTP, and notes what it was sent."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from zt.honeynet.sighting import Sighting, SightingBatch


@dataclass(frozen=True)
class Post:
    """One request."""

    path: str
    token: str
    body: bytes

    @property
    def batch(self) -> SightingBatch:
        """What it carried; strictly read, as the collector does."""
        return msgspec.json.decode(self.body, type=SightingBatch)


@dataclass
class ScriptedCollector:
    """What was sent, and what is answered.

    Attributes:
        answers: statuses of the next answers, with the headers of each; then all is taken.
        posts: what came.
    """

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)

    def sightings(self) -> list[Sighting]:
        """Those of all batches, each batch once."""
        batches = {post.batch.batch: post.batch for post in self.posts}
        return [one for batch in batches.values() for one in batch.sightings]


@contextmanager
def collecting(
    certificate: tuple[Path, Path] | None = None, *, port: int = 0
) -> Iterator[ScriptedCollector]:
    """A collector on loopback, with TLS where there is a certificate and its key."""
    collector = ScriptedCollector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
            collector.posts.append(Post(self.path, token, body))
            status, headers = collector.answers.pop(0) if collector.answers else (200, {})
            answer = b'{"taken": 1}'
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    collector.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
