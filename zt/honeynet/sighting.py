"""Sightings: what a honeypot tells the collector of one address, in few bytes.

A honeypot adds up what one address did, and reports it soon after; the collector adds up the
reports. Batches are sent again until they are acknowledged, and counted once, by their id.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec

MAX_SIGHTINGS: Final = 1_000
"""In one batch."""

MAX_TOOL: Final = 64
"""Characters of a tool's name."""


class Kind(StrEnum):
    """What an attacker tried; the worst last."""

    BROKEN = "broken"  # something that claims to be SIP and is none
    SCAN = "scan"  # looks for servers or users
    GUESS = "guess"  # tries passwords
    CALL = "call"  # tries to call


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one address did at one honeypot.

    Attributes:
        address: IPv4 or IPv6 in canonical text.
        kind: what it did; several kinds are several sightings.
        proven: the address is no mere claim: its owner answered a challenge, or spoke over an
            established connection.
        first, last: microseconds since 1970 (UTC).
        count: how many messages or attempts, at least 1.
        tool: the scanner that it looks like, or its User-Agent; empty if unknown.
    """

    address: Annotated[str, msgspec.Meta(min_length=2, max_length=45)]
    kind: Kind
    proven: bool
    first: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    last: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    count: Annotated[int, msgspec.Meta(ge=1, lt=1 << 40)]
    tool: Annotated[str, msgspec.Meta(max_length=MAX_TOOL)] = ""


class SightingBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a honeypot sends at once: `POST /honeynet/v1/sightings`, with its token as Bearer.

    The answer is 200 `{"taken": n}` once the batch is on the collector's disk, also when it was
    there before; 401 for a wrong token; 413, 422 for a batch that will never be taken; 429 or 503
    with Retry-After for later.

    Attributes:
        batch: the batch's name, never used twice by one honeypot.
        sightings: at most `MAX_SIGHTINGS`.
    """

    batch: Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Za-z_.-]{8,64}\Z")]
    sightings: Annotated[tuple[Sighting, ...], msgspec.Meta(max_length=MAX_SIGHTINGS)]
