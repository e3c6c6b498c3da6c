"""Writing batches: what their events, under ids that are given, need besides themselves.

A batch is self-contained: its header names every visible path in it, and it carries the value
record of every distinct value that has one.
"""

from __future__ import annotations

from analytics.wire import WIRE_VERSION, BatchHeader, Column, encode_bytes, write_line
from keys import Ring
from zt.encoder.batch import Batch, Carried
from zt.encoder.plan import Plan, seal_profile
from zt.profile import Profile


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
        self._carried = Carried(self.plan)

    def batch(self) -> Batch:
        """A batch without events yet."""
        return Batch(self._carried)

    def head(self, work: Batch) -> list[bytes]:
        """The lines that come before a batch's events: its header, its value records in order."""
        header = self._header(tuple(plan.column for plan in work.seen.values()))
        return [write_line(header), *sorted(work.records)]

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
