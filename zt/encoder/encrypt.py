"""Encrypting events into wire batches.

Invariants: a value leaves in clear only if a rule of the profile says `clear` for its very path;
a batch is written whole, its header first, then the value records of every distinct value in
it, then the events; equal input under the same ring, profile and stream gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from analytics.wire import (
    MAX_DET_BYTES,
    MAX_LINE,
    WIRE_VERSION,
    BatchHeader,
    Column,
    Keys,
    ValueRecord,
    decode_json,
    encode_bytes,
    has_doubled_path,
    is_scalar_array,
    scalar_text,
    write_line,
)
from keys import Ring
from zt.encoder.event_id import EventIds, stream_name
from zt.encoder.plan import FieldPlan, Plan, seal_profile
from zt.errors import EventError
from zt.profile import Profile
from zt.schemes.base import UnfitError
from zt.schemes.opaque import Entry

BATCH_EVENTS = 10_000
MAX_EVENT = 8 * 1024 * 1024  # bytes; encryption makes a line longer, and the wire allows 16 MiB
CACHED_VALUES = 200_000
"""Distinct values whose ciphertexts are carried from batch to batch, for each keyspace."""


@dataclass(slots=True)
class EncryptReport:
    """What an encryption did."""

    events: int = 0
    rejected: int = 0
    values: int = 0
    batches: int = 0


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
        self._plan = Plan(profile, keys, profile.id(ring.tenant_key))
        self._kcv = keys.kcv
        self._caches: dict[str, dict[Any, str]] = {}
        self._tokens: dict[str, tuple[int, ...]] = {}
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
        work = _Batch(self._plan, self._caches)
        events = []
        for item in batch:
            line = work.event(item.event, item.id)
            if len(line) <= MAX_LINE:
                events.append(line)
            else:  # long arrays of short values grow the most
                reason = f"longer than {MAX_LINE} bytes once it is encrypted"
                self._reject(Reject(item.line, reason, item.raw))
        header = self._header(tuple(plan.column for plan in work.seen.values()))
        records = self._records(work)
        self.report.events += len(events)
        self.report.values += len(records)
        self.report.batches += 1
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

    def _records(self, work: _Batch) -> list[ValueRecord]:
        """The value records of the batch's distinct searchable values, tokenised by column."""
        records = []
        for keyspace, values in work.searchable.items():
            dictionary = self._plan.dictionaries[keyspace]
            new = {ct: text for ct, text in values.items() if ct not in self._tokens}
            tokens = dictionary.search.tokens(list(new.values()))
            self._tokens.update(zip(new, tokens, strict=True))
            records += [dictionary.record("det", ct, self._tokens[ct]) for ct in values]
        return records

    def _forget(self) -> None:
        """Keep the caches bounded whatever the stream's cardinality."""
        for cache in self._caches.values():
            if len(cache) > CACHED_VALUES:
                cache.clear()
        if len(self._tokens) > CACHED_VALUES:
            self._tokens.clear()


class _Batch:
    """The events of one batch on their way, and what its header and records must say."""

    def __init__(self, plan: Plan, caches: dict[str, dict[Any, str]]) -> None:
        self._plan = plan
        self._caches = caches
        self.seen: dict[str, FieldPlan] = {}
        self.searchable: dict[str, dict[str, str]] = {}

    def event(self, event: dict[str, Any], event_id: str) -> bytes:
        """One encrypted event as a wire line."""
        plan = self._plan
        hidden: list[Entry] = []
        body = self._visible(event, (), hidden)
        opaque = plan.blob.seal(hidden, event_id)
        seal = plan.seal.compute_parts(body, event_id, plan.kid, plan.profile_id, opaque)
        body["zt"] = {
            "id": event_id,
            "kid": plan.kid,
            "profile": plan.profile_id,
            "opaque": opaque,
            "seal": seal,
        }
        return msgspec.json.encode(body) + b"\n"

    def _visible(self, branch: dict[str, Any], above: Keys, hidden: list[Entry]) -> dict[str, Any]:
        """What of a branch stays in the event; all else goes to `hidden` or is dropped."""
        plan = self._plan
        body: dict[str, Any] = {}
        for key, value in branch.items():
            keys = (*above, key)
            path = ".".join(keys)
            if plan.dropped and _is_dropped(path, plan.dropped):
                continue
            if isinstance(value, dict) and value:
                if path not in plan.branches:
                    hidden.append((keys, value))
                elif inner := self._visible(value, keys, hidden):
                    body[key] = inner
                continue
            field = plan.visible.get(path)
            if field is None:
                hidden.append((keys, value))
                continue
            try:
                body[key] = self._protect(field, value)
            except UnfitError:
                hidden.append((keys, value))
            else:
                self.seen[path] = field
        return body

    def _protect(self, field: FieldPlan, value: Any) -> Any:
        if isinstance(value, list) and value:
            if not is_scalar_array(value):
                raise UnfitError("an array of containers")
            if field.dictionary is not None:  # all fit, or none leaves a record
                for item in value:
                    if item is not None:
                        self._ciphertext(field, item)
            return [None if item is None else self._scalar(field, item) for item in value]
        return self._scalar(field, value)

    def _scalar(self, field: FieldPlan, value: Any) -> Any:
        if field.keyspace is None:
            return field.scheme.protect(value)
        ct = self._ciphertext(field, value)
        if field.dictionary is not None and (text := scalar_text(value)) is not None:
            self.searchable.setdefault(field.keyspace, {})[ct] = text
        return ct

    def _ciphertext(self, field: FieldPlan, value: Any) -> str:
        if value is None or isinstance(value, dict | list):
            raise UnfitError("null and empty containers are no values that could be grouped")
        if isinstance(value, str) and len(value) > MAX_DET_BYTES:
            raise UnfitError("longer than 8 KiB")
        cache = self._caches.setdefault(field.keyspace or "", {})
        # 1, 1.0 and True are equal to Python, but not to JSON; -0.0 and 0.0 too
        known = value if isinstance(value, str) else (type(value), repr(value))
        if (ct := cache.get(known)) is None:
            ct = cache[known] = field.scheme.protect(value)
        return ct


def _is_dropped(path: str, dropped: set[str]) -> bool:
    """Whether the path or one above it is dropped; a dotted key names several at once."""
    if path in dropped:
        return True
    end = path.find(".")
    while end >= 0:
        if path[:end] in dropped:
            return True
        end = path.find(".", end + 1)
    return False


def read_event(raw: bytes) -> dict[str, Any]:
    """One line of JSON as an event.

    Raises:
        EventError: no JSON object, or one that could not be given back as it was; the reason
            quotes none of it.
    """
    reason = "the line is not encrypted"
    if len(raw) > MAX_EVENT:
        raise EventError(f"longer than {MAX_EVENT} bytes", reason)
    try:
        event = decode_json(raw)
    except ValueError as error:
        raise EventError(str(error), reason) from None
    if not isinstance(event, dict):
        raise EventError("no JSON object", reason)
    if "zt" in event:
        raise EventError("it has a key `zt`: encrypted already?", reason)
    if has_doubled_path(event):
        raise EventError("a path stands twice, nested and dotted", reason)
    return event
