"""Reading input lines: which JSON is an event that can be encrypted and given back as it was."""

from __future__ import annotations

import re
from typing import Any

from analytics.wire import decode_json, has_doubled_path
from zt.errors import EventError

MAX_EVENT = 8 * 1024 * 1024  # bytes; encryption makes a line longer, and the wire allows 16 MiB

_MAY_HAVE_DOTS = re.compile(rb'\.[^"]*+"[ \t\r\n]*+:|\\u002[Ee]')
"""Finds a key with a dot wherever there is one; without one, a path has one spelling only."""


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
    if any(key == "zt" or key.startswith("zt.") for key in event):
        raise EventError("it has a key `zt`: encrypted already?", reason)
    if _MAY_HAVE_DOTS.search(raw) and has_doubled_path(event):
        raise EventError("a path stands twice, nested and dotted", reason)
    return event
