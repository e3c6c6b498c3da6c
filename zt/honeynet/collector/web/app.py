"""The collector as one ASGI application: every interface over one book.

    /                          the front page (see `page`)
    /api/...                   APIBAN, versions 1 and 2 (see `apiban`)
    /bwnoa/v4list, v6list      lists as Intuitive Labs' clients ask for them (see `bwnoa`)
    /lists/ipv4.txt ...        whole lists in several formats (see `lists`)
    /honeynet/v1/sightings     where honeypots report (see `submissions`)
    /healthz                   whether it works

Reading the book takes microseconds and is done in the loop; whole lists and all writing are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.web.admission import Admission
from zt.honeynet.collector.web.answers import json_answer, problem
from zt.honeynet.collector.web.apiban import ApiBan
from zt.honeynet.collector.web.bwnoa import Bwnoa
from zt.honeynet.collector.web.intake import Intake
from zt.honeynet.collector.web.lists import Lists
from zt.honeynet.collector.web.protection import Protection, no_route
from zt.honeynet.collector.web.sources import Sources
from zt.honeynet.collector.web.submissions import Submissions
from zt.metrics import Figure

SECONDS_KEPT: Final = 7 * 86_400
"""For how long clients of the lists are to block an address that they hear of no more."""


class Collector:
    """The application, and its parts.

    Args:
        book: opened; stays the caller's to close.
        sources: finds out who asks.
        pages: further routes, as the front page's.
        say: takes a line for the log.
        now: microseconds since 1970.
        clock: microseconds; never goes back.
    """

    def __init__(
        self,
        book: Book,
        *,
        sources: Sources | None = None,
        pages: Sequence[BaseRoute] = (),
        say: Callable[[str], None],
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        clock: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        sources = sources or Sources()
        self._book = book
        self.admission = Admission(book, clock)
        self.intake = Intake(book, now)
        self._submissions = Submissions(self.intake, self.admission, sources)
        self._lists = Lists(book, self.admission, sources, clock)
        routes = [
            *ApiBan(book, self.admission, sources).routes(),
            *self._submissions.routes(),
            *Bwnoa(book, self.admission, sources, SECONDS_KEPT).routes(),
            *self._lists.routes(),
            Route("/healthz", self._health),
            *pages,
        ]
        inner = _Application(exception_handlers={HTTPException: no_route})
        # a redirect to the same path with a slash would tell a key once more
        inner.router = Router(routes, redirect_slashes=False)
        self.app = Protection(inner, say)

    async def _health(self, request: Request) -> Response:
        if self.intake.is_full:
            return problem(503, "too many batches wait")
        self._book.edition()  # raises where the book can't be read
        return json_answer({"status": "ok"})

    def figures(self) -> list[Figure]:
        """What was asked and reported since the start."""
        admission, intake = self.admission, self.intake
        return [
            Figure("answers", dict(self.app.answers), "HTTP answers.", label="status"),
            Figure("wrong_secrets", admission.wrong, "Requests with a key or token of nobody."),
            Figure("hasty_requests", admission.hasty, "Requests refused since they came too fast."),
            Figure("batches", intake.batches, "Batches of honeypots that were taken."),
            Figure("batches_refused", self._submissions.refused, "Batches that were none."),
            Figure("batches_waiting", intake.waiting, "Batches that wait.", is_now=True),
            Figure("sightings", intake.sightings, "Sightings in the batches taken."),
            Figure("lists_made", self._lists.made, "Whole lists that were made."),
        ]


class _Application(Starlette):
    """Starlette without its own answer to failures, for which `Protection` is there."""

    def build_middleware_stack(self) -> ASGIApp:
        return ExceptionMiddleware(self.router, handlers=self.exception_handlers)
