"""Writing batches: what their events, under ids that are given, need besides themselves.

A batch is self-contained: its header names every visible path in it, and it carries the value
record of every distinct value that has one.
"""

from __future__ import annotations

from typing import Any

from analytics.wire import WIRE_VERSION, BatchHeader, Column, ValueRecord, encode_bytes, write_line
from keys import Ring
from zt.encoder.batch import Batch
from zt.encoder.fields import Protected
from zt.encoder.plan import Plan, seal_profile
from zt.profile import Profile

CACHED_VALUES = 200_000
"""Distinct values whose ciphertexts are carried from batch to batch, for each keyspace."""


class BatchWriter:
    """Writes batches under a profile with the ring's active epoch.

    Attributes:
        plan: of that profile and epoch.

    Args:
        ring: an opened ring.
        profile: what to do with each field.
        max_pattern_fields: fields that patterns may show in all its batches; see `Plan`.
    """

    def __init__(self, ring: Ring, profile: Profile, *, max_pattern_fields: int) -> None:
        keys = ring.active
        self._tenant = ring.tenant
        self._generation = ring.generation
        self._kcv = keys.kcv
        self._edge = seal_profile(keys, profile)
        profile_id = profile.id(ring.tenant_key)
        self.plan = Plan(profile, keys, profile_id, max_pattern_fields=max_pattern_fields)
        self._caches: dict[str, dict[Any, Protected]] = {}
        self._tokens: dict[str, dict[str, tuple[int, ...]]] = {}

    def batch(self) -> Batch:
        """A batch without events yet."""
        return Batch(self.plan, self._caches)

    def head(self, work: Batch) -> list[bytes]:
        """The lines that come before a batch's events: its header and its value records."""
        header = self._header(tuple(plan.column for plan in work.seen.values()))
        lines = [write_line(header), *map(write_line, self._records(work))]
        self._forget()
        return lines

    def _header(self, columns: tuple[Column, ...]) -> BatchHeader:
        header = BatchHeader(
            version=WIRE_VERSION,
            tenant=self._tenant,
            kid=self.plan.kid,
            kcv=encode_bytes(self._kcv),
            generation=self._generation,
            profile=self.plan.profile_id,
            edge=self._edge,
            time=self.plan.profile.time,
            columns=tuple(sorted(columns, key=lambda column: column.path)),
            tag="A" * 22,
        )
        return header.model_copy(update={"tag": self.plan.header_tag.compute(header)})

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
