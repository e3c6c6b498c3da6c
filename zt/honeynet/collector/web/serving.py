"""The collector as a process: its sockets, signals, figures and clean-up."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from uvicorn import Config

from zt.errors import InputError, ZtError
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.page import page_routes
from zt.honeynet.collector.settings import CollectorSettings
from zt.honeynet.collector.web.app import Collector
from zt.honeynet.collector.web.doorkeeper import Doorkeeper
from zt.honeynet.collector.web.listening import BACKLOG, HttpServer, bind
from zt.honeynet.collector.web.sources import Sources
from zt.metrics import Figure, Metrics, MetricsPage

_PUBLISH: Final = 1.0  # seconds from one set of figures to the next
_CLEAN: Final = 10.0  # seconds from one look for expired addresses to the next
_OTHER_FILES: Final = 128  # the book's connections, its threads' and the library's
_GRACE: Final = 5  # seconds for requests that are being answered, when it ends


@dataclass(frozen=True, slots=True)
class Places:
    """Where a collector listens.

    Attributes:
        listen: addresses and ports of its interfaces.
        certificate, key: PEM files for TLS; None: plain.
        metrics: address and port for Prometheus; None: none.
    """

    listen: Sequence[tuple[str, int]]
    certificate: Path | None = None
    key: Path | None = None
    metrics: tuple[str, int] | None = None


class Serving:
    """A collector at work.

    Args:
        say: takes a line for the log.
    """

    def __init__(
        self,
        book: Book,
        settings: CollectorSettings,
        places: Places,
        say: Callable[[str], None],
    ) -> None:
        self._book = book
        self._settings = settings
        self._places = places
        self._say = say

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; a second one ends it at once.

        Raises:
            ZtError: it can't begin.
        """
        with ExitStack() as stack:
            context = make_context(self._places.certificate, self._places.key)
            sockets = []
            for host, port in self._places.listen:
                listening = bind(host, port)
                stack.callback(listening.close)
                sockets.append(listening)
            page = Metrics("zt_honeynet")
            if self._places.metrics is not None:
                served = MetricsPage(page, *self._places.metrics)
                stack.callback(served.close)
                self._say(f"serves figures on {self._places.metrics[0]} port {served.port}")
            asyncio.run(self._serve(sockets, context, page))

    async def _serve(
        self, sockets: list[Any], context: ssl.SSLContext | None, page: Metrics
    ) -> None:
        sources = Sources(self._settings.trusted_proxies)
        limits = self._settings.for_connections()
        if (most := descriptors_for(limits.connections)) < limits.connections:
            limits = replace(limits, connections=most)
            self._say(f"holds {most} connections only: raise the limit on open files (ulimit -n)")
        doorkeeper = Doorkeeper(limits, sources)
        collector = Collector(self._book, sources=sources, pages=self._pages(), say=self._say)
        config = Config(
            collector.app,
            log_config=None,
            log_level=logging.CRITICAL,  # or anybody could fill the log with broken requests
            access_log=False,  # paths of version 1 carry keys
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
            backlog=BACKLOG,
        )
        server = HttpServer(config, doorkeeper, context)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_failure)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, server)
        loop.add_signal_handler(signal.SIGHUP, self._reload, context)
        for listening in sockets:
            host, port = listening.getsockname()[:2]
            self._say(f"serves http{'s' if context else ''} on {host} port {port}")
        upkeep = loop.create_task(self._upkeep(collector, doorkeeper, page))
        try:
            await server.serve(sockets)
        finally:
            upkeep.cancel()
            with suppress(asyncio.CancelledError):
                await upkeep
            await collector.intake.close()
        self._say("stopped")

    def _pages(self) -> list[Any]:
        """The front page."""
        from zt.sip.geoip import Places as Countries

        places = Countries(self._settings.geoip) if self._settings.geoip else None
        return page_routes(
            lambda: self._book.figures(_now()),
            settings=self._settings.for_page(),
            places=places,
            addresses=lambda: chain(self._book.addresses(4), self._book.addresses(6)),
        )

    async def _upkeep(self, collector: Collector, doorkeeper: Doorkeeper, page: Metrics) -> None:
        """Publish figures, and let addresses expire."""
        cleaned = -_CLEAN
        expired = failures = 0
        kept: list[Figure] = []
        while True:
            if time.monotonic() - cleaned >= _CLEAN:
                cleaned = time.monotonic()
                try:
                    expired += await collector.intake.run(lambda: self._book.expire(_now()))
                    kept = await collector.intake.run(self._kept)
                except ZtError as error:
                    failures += 1
                    self._say(error.diagnostics())
            page.publish(
                [
                    *collector.figures(),
                    *kept,
                    Figure("expired", expired, "Addresses that were not seen for long."),
                    Figure("upkeep_failures", failures, "Clean-ups that failed."),
                    Figure("connections", len(doorkeeper), "Open connections.", is_now=True),
                    Figure("connections_refused", doorkeeper.refused, "Connections above a limit."),
                    Figure("connections_closed", doorkeeper.misbehaved, "Too slow, or too much."),
                ]
            )
            await asyncio.sleep(_PUBLISH)

    def _kept(self) -> list[Figure]:
        """What is in the book."""
        numbers = self._book.figures(_now(), newest=0)
        by_family = {f"ipv{family}": number for family, number in numbers.total.items()}
        return [
            Figure("addresses", by_family, "Addresses shared.", is_now=True, label="family"),
            Figure("waiting", numbers.waiting, "Addresses not confirmed yet.", is_now=True),
            Figure("honeypots", numbers.honeypots, "Honeypots that may report.", is_now=True),
            Figure("honeypots_active", numbers.active, "Of the last hour.", is_now=True),
        ]

    def _reload(self, context: ssl.SSLContext | None) -> None:
        """Read the certificate again, for connections from now on."""
        certificate, key = self._places.certificate, self._places.key
        if context is None or certificate is None:
            self._say("nothing to reload: there is no certificate")
            return
        try:
            make_context(certificate, key)  # else half of a wrong pair would stay
            context.load_cert_chain(certificate, key)
        except (ZtError, OSError, ssl.SSLError):
            self._say(f"reloaded nothing: {certificate} and its key can't be used")
            return
        self._say("reloaded the certificate")

    def _note_failure(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what failed beside any request, without what it was given."""
        error = context.get("exception")
        if not isinstance(error, OSError):  # a peer that went away
            self._say(f"a callback failed: {type(error).__name__}")


def descriptors_for(connections: int) -> int:
    """Let this process have so many connections, if it may; how many it can hold, at least 1."""
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, soft - _OTHER_FILES)


def make_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS by PEM files, 1.2 at least; None without a certificate.

    Raises:
        InputError: they can't be used.
    """
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # a key that asks for a passphrase must not wait for one at a terminal
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(
            f"can't use the certificate {certificate} and its key: {reason}",
            "give a PEM file with the chain, and one with its key, without a passphrase",
        ) from None
    return context


def _stop(server: HttpServer) -> None:
    server.force_exit = server.should_exit
    server.should_exit = True


def _now() -> int:
    return time.time_ns() // 1000
