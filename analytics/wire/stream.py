"""Reading a wire stream: NDJSON lines into validated headers, value records and events.

A line that breaks the format is yielded as `BadLine` with its number and the reason, so the
caller decides whether to count, keep or stop; only a stream of another version raises. Whether
a seal or tag is right is not checked here: that takes keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
from pydantic import ValidationError

from analytics.wire.errors import VersionError
from analytics.wire.models import WIRE_VERSION, BatchHeader, EventMeta, ValueRecord, WireModel
from analytics.wire.strict_json import decode_json

MAX_LINE = 16 * 1024 * 1024  # bytes; a longer line is refused before it is parsed


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """A batch header and the line it came in."""

    number: int
    raw: bytes
    header: BatchHeader


@dataclass(frozen=True, slots=True)
class ValueLine:
    """A value record and the line it came in."""

    number: int
    raw: bytes
    record: ValueRecord


@dataclass(frozen=True, slots=True)
class EventLine:
    """An encrypted event: its `zt` key as `meta`, everything else as `body`."""

    number: int
    raw: bytes
    meta: EventMeta
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that breaks the format; `reason` holds none of its content."""

    number: int
    raw: bytes
    reason: str


Line = HeaderLine | ValueLine | EventLine | BadLine


def read_stream(lines: Iterable[bytes]) -> Iterator[Line]:
    """Parse the lines of a stream; empty lines are passed over.

    Raises:
        VersionError: when a header speaks another version of the format: nothing after it could
            be trusted to mean what it seems to.
    """
    for number, line in enumerate(lines, 1):
        raw = line.rstrip(b"\r\n")
        if raw:
            yield parse_line(raw, number)


def parse_line(raw: bytes, number: int = 1) -> Line:
    """Parse one line, given without its end.

    Raises:
        VersionError: see `read_stream`.
    """
    if len(raw) > MAX_LINE:
        return BadLine(number, raw, f"line longer than {MAX_LINE} bytes")
    try:
        body = decode_json(raw)
    except ValueError as error:
        return BadLine(number, raw, str(error))
    if not isinstance(body, dict) or not isinstance(zt := body.pop("zt", None), dict):
        return BadLine(number, raw, "no JSON object with a key `zt`: not encrypted by zt")
    try:
        match zt.get("kind"):
            case None:
                return EventLine(number, raw, EventMeta.model_validate(zt), body)
            case _ if body:
                return BadLine(number, raw, "keys beside `zt` in a line that is no event")
            case "batch":
                version = zt.get("version")
                if version != WIRE_VERSION or type(version) is not int:  # True and 1.0 equal 1
                    raise VersionError(
                        f"line {number}: the stream has another version of the wire format "
                        f"than {WIRE_VERSION}, the one that this program speaks",
                        "use the release of zt-analytics that wrote the stream, or a newer one",
                    )
                header = BatchHeader.model_validate(_listed(zt, "columns"))
                return HeaderLine(number, raw, header)
            case "value":
                record = ValueRecord.model_validate(_listed(zt, "tokens"))
                return ValueLine(number, raw, record)
            case _:
                return BadLine(number, raw, "a kind of line that is neither batch nor value")
    except ValidationError as error:
        return BadLine(number, raw, _describe(error))


def write_line(model: WireModel) -> bytes:
    """A header or value record as a line with its end."""
    return msgspec.json.encode({"zt": model.model_dump(exclude_none=True)}) + b"\n"


def input_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a binary stream as they arrive, each held only up to `MAX_LINE`.

    Of a longer line the first `MAX_LINE + 1` bytes come, which `parse_line` then refuses.
    """
    while line := stream.readline(MAX_LINE + 1):
        end = line[-1:]
        yield line
        while end != b"\n" and (rest := stream.readline(MAX_LINE)):
            end = rest[-1:]


def _listed(zt: dict[str, Any], key: str) -> dict[str, Any]:
    """The same object with a JSON array as the tuple that the strict models want."""
    value = zt.get(key)
    return {**zt, key: tuple(value)} if isinstance(value, list) else zt


def _describe(error: ValidationError) -> str:
    """Where and why a line fails validation, without quoting its values."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "zt"
    return f"zt.{place}: {first['msg'].lower()}" if place != "zt" else first["msg"].lower()
