"""The encoder, one event and one value after the other: what the one by column must equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from analytics.wire import MAX_DET_BYTES, MAX_LINE, Keys, encode_bytes, is_scalar_array, write_line
from keys import Ring
from zt.encoder.encrypt import MAX_PATTERN_FIELDS
from zt.encoder.event_id import EventIds, stream_name
from zt.encoder.fields import Dictionary, FieldPlan, Protected
from zt.encoder.input import read_event
from zt.encoder.plan import Plan
from zt.encoder.writer import BatchWriter
from zt.errors import EventError
from zt.profile import Derivation, Profile
from zt.schemes.base import UnfitError
from zt.schemes.opaque import Hidden, Original
from zt.values.derive import derive
from zt.values.paths import occupies, values_at

Event = dict[str, Any]


class ScalarBatch:
    """The events of one batch."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.seen: dict[str, FieldPlan] = {}
        self.records: dict[tuple[str, str], dict[str, str]] = {}
        """Texts by ciphertext, of those that need a record, by keyspace and scheme."""
        self.dictionaries: dict[str, Dictionary] = {}
        self.fallbacks: Counter[str] = Counter()

    def event(self, event: Event, event_id: str, derived: Event | None = None) -> bytes:
        """One encrypted event as a wire line."""
        plan = self._plan
        hidden = Hidden([], [])
        shown = self._derived(event, derived)
        body = self._visible(event, (), hidden)
        body.update(shown)
        opaque = plan.blob.seal(hidden, event_id)
        seal = plan.seal.compute_parts(body, event_id, plan.kid, plan.profile_id, opaque)
        body["zt"] = {
            "id": event_id,
            "kid": plan.kid,
            "profile": plan.profile_id,
            "opaque": opaque,
            "seal": seal,
        }
        line = msgspec.json.encode(body) + b"\n"
        if len(line) > MAX_LINE:  # long arrays of short values grow the most
            raise EventError(
                f"longer than {MAX_LINE} bytes once it is encrypted", "the line is not encrypted"
            )
        return line

    def record_lines(self) -> list[bytes]:
        """The lines of its value records, in order."""
        lines = []
        for (keyspace, scheme), values in self.records.items():
            dictionary = self.dictionaries[keyspace]
            for ct, text in values.items():
                (tokens,) = dictionary.search.tokens([text]) if dictionary.search else [()]
                lines.append(write_line(dictionary.record(scheme, ct, tokens)))
        return sorted(lines)

    def _derived(self, event: Event, known: Event | None) -> Event:
        """The derived fields of an event, protected, each under its dotted path."""
        rules = self._plan.profile.derive
        if any(occupies(event, path) for path in rules):  # before anything of it is noted
            raise EventError(
                "it has a field already where the profile derives one",
                "the line is not encrypted; derive to another path",
            )
        made: Event = {}
        for path, derivation in rules.items():
            value = _derive(event, derivation) if known is None else known.get(path)
            field = self._plan.field(path)
            if value is None or field is None:
                continue
            try:
                made[path] = self._protect(field, (path,), value, None)
            except UnfitError:  # too long for any scheme: the source itself is hidden as well
                continue
            self.seen[path] = field
        return made

    def _visible(self, branch: Event, above: Keys, hidden: Hidden) -> Event:
        """What of a branch stays in the event; all else goes to `hidden` or is dropped."""
        plan = self._plan
        body: Event = {}
        for key, value in branch.items():
            keys = (*above, key)
            path = ".".join(keys)
            place = plan.at(path)
            if place.is_dropped:
                continue
            if isinstance(value, dict) and value:
                if not place.is_branch:
                    hidden.entries.append((keys, value))
                elif inner := self._visible(value, keys, hidden):
                    body[key] = inner
                continue
            field = plan.field(path)
            if field is None:
                hidden.entries.append((keys, value))
                continue
            try:
                body[key] = self._protect(field, keys, value, hidden.originals)
            except UnfitError:
                hidden.entries.append((keys, value))
            else:
                self.seen[path] = field
        return body

    def _protect(
        self, field: FieldPlan, keys: Keys, value: Any, originals: list[Original] | None
    ) -> Any:
        """A field's value as it leaves; what opening would not give back goes to `originals`.

        Raises:
            UnfitError: it has to go into the blob; nothing of it was noted.
        """
        is_array = isinstance(value, list) and bool(value)
        if is_array and not is_scalar_array(value):
            raise UnfitError("an array of containers")
        if field.fallback is None:
            return value
        if not is_array:
            return self._noted(field, self._scalar(field, value), originals, (keys, None, value))
        done = [None if item is None else self._scalar(field, item) for item in value]
        return [
            None if made is None else self._noted(field, made, originals, (keys, index, item))
            for index, (made, item) in enumerate(zip(done, value, strict=True))
        ]

    def _noted(
        self,
        field: FieldPlan,
        made: Protected,
        originals: list[Original] | None,
        original: Original,
    ) -> Any:
        """The ciphertext, after what has to be known of it besides was noted."""
        if made.scheme != field.scheme.name:
            self.fallbacks[field.path] += 1
        if originals is not None and not made.is_exact:
            originals.append(original)
        if field.dictionary is not None and field.has_record(made.scheme):
            keyspace = field.dictionary.keyspace
            self.dictionaries[keyspace] = field.dictionary
            self.records.setdefault((keyspace, made.scheme), {})[made.ciphertext] = made.text
        return made.ciphertext

    def _scalar(self, field: FieldPlan, value: Any) -> Protected:
        if value is None or isinstance(value, dict | list):
            raise UnfitError("null and empty containers are no values that could be grouped")
        if isinstance(value, str) and len(value) > MAX_DET_BYTES:
            raise UnfitError("longer than 8 KiB")
        return field.protect(value)


