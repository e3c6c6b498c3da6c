"""Events into encrypted batches, under names that no other run gives.

An event's id depends on its stream, its position in the stream, and itself. A live source can't
be read again, so the stream's name holds an id that is drawn at each start: equal events of two
runs are two events, and an event that is sent twice from the spool is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from keys import Ring
from zt.encoder.encrypt import LineEncoder, Lines, Reject
from zt.profile import Profile


class Packed(NamedTuple):
    """A batch: the events in it and its wire; `unfit` are those that could not be encrypted."""

    events: int
    data: bytes
    unfit: list[Reject]


def boot_stream(name: str) -> bytes:
    """The name of this run's stream."""
    return f"{name}/{uuid4()}".encode()


class Packer:
    """Encrypts one stream, batch by batch, each with the epoch that is active then.

    Args:
        ring: an opened ring, whose file is watched.
        profile: what to do with each field.
        stream: the stream's name.
    """

    def __init__(self, ring: Ring, profile: Profile, stream: bytes) -> None:
        self._ring = ring
        self._stream = stream
        self._number = self._position = 0
        self._encoder = LineEncoder(ring, profile)

    def use(self, profile: Profile) -> None:
        """Go on with another profile.

        Raises:
            RingError, ProviderError: see `Ring.refreshed`; it goes on with the one before.
            GrantError: a reader ring is in the ring's place.
        """
        ring = self._ring.refreshed()
        self._encoder, self._ring = LineEncoder(ring, profile), ring

    def pack(self, lines: Sequence[bytes]) -> Packed:
        """Encrypt lines, each with its end; they take their positions when this succeeds.

        Raises:
            RingError, ProviderError: see `Ring.refreshed`.
            GrantError: a reader ring is in the ring's place.
        """
        place = Lines(self._stream, self._number, self._position, lines)
        encrypted = self._encoder.encrypt(place)
        self._number += len(lines)
        self._position += sum(map(len, lines))
        return Packed(encrypted.events, b"".join(encrypted.wire), encrypted.rejects)
