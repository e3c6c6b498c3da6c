"""Whether a ring fits a store that still holds events of an epoch which was destroyed by force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.store import JobState, open_store
from analytics.wire import encode_bytes
from keys import KeyCheckError, Ring, RingError, destroy_epoch, rotate_ring
from zt.encoder import Decoder
from zt.query.fitting import check_epochs, take_headers

EVENTS = [{"type": "a", "sip.from": f"sip:{n}@example.org"} for n in range(3)]


@pytest.fixture
def store(tmp_path: Path, encrypt: Any, ring: Ring) -> Iterator[JobState]:
    """Events of two epochs."""
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as opened:
        opened.ingest(encrypt(EVENTS, ring=ring, stream="one"))
        opened.ingest(encrypt(EVENTS, ring=rotate_ring(ring.path), stream="two"))
        yield opened


@pytest.fixture
def left(store: JobState, ring: Ring) -> Ring:
    """The ring without its first epoch."""
    return destroy_epoch(ring.path, ring.active.kid.hex())


def test_destroyed_epochs_end_alone(store: JobState, left: Ring) -> None:
    decoder = Decoder(left)
    assert check_epochs(left, store) == len(EVENTS)
    take_headers(decoder, left, store)
    assert [plan.kid for plan in decoder.plans()] == [left.active.kid.hex()]


def test_a_destroyed_epochs_twin_is_no_less_a_twin(
    store: JobState, left: Ring, other_ring: Ring
) -> None:
    class Twin:
        def tenant(self) -> str:
            return left.tenant

        def epochs(self) -> list[Any]:
            kcv = encode_bytes(other_ring.active.kcv)
            return [epoch._replace(kcv=kcv) for epoch in store.epochs()[:1]]

    with pytest.raises(KeyCheckError, match="it is another key"):
        check_epochs(left, Twin())  # type: ignore[arg-type]


def test_an_old_copy_is_told_beside_destroyed_epochs(
    store: JobState, left: Ring, encrypt: Any
) -> None:
    newer = rotate_ring(left.path)
    old = destroy_epoch(left.path, newer.epochs[1].kid)  # with generation 5
    store.ingest(encrypt(EVENTS, ring=old, stream="three"))
    old.generation = 4  # as a copy from before
    with pytest.raises(RingError, match="an old copy: it has generation 4, the store has seen 5"):
        take_headers(Decoder(old), old, store)
