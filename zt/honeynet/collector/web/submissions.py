"""Where honeypots report: `POST /honeynet/v1/sightings`; what is answered says `sighting`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zt.errors import ZtError
from zt.honeynet.collector.web.admission import Admission, DeniedError, TooFastError
from zt.honeynet.collector.web.answers import (
    BodyTooLargeError,
    bearer,
    json_answer,
    problem,
    read_body,
    retry_after,
)
from zt.honeynet.collector.web.intake import FullError, Intake
from zt.honeynet.collector.web.sources import Sources
from zt.honeynet.sighting import Sighting, SightingBatch
from zt.values.address import parse_address

MAX_BODY: Final = 512 * 1024
"""Bytes of a batch; `MAX_SIGHTINGS` with every member at its longest need less."""

_LATER: Final = {"retry-after": "1"}

_decode: Final = msgspec.json.Decoder(SightingBatch).decode


class Submissions:
    """The route of the honeypots."""

    def __init__(self, intake: Intake, admission: Admission, sources: Sources) -> None:
        self._intake = intake
        self._admission = admission
        self._sources = sources
        self.refused = 0  # batches that will never be taken

    def routes(self) -> list[Route]:
        """The routes, for an application at the root."""
        return [Route("/honeynet/v1/sightings", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        try:
            honeypot = self._admission.honeypot(bearer(request), self._sources.of(request))
        except DeniedError:
            return problem(401, "a honeypot's token is needed", {"www-authenticate": "Bearer"})
        except TooFastError as error:
            return problem(429, "too many batches", retry_after(error.wait))
        try:
            batch = _decode(await read_body(request, MAX_BODY))
        except BodyTooLargeError:
            self.refused += 1
            return problem(413, "a batch is at most 512 KiB")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.refused += 1
            return problem(422, "no batch of sightings")
        if not _are_addresses(batch.sightings):
            self.refused += 1
            return problem(422, "an address is none, or not in canonical text")
        try:
            taken = await self._intake.take(honeypot, batch)
        except FullError:
            return problem(503, "too many batches wait", _LATER)
        except ZtError:
            return problem(503, "the book can't be written", _LATER)
        return json_answer({"taken": taken.taken})


def _are_addresses(sightings: Iterable[Sighting]) -> bool:
    """Whether each names one address, in the one spelling that the book knows."""
    for sighting in sightings:
        address = parse_address(sighting.address)
        if address is None or str(address) != sighting.address:
            return False
    return True
