"""Reading input lines: which JSON is an event that can be encrypted and given back as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from analytics.wire import decode_json, decode_objects, has_doubled_path
from zt.errors import EventError

MAX_EVENT = 8 * 1024 * 1024  # bytes; encryption makes a line longer, and the wire allows 16 MiB

_KEY_WITH_DOT = re.compile(rb'\.[^".]*+"[ \t\r\n]*+:')
"""Finds a key with a dot, by its last one, in JSON without backslashes; reads everything once."""


def read_events(lines: Sequence[bytes]) -> list[dict[str, Any] | EventError]:
    """Lines of JSON, without their ends, as events, or why one is none; see `read_event`.

    What most lines are goes fast: those with an escape are looked at alone, and all of them if
    one of the others is wrong.
    """
    plain = [n for n, line in enumerate(lines) if len(line) <= MAX_EVENT and b"\\" not in line]
    read = _read_plain([lines[n] for n in plain])
    if len(read) == len(lines):
        return list(read)
    known = dict(zip(plain, read, strict=False))
    return [known.get(n) or _read_or_error(line) for n, line in enumerate(lines)]


def _read_plain(lines: list[bytes]) -> list[dict[str, Any]]:
    """Events of lines without escapes; none at all if one is wrong."""
    events: list[dict[str, Any]] | None = decode_objects(lines)
    if events is None or any(map(_has_zt, set(map(tuple, events)))):
        return []
    if _KEY_WITH_DOT.search(b"\n".join(lines)) and any(map(has_doubled_path, events)):
        return []
    return events


def _read_or_error(line: bytes) -> dict[str, Any] | EventError:
    try:
        return read_event(line)
    except EventError as error:
        return error


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
    if _has_zt(event):
        raise EventError("it has a key `zt`: encrypted already?", reason)
    # without a dot in a key, a path has one spelling only, and most events have none
    may_have_dots = b"\\" in raw or _KEY_WITH_DOT.search(raw)
    if may_have_dots and has_doubled_path(event):
        raise EventError("a path stands twice, nested and dotted", reason)
    return event


def _has_zt(keys: Iterable[str]) -> bool:
    return any(key == "zt" or key.startswith("zt.") for key in keys)
