"""Packs of detection jobs as people write them."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from analytics.wire import Severity, encode_bytes
from analytics.wire.jobs import JobId
from keys import TenantKey, labels
from zt.configuration import Presets
from zt.errors import InputError, QueryError
from zt.query import Node, parse
from zt.units import Span

DEFAULT_PACK = "sip"
FieldPath = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Job(BaseModel):
    """A detection: the events that `where` selects, grouped, reach `threshold` in `window`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: JobId
    description: str = ""
    kind: Literal["event_count", "value_count"]
    where: str
    group_by: Annotated[tuple[FieldPath, ...], Field(min_length=1)]
    value: FieldPath | None = None
    window: Span
    threshold: Annotated[int, Field(gt=0, lt=2**31)]
    severity: Severity = "medium"
    tags: tuple[str, ...] = ()

    @field_validator("where")
    @classmethod
    def _where_is_a_question(cls, where: str) -> str:
        try:
            parse(where)
        except QueryError as error:
            raise ValueError(str(error)) from None
        return where

    @model_validator(mode="after")
    def _value_where_needed(self) -> Job:
        if (self.kind == "value_count") != (self.value is not None):
            raise ValueError("`value` belongs to value_count, and value_count needs it")
        return self

    @cached_property
    def question(self) -> Node:
        """`where`, parsed once: every event is asked."""
        return parse(self.where)

    def version(self, tenant_key: TenantKey) -> str:
        """BLAKE2b-128 of the job's text, keyed for the tenant: changes with its meaning."""
        text = self.model_dump(exclude={"description"}, exclude_defaults=True)
        data = msgspec.json.encode(text, order="sorted")
        key = tenant_key.subkey(labels.JOB_VERSION)
        digest = hashlib.blake2b(data, digest_size=16, key=key.secret_key_access())
        return encode_bytes(digest.digest())


class Pack(BaseModel):
    """A named set of jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    description: str = ""
    jobs: Annotated[tuple[Job, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct_ids(self) -> Pack:
        if len({job.id for job in self.jobs}) != len(self.jobs):
            raise ValueError("two jobs have one id")
        return self


PACKS = Presets("zt.jobs", "packs", Pack, InputError, "pack of jobs")

load_pack = PACKS.load
pack_names = PACKS.names
