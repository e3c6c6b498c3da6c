"""Encrypting events into wire batches.

Invariants: a value leaves in clear only if a rule of the profile says `clear` for its very path;
a batch is written whole, its header first, then the value records of every distinct value in
it, then the events; equal input under the same ring, profile and stream gives equal bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from analytics.wire import (
    MAX_LINE,
    WIRE_VERSION,
    BatchHeader,
    Column,
    ValueRecord,
    encode_bytes,
    write_line,
)
from keys import Ring
from zt.encoder.batch import Batch
from zt.encoder.event_id import EventIds, stream_name
from zt.encoder.fields import Protected
from zt.encoder.input import read_event
from zt.encoder.plan import Plan, seal_profile
from zt.errors import EventError
from zt.profile import Profile

BATCH_EVENTS = 10_000
CACHED_VALUES = 200_000
"""Distinct values whose ciphertexts are carried from batch to batch, for each keyspace."""


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
        keys = ring.active
        self.report = EncryptReport()
        self._ring = ring
        self._stream = stream
        self._on_reject = on_reject
        profile_id = profile.id(ring.tenant_key)
        self._plan = Plan(profile, keys, profile_id, max_pattern_fields=MAX_PATTERN_FIELDS)
        self._kcv = keys.kcv
        self._caches: dict[str, dict[Any, Protected]] = {}
        self._tokens: dict[str, dict[str, tuple[int, ...]]] = {}
        self._edge = seal_profile(keys, profile)

    def encrypt(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Wire lines for lines of JSON events, batch by batch.

        Lines may keep their ends; empty ones are passed over. A line that can't be encrypted is
        handed to `on_reject` and counted.
        """
        events = self._parse(lines)
        while batch := list(islice(events, BATCH_EVENTS)):
            yield from self._batch(batch)

    def _parse(self, lines: Iterable[bytes]) -> Iterator[_Input]:
        """The events of the stream with their ids."""
        position = 0
        ids: EventIds | None = None
        for number, line in enumerate(lines, 1):
            raw = line.rstrip(b"\r\n")
            if ids is None:
                name = self._stream.encode() if self._stream else stream_name(raw)
                ids = EventIds(self._ring.tenant_key, name)
            if raw:
                try:
                    yield _Input(number, raw, ids.id(position, raw), read_event(raw))
                except EventError as error:
                    self._reject(Reject(number, str(error), raw))
            position += len(line)

    def _reject(self, reject: Reject) -> None:
        self.report.rejected += 1
        self._on_reject(reject)

    def _batch(self, batch: list[_Input]) -> Iterator[bytes]:
        work = Batch(self._plan, self._caches)
        events = []
        for item in batch:
            try:
                line = work.event(item.event, item.id)
            except EventError as error:
                self._reject(Reject(item.line, str(error), item.raw))
                continue
            if len(line) <= MAX_LINE:
                events.append(line)
            else:  # long arrays of short values grow the most
                reason = f"longer than {MAX_LINE} bytes once it is encrypted"
                self._reject(Reject(item.line, reason, item.raw))
        if not events:
            return
        header = self._header(tuple(plan.column for plan in work.seen.values()))
        records = self._records(work)
        self.report.events += len(events)
        self.report.values += len(records)
        self.report.batches += 1
        self.report.fallbacks += work.fallbacks
        yield write_line(header)
        yield from map(write_line, records)
        yield from events
        self._forget()

    def _header(self, columns: tuple[Column, ...]) -> BatchHeader:
        header = BatchHeader(
            version=WIRE_VERSION,
            tenant=self._ring.tenant,
            kid=self._plan.kid,
            kcv=encode_bytes(self._kcv),
            generation=self._ring.generation,
            profile=self._plan.profile_id,
            edge=self._edge,
            time=self._plan.profile.time,
            columns=tuple(sorted(columns, key=lambda column: column.path)),
            tag="A" * 22,
        )
        return header.model_copy(update={"tag": self._plan.header_tag.compute(header)})

    def _records(self, work: Batch) -> list[ValueRecord]:
        """The value records of the batch's distinct values, tokenised by column."""
        records = []
        for (keyspace, scheme), values in work.records.items():
            dictionary = work.dictionaries[keyspace]
            if dictionary.search is None:
                records += [dictionary.record(scheme, ct, ()) for ct in values]
                continue
            known = self._tokens.setdefault(keyspace, {})
            new = {ct: text for ct, text in values.items() if ct not in known}
            known.update(zip(new, dictionary.search.tokens(list(new.values())), strict=True))
            records += [dictionary.record(scheme, ct, known[ct]) for ct in values]
        return records

    def _forget(self) -> None:
        """Keep the caches bounded whatever the stream's cardinality."""
        for cache in self._caches.values():
            if len(cache) > CACHED_VALUES:
                cache.clear()
        for tokens in self._tokens.values():
            if len(tokens) > CACHED_VALUES:
                tokens.clear()
