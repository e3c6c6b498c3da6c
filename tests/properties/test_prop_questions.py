"""Whatever is asked of whatever was encrypted: the opened answer is that of the plaintext."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from properties.plain_answers import chosen, measured, occurring, totals
from properties.plain_refusals import Verdict, verdict
from properties.plain_values import Event, Sent
from properties.question_strategies import Asked, Batch, cases
from support.independent.profiles import Profile as PlainProfile
from support.thorough import examples

from analytics.store import JobState, open_store
from keys import Ring, init_ring, rotate_ring
from zt.encoder import Encoder
from zt.errors import QueryError
from zt.profile import Profile
from zt.query import Session

QUESTIONS = 20
"""To each store: encrypting and storing takes longer than to ask."""


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> list[Ring]:
    """One ring as it was in each of three epochs."""
    path = tmp_path_factory.mktemp("rings") / "ring.json"
    found = [init_ring(path, "acme", "file:ring.key")]
    for _ in range(2):
        rotate_ring(path)
        found.append(Ring.open(path))
    return found


def sent(stored: Sequence[Batch]) -> list[list[Sent]]:
    """The events of each batch."""
    serial = count()
    return [
        [Sent(next(serial), event, PlainProfile(batch.profile)) for event in batch.events]
        for batch in stored
    ]


def wire(
    rings: Sequence[Ring], stored: Sequence[Batch], events: Sequence[Sequence[Sent]]
) -> Iterator[bytes]:
    """The batches as they leave."""
    for number, (batch, own) in enumerate(zip(stored, events, strict=True)):
        profile = Profile.model_validate(batch.profile)
        encoder = Encoder(rings[batch.epoch], profile, stream=f"batch {number}")
        yield from encoder.encrypt(msgspec.json.encode(each.event) + b"\n" for each in own)
        assert encoder.report.rejected == 0
