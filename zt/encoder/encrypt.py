"""Encrypting events into wire batches.

Invariants: a value leaves in clear only if a rule of the profile says `clear` for its very path;
a batch is written whole, its header first, then the value records of every distinct value in
it, then the events; equal input under the same ring, profile and stream gives equal bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from keys import Ring
from zt.encoder.event_id import EventIds, stream_name
from zt.encoder.input import read_event
from zt.encoder.writer import BatchWriter
from zt.errors import EventError
from zt.profile import Profile

BATCH_EVENTS = 10_000

MAX_PATTERN_FIELDS = 1000
"""Fields that patterns may show in one stream: names of keys are the sender's to choose, and a
header lists every visible one. Further ones are opaque."""


@dataclass(slots=True)
class EncryptReport:
    """What an encryption did.

    `fallbacks` counts, by field, the values that their scheme could not take, encrypted by det.
    """

    events: int = 0
    rejected: int = 0
    values: int = 0
    batches: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Reject:
    """An input line that is no event that could be encrypted; `reason` quotes none of it."""

    line: int
    reason: str
    raw: bytes


class _Input(NamedTuple):
    """One event on its way in."""

    line: int
    raw: bytes
    id: str
    event: dict[str, Any]


class Encoder:
    """Encrypts one stream of events under a profile with the ring's active epoch.

    The ring is watched: when its file changes, or an epoch's time comes, the next batch is of the
    new active epoch. Events keep the ids that they would have had.

    Args:
        ring: an opened ring.
        profile: what to do with each field.
        stream: the stream's name; without one, the hash of its first line names it.
        on_reject: is given every line that can't be encrypted; it has been left out.
    """

    def __init__(
        self,
        ring: Ring,
        profile: Profile,
        *,
        stream: str | None = None,
        on_reject: Callable[[Reject], None] = lambda reject: None,
    ) -> None:
        self.report = EncryptReport()
        self._ring = ring
        self._profile = profile
        self._stream = stream
        self._on_reject = on_reject
        self._number = 0
        self._position = 0
        self._ids: EventIds | None = None
        self._writer = BatchWriter(ring, profile, max_pattern_fields=MAX_PATTERN_FIELDS)

    def encrypt(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Wire lines for lines of JSON events, batch by batch.

        Lines keep their ends; empty ones are passed over. A line that can't be encrypted is
        handed to `on_reject` and counted.
        """
        rest = iter(lines)
        batches = iter(lambda: list(islice(rest, BATCH_EVENTS)), [])
        for batch in self.encrypt_batches(batches):
            yield from batch

    def encrypt_batches(self, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        """Wire lines for batches of lines, as the one who reads the stream cuts it.

        Args:
            batches: of consecutive lines, each with its end, since ids depend on positions. An
                empty batch is a sign that the stream is idle.

        Yields:
            The wire lines of a batch, whole and in order; an empty list where nothing came of it.
        """
        self._number, self._position, self._ids = 0, 0, None
        for batch in batches:
            yield self._batch(list(self._parse(batch)))

    def _parse(self, lines: Iterable[bytes]) -> Iterator[_Input]:
        """The events of the next lines of the stream with their ids."""
        for line in lines:
            self._number += 1
            raw = line.rstrip(b"\r\n")
            if self._ids is None:
                name = self._stream.encode() if self._stream else stream_name(raw)
                self._ids = EventIds(self._ring.tenant_key, name)
            if raw:
                try:
                    event_id = self._ids.id(self._position, raw)
                    yield _Input(self._number, raw, event_id, read_event(raw))
                except EventError as error:
                    self._reject(Reject(self._number, str(error), raw))
            self._position += len(line)

    def _take_ring(self) -> None:
        """Go on with the ring as it is now: a new epoch takes over from batch to batch.

        Raises:
            RingError: see `Ring.refreshed`.
            GrantError: a reader ring is in the ring's place.
        """
        ring = self._ring.refreshed()
        if ring is not self._ring:
            # first the writer: a ring that can't encrypt must not pass for the one in use
            self._writer = BatchWriter(ring, self._profile, max_pattern_fields=MAX_PATTERN_FIELDS)
            self._ring = ring

    def _reject(self, reject: Reject) -> None:
        self.report.rejected += 1
        self._on_reject(reject)

    def _batch(self, batch: list[_Input]) -> list[bytes]:
        if not batch:
            return []
        self._take_ring()
        work = self._writer.batch()
        events = []
        for item in batch:
            try:
                events.append(work.event(item.event, item.id))
            except EventError as error:
                self._reject(Reject(item.line, str(error), item.raw))
        if not events:
            return []
        head = self._writer.head(work)
        self.report.events += len(events)
        self.report.values += len(head) - 1
        self.report.batches += 1
        self.report.fallbacks += work.fallbacks
        return head + events
