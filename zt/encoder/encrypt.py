"""Encrypting events into wire batches.

Invariants: a value leaves in clear only if a rule of the profile says `clear` for its very path;
a batch is written whole, its header first, then the value records of every distinct value in
it, then the events; equal input under the same ring, profile and stream gives equal bytes.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, compress, islice
from operator import attrgetter
from typing import NamedTuple

from keys import Ring
from zt.encoder.batch import Taken
from zt.encoder.event_id import EventIds, stream_name
from zt.encoder.group import Inputs
from zt.encoder.input import read_events
from zt.encoder.pieces import CHUNK, CHUNK_BYTES, WINDOW, WINDOW_BYTES, cut
from zt.encoder.workers import in_order
from zt.encoder.writer import BatchWriter
from zt.errors import EventError
from zt.profile import Profile

BATCH_EVENTS = 10_000

BATCH_BYTES = 16 * 1024 * 1024
"""A batch of long lines ends here, so that the memory for it is bounded."""

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
    raw: bytes = field(repr=False)


class Lines(NamedTuple):
    """Consecutive lines of a stream.

    Attributes:
        stream: the stream's name, by which its events are named.
        number: how many lines of the stream came before.
        position: how many bytes.
        lines: each with its end.
    """

    stream: bytes
    number: int
    position: int
    lines: Sequence[bytes]


class Encrypted(NamedTuple):
    """What came of a batch of lines.

    Attributes:
        wire: a whole batch, its header first; nothing if there were no events.
        events: how many there are in it.
        values: how many value records.
        fallbacks: see `EncryptReport`.
        rejects: in the order of the lines.
    """

    wire: list[bytes]
    events: int
    values: int
    fallbacks: Counter[str]
    rejects: list[Reject]


class _Places(NamedTuple):
    """Some lines of a stream, by column.

    Attributes:
        numbers: of the lines, the stream's first being 1.
        positions: where each starts, in bytes.
        raws: without their ends.
    """

    numbers: list[int]
    positions: list[int]
    raws: list[bytes]

    def where(self, chosen: Sequence[object]) -> _Places:
        """Those for which something true is given."""
        numbers, positions, raws = self
        if all(chosen):
            return self
        return _Places(
            list(compress(numbers, chosen)),
            list(compress(positions, chosen)),
            list(compress(raws, chosen)),
        )

    def rejects(self, results: Sequence[object]) -> list[Reject]:
        """Those for which an error is given."""
        return [
            Reject(number, str(error), raw)
            for number, raw, error in zip(self.numbers, self.raws, results, strict=True)
            if isinstance(error, EventError)
        ]


class LineEncoder:
    """Encrypts batches of lines with the ring's active epoch, each for itself.

    Args:
        ring: an opened ring, which is watched.
        profile: what to do with each field.
    """

    def __init__(self, ring: Ring, profile: Profile) -> None:
        self._ring = ring
        self._profile = profile
        self._writer = BatchWriter(ring, profile, max_pattern_fields=MAX_PATTERN_FIELDS)

    def encrypt(self, lines: Lines) -> Encrypted:
        """A batch of lines, encrypted.

        Raises:
            RingError: see `Ring.refreshed`.
            GrantError: a reader ring is in the ring's place.
        """
        rejects: list[Reject] = []
        wire: list[bytes] = []
        if not lines.lines:
            return Encrypted([], 0, 0, Counter(), [])
        with collector_paused():
            self._take_ring()
            work = self._writer.batch()
            taken = ((places, work.take(inputs)) for places, inputs in self._read(lines, rejects))
            for some in cut(taken, _size, WINDOW, WINDOW_BYTES):
                made = work.finish([each for _, each in some])
                wire += [line for line in made if isinstance(line, bytes)]
                rest = iter(made)
                for places, _ in some:
                    rejects += places.rejects(list(islice(rest, len(places.raws))))
            rejects.sort(key=attrgetter("line"))
            if not wire:
                return Encrypted([], 0, 0, Counter(), rejects)
            head = self._writer.head(work)
        return Encrypted(head + wire, len(wire), len(work.records), work.fallbacks, rejects)

    def _read(self, lines: Lines, rejects: list[Reject]) -> Iterator[tuple[_Places, Inputs]]:
        """The events among the lines, some at a time."""
        ids = EventIds(self._ring.tenant_key, lines.stream)
        last, end = lines.number, lines.position
        for chunk in cut(lines.lines, len, CHUNK, CHUNK_BYTES):
            places = _Places(
                list(range(last + 1, last + 1 + len(chunk))),
                list(accumulate(map(len, chunk[:-1]), initial=end)),
                [line.rstrip(b"\r\n") for line in chunk],
            )
            last, end = places.numbers[-1], places.positions[-1] + len(chunk[-1])
            places = places.where(places.raws)  # empty lines are passed over
            read = read_events(places.raws)
            rejects += places.rejects(read)
            events = [event for event in read if isinstance(event, dict)]
            if events:
                places = places.where([isinstance(event, dict) for event in read])
                yield places, Inputs(events, ids.ids(places.positions, places.raws))

    def _take_ring(self) -> None:
        """Go on with the ring as it is now: a new epoch takes over from batch to batch."""
        ring = self._ring.refreshed()
        if ring is not self._ring:
            # first the writer: a ring that can't encrypt must not pass for the one in use
            self._writer = BatchWriter(ring, self._profile, max_pattern_fields=MAX_PATTERN_FIELDS)
            self._ring = ring


class Encoder:
    """Encrypts one stream of events under a profile with the ring's active epoch.

    The ring is watched: when its file changes, or an epoch's time comes, the next batch is of the
    new active epoch. Events keep the ids that they would have had.

    One call of `encrypt` or `encrypt_batches` is one stream: positions, and so ids, count from
    its start. It belongs to one thread.

    Args:
        ring: an opened ring.
        profile: what to do with each field.
        stream: the stream's name; without one, the hash of its first line names it. What can't
            be read again needs a new one at each start, or equal events may get equal ids.
        on_reject: is given every line that can't be encrypted; it has been left out.
        workers: processes that encrypt; 1: this one. More are forked when the first batch is
            asked for, which no other thread should disturb, and share nothing but the work.
    """

    def __init__(
        self,
        ring: Ring,
        profile: Profile,
        *,
        stream: str | None = None,
        on_reject: Callable[[Reject], None] = lambda reject: None,
        workers: int = 1,
    ) -> None:
        self.report = EncryptReport()
        self._stream = stream
        self._on_reject = on_reject
        self._workers = workers
        self._encoder = LineEncoder(ring, profile)

    def encrypt(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Wire lines for lines of JSON events, batch by batch.

        Lines keep their ends; empty ones are passed over. A line that can't be encrypted is
        handed to `on_reject` and counted.

        Raises:
            RingError: the ring was replaced by an older one, or one of another tenant.
            GrantError: it was replaced by a reader ring.
        """
        for batch in self.encrypt_batches(cut(lines, len, BATCH_EVENTS, BATCH_BYTES)):
            yield from batch

    def encrypt_batches(self, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        """Wire lines for batches of lines, as the one who reads the stream cuts it.

        Args:
            batches: of consecutive lines, each with its end, since ids depend on positions. An
                empty batch is a sign that the stream is idle.

        Yields:
            The wire lines of a batch, whole and in order; an empty list where nothing came of
            it. With workers they come later, and at the end or when the stream is idle.

        Raises:
            RingError, GrantError: see `encrypt`.
        """
        located = self._located(batches)
        done: Generator[Encrypted]
        if self._workers == 1:
            done = (self._encoder.encrypt(lines) for lines in located)
        else:
            done = in_order(self._encoder.encrypt, located, self._workers, is_idle)
        with closing(done):  # whatever ends this ends the workers
            for encrypted in done:
                yield self._noted(encrypted)

    def _located(self, batches: Iterable[Sequence[bytes]]) -> Iterator[Lines]:
        number = position = 0
        name = self._stream.encode() if self._stream else b""
        for batch in batches:
            if batch and not name:
                name = stream_name(batch[0].rstrip(b"\r\n"))
            yield Lines(name, number, position, batch)
            number += len(batch)
            position += sum(map(len, batch))

    def _noted(self, encrypted: Encrypted) -> list[bytes]:
        report = self.report
        report.events += encrypted.events
        report.values += encrypted.values
        report.batches += bool(encrypted.events)
        report.fallbacks += encrypted.fallbacks
        report.rejected += len(encrypted.rejects)
        for reject in encrypted.rejects:
            self._on_reject(reject)
        return encrypted.wire


def _size(taken: tuple[_Places, Taken]) -> int:
    places, _ = taken
    return sum(map(len, places.raws))


def is_idle(lines: Lines) -> bool:
    """Whether this says that the stream is idle."""
    return not lines.lines


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking through a batch again and again while it grows.

    Nothing here makes cycles, so it would find nothing: a tenth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
