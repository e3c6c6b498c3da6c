"""Sections 9, 10 and 12 of docs/formats.md from the other side: whole streams of wire lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .conventions import Json, b64, compact, fields, positioned, read_event
from .decoder import Record, column, has_record
from .encoder import Encoded, EventEncoder
from .envelopes import seal_blob, seal_envelope
from .keys import Epoch, Keys, event_id, profile_id
from .profiles import Profile
from .schemes import SHOWN_AS_IS, Field
from .tokens import search_id, tokens, value_tag
from .wire import event_seal, header_tag

BATCH = 10_000

Known = Callable[[str], Json]
"""Derived fields of an event's id, for the parts that can't be computed here."""


class Writer:
    """Writes lines for an epoch and a profile, with right tags and seals whatever is in them."""

    def __init__(self, keys: Keys, epoch: Epoch, profile: str) -> None:
        self.keys, self.epoch, self.text = keys, epoch, profile
        self.id = profile_id(keys, profile)

    def header(self, columns: list[Json], **other: Any) -> Json:
        key = self.epoch.subkey("zt:profile", b"det", 64)
        edge = seal_envelope(self.epoch, key, [b"zt:profile"], b"s" + self.text.encode())
        zt = {
            "kind": "batch",
            "version": 1,
            "tenant": self.keys.tenant,
            "kid": self.epoch.kid.hex(),
        }
        zt |= {"kcv": b64(self.epoch.kcv), "generation": self.keys.generation, "profile": self.id}
        zt |= {"edge": edge, "columns": columns, **other}
        return {"zt": {**zt, "tag": header_tag(self.epoch, zt)}}

    def record(self, record: Record, found: list[int]) -> Json:
        zt = {"kind": "value", **record._asdict(), "kid": self.epoch.kid.hex(), "tokens": found}
        zt = {key: value for key, value in zt.items() if value is not None}
        return {"zt": {**zt, "tag": value_tag(self.epoch, zt)}}

    def event(self, name: str, encoded: Encoded) -> Json:
        blob = seal_blob(self.epoch, name, encoded.hidden, encoded.originals)
        return self.event_with_blob(name, encoded.body, blob)

    def event_with_blob(self, name: str, body: Json, blob: str) -> Json:
        zt = {"id": name, "kid": self.epoch.kid.hex(), "profile": self.id, "opaque": blob}
        return {**body, "zt": {**zt, "seal": event_seal(self.epoch, body, zt)}}

    def stream(self, stream: bytes, data: bytes, known: Known) -> Iterator[Json]:
        """The lines of a stream of events; rejects are passed over."""
        profile = Profile(read_event(self.text.encode()))
        encoder = EventEncoder(self.epoch, profile)
        events: list[tuple[str, Encoded]] = []
        for position, raw in positioned(data):
            name = event_id(self.keys, stream, position, raw)
            try:
                events.append((name, encoder.encode(read_event(raw), known(name))))
            except ValueError:
                continue
            if len(events) == BATCH:
                yield from self._batch(profile, events)
                events = []
        if events:
            yield from self._batch(profile, events)

    def _batch(self, profile: Profile, events: list[tuple[str, Encoded]]) -> Iterator[Json]:
        shown = [field for _, encoded in events for field in fields(encoded.body)]
        columns = [column(profile, path) for path in sorted({path for path, _ in shown})]
        yield self.header(columns, **({"time": profile.time} if profile.time else {}))
        yield from self._records(profile, shown)
        for name, encoded in events:
            yield self.event(name, encoded)

    def _records(self, profile: Profile, shown: Iterable[tuple[str, Any]]) -> Iterator[Json]:
        done: set[Record] = set()
        for path, value in shown:
            rule = profile.rule_of(path)
            assert rule is not None
            if rule["scheme"] in SHOWN_AS_IS:
                continue
            field, kinds = Field(self.epoch, path, rule), rule.get("search", [])
            for ct in value if isinstance(value, list) else [value]:
                if ct is None:
                    continue
                scheme, opened = field.open(ct)
                search = search_id(kinds) if kinds else None
                record = Record(field.keyspace, scheme, search, ct)
                if has_record(rule, scheme) and record not in done:
                    done.add(record)
                    yield self.record(record, tokens(self.epoch, field.keyspace, kinds, opened))


def spell(content: Json) -> bytes:
    return compact(content).encode() + b"\n"
