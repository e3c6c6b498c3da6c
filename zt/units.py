"""Spans of time as people write them: `90s`, `5m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator

from analytics.wire import MICROSECONDS, parse_time
from zt.errors import InputError

_SPAN = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)", re.ASCII)
_UNITS = {
    "ms": MICROSECONDS // 1000,
    "s": MICROSECONDS,
    "m": 60 * MICROSECONDS,
    "h": 3600 * MICROSECONDS,
    "d": 86_400 * MICROSECONDS,
}


def parse_span(text: Any) -> int:
    """A span of time in microseconds.

    Raises:
        ValueError: not a number with a unit.
    """
    if not (match := _SPAN.fullmatch(str(text))):
        raise ValueError("a span of time is written 30s, 5m, 2h or 7d")
    return int(match[1]) * _UNITS[match[2]]


def format_span(microseconds: int) -> str:
    """A span of time in its largest whole unit: `90s`, `2h`; below a millisecond `5us`."""
    for name, unit in reversed(_UNITS.items()):
        if microseconds % unit == 0:
            return f"{microseconds // unit}{name}"
    return f"{microseconds}us"


def parse_datetime(text: str) -> datetime:
    """An RFC 3339 time.

    Raises:
        InputError: it is none.
    """
    try:
        return datetime.fromtimestamp(parse_time(text) // MICROSECONDS, UTC)
    except ValueError:
        raise InputError(f"{text!r} is no time", "write 2026-11-23T14:00:00Z") from None


Span = Annotated[int, BeforeValidator(parse_span)]
"""A span in a YAML file, kept in microseconds."""
