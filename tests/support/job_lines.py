"""Fake wire lines and jobs: a store checks no keys, so any well-formed bytes will do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from analytics.wire import (
    MICROSECONDS,
    AllOf,
    BatchHeader,
    Column,
    Eq,
    Filter,
    JobPart,
    JobSpec,
    encode_bytes,
    format_time,
    write_line,
)

KID = "0a0b0c0d"


def b16(text: str) -> str:
    """16 bytes that stand for the text."""
    return encode_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest())


PROFILE = b16("profile")
HEADER = BatchHeader(
    tenant="acme",
    kid=KID,
    kcv=encode_bytes(bytes(32)),
    generation=1,
    profile=PROFILE,
    edge="A" * 40,
    time="time",
    columns=(
        Column(path="time", kind="time"),
        Column(path="source", kind="keyword"),
        Column(path="target", kind="keyword"),
        Column(path="kind", kind="keyword"),
        Column(path="rate.ex_diff", kind="number"),
    ),
    tag=b16("tag"),
)


class Event(NamedTuple):
    """A plain event; `time` in seconds."""

    time: float
    source: str = "a"
    target: str | None = None
    weight: int = 1
    kind: str = "call"


def event_line(number: int, event: Event) -> bytes:
    """The event as a line; equal numbers are the same event."""
    body: dict[str, Any] = {
        "time": format_time(round(event.time * MICROSECONDS)),
        "source": event.source,
        "kind": event.kind,
        "zt": {
            "id": b16(f"event {number}"),
            "kid": KID,
            "profile": PROFILE,
            "opaque": "A" * 40,
            "seal": b16("seal"),
        },
    }
    if event.target is not None:
        body["target"] = event.target
    if event.weight > 1:
        body["rate"] = {"ex_diff": event.weight - 1}
    return msgspec.json.encode(body) + b"\n"


def batch(events: Iterable[tuple[int, Event]]) -> list[bytes]:
    """A batch of numbered events."""
    return [write_line(HEADER), *(event_line(number, event) for number, event in events)]


def job(
    name: str = "flood",
    *,
    kind: Any = "event_count",
    threshold: int = 3,
    window: float = 10,
    where: Filter | None = None,
    **more: Any,
) -> JobSpec:
    """A job on `source`; `window` in seconds."""
    part = JobPart(
        kid=KID, profile=PROFILE, filter=where or AllOf(parts=(Eq(path="kind", value="call"),))
    )
    values = {
        "id": name,
        "version": b16(name),
        "kind": kind,
        "parts": (part,),
        "group_by": ("source",),
        "value": "target" if kind == "value_count" else None,
        "window": round(window * MICROSECONDS),
        "threshold": threshold,
    }
    return JobSpec(**{**values, **more})