def _derive(event: Event, derivation: Derivation) -> str | list[str] | None:
    """A derived field's value: of an array the parts of its elements; None if there are none."""
    found_at = values_at(event, derivation.source)
    source = next((v for v in found_at if not (isinstance(v, dict) and v)), None)
    items = source if isinstance(source, list) else [source]
    parts = [part for item in items if (part := _part(derivation, item)) is not None]
    if not parts:
        return None
    return parts if isinstance(source, list) else parts[0]


def _part(derivation: Derivation, value: Any) -> str | None:
    return derive(
        derivation.part, value, region=derivation.region, v4=derivation.v4, v6=derivation.v6
    )


class ScalarEncoder:
    """`zt.encoder.Encoder` without columns, caches or workers, but for the header."""

    def __init__(self, ring: Ring, profile: Profile, *, stream: str | None = None) -> None:
        self.rejected: list[tuple[int, str]] = []
        self.fallbacks: Counter[str] = Counter()
        self._ring = ring
        self._stream = stream
        self._writer = BatchWriter(ring, profile, max_pattern_fields=MAX_PATTERN_FIELDS)

    def encrypt(self, lines: Sequence[bytes], size: int) -> list[bytes]:
        """The wire of a stream, in batches of so many lines."""
        name = self._stream.encode() if self._stream else stream_name(lines[0].rstrip(b"\r\n"))
        ids = EventIds(self._ring.tenant_key, name)
        wire: list[bytes] = []
        position = 0
        for start in range(0, len(lines), size):
            batch, events = ScalarBatch(self._writer.plan), []
            for number, line in enumerate(lines[start : start + size], start + 1):
                if raw := line.rstrip(b"\r\n"):
                    try:
                        event_id = encode_bytes(ids.id(position, raw))
                        events.append(batch.event(read_event(raw), event_id))
                    except EventError as error:
                        self.rejected.append((number, str(error)))
                position += len(line)
            if events:
                wire += [self._header(batch), *batch.record_lines(), *events]
                self.fallbacks += batch.fallbacks
        return wire

    def _header(self, batch: ScalarBatch) -> bytes:
        work = self._writer.batch()
        work.seen.update(batch.seen)
        return self._writer.head(work)[0]
