"""Reading input lines: which JSON is an event that can be encrypted and given back as it was."""

from __future__ import annotations

import re
from typing import Any

from analytics.wire import decode_json, has_doubled_path
from zt.errors import EventError

MAX_EVENT = 8 * 1024 * 1024  # bytes; encryption makes a line longer, and the wire allows 16 MiB

_KEY_WITH_DOT = re.compile(rb'\.[^".]*+"[ \t\r\n]*+:')
"""Finds a key with a dot, by its last one, in JSON without backslashes; reads everything once."""


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
    may_have_zt = b'"zt"' in raw or b'"zt.' in raw or b"\\u" in raw
    if may_have_zt and any(key == "zt" or key.startswith("zt.") for key in event):
        raise EventError("it has a key `zt`: encrypted already?", reason)
    # without a dot in a key, a path has one spelling only, and most events have none
    may_have_dots = b"\\" in raw or _KEY_WITH_DOT.search(raw)
    if may_have_dots and has_doubled_path(event):
        raise EventError("a path stands twice, nested and dotted", reason)
    return event
