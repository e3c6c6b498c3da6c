"""Detection jobs as the cloud runs them, and the findings they emit.

A job reaches the cloud compiled: its `where` has become filters on ciphertext, one part for
each epoch and profile. What it was before, only the edge knows; `version` is a keyed hash of
that, so the cloud can tell two versions apart but not read them.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from analytics.wire.encoding import encode_bytes
from analytics.wire.models import Bytes16, Kid, Path, WireModel
from analytics.wire.query import Filter, Time

MAX_FINDING_EVENTS = 1000
"""Event ids in one finding; an edge that needs more evidence selects the window itself."""

JobId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Severity = Literal["info", "low", "medium", "high", "critical"]
JobKind = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "new_value",
    "ratio",
    "temporal",
    "temporal_ordered",
    "search",
    "absence",
]


class JobPart(WireModel):
    """A job compiled for one epoch and profile.

    `exactness` says whether the filter is the question itself or a superset that the edge
    narrows down on the opened events.
    """

    kid: Kid
    profile: Bytes16
    filter: Filter
    exactness: Literal["exact", "candidate"] = "exact"


class JobSpec(WireModel):
    """A detection: per group, reach `threshold` within `window`.

    `event_count` adds the weights of a group's events, `value_count` counts the distinct texts
    of `value` among them. Windows slide: any span of `window` microseconds counts, half-open.
    """

    id: JobId
    version: Bytes16
    kind: JobKind
    parts: tuple[JobPart, ...]
    group_by: Annotated[tuple[Path, ...], Field(min_length=1)]
    value: Path | None = None
    window: Annotated[int, Field(gt=0)]
    threshold: Annotated[int, Field(gt=0)]
    severity: Severity = "medium"
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _value_where_needed(self) -> JobSpec:
        if (self.kind == "value_count") != (self.value is not None):
            raise ValueError("`value` belongs to value_count, and value_count needs it")
        return self


class Finding(WireModel):
    """A group that reached a job's threshold: a hint for the edge, not a proof.

    `group` is in the order of the job's `group_by`, `start` the time of the first event of the
    window, `metric` what the window held when the job last ran, `events` ids that weigh at least
    the threshold as far as `MAX_FINDING_EVENTS` allows. `sequence` grows with every finding that
    a store writes or updates, so a follower can ask for what is new.

    A `partial` one reached only its share of the threshold: of the k parts that may have events
    in one window, the cloud can't say which of their groups are the same, but in one of them a
    group that reaches the threshold over all has at least a k-th of it. Only the edge can tell;
    `metric` and `events` are of the finding's own part.
    """

    id: Bytes16
    job: JobId
    version: Bytes16
    kid: Kid
    profile: Bytes16
    group: tuple[str, ...]
    start: Time
    end: Time
    metric: int
    severity: Severity
    events: Annotated[tuple[Bytes16, ...], Field(max_length=MAX_FINDING_EVENTS)]
    partial: bool = False
    sequence: int = 0


def finding_id(
    job: str, version: str, kid: str, profile: str, group: tuple[str, ...], start: int
) -> str:
    """The id under which a finding is written: the same window of the same group, the same id.

    So a job that runs again after a crash overwrites what it found instead of doubling it.
    """
    digest = hashlib.blake2b(digest_size=16, person=b"zt finding v1")
    for part in (job, version, kid, profile, *group, str(start)):
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return encode_bytes(digest.digest())
