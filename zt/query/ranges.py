"""What ranges mean: numbers as binary64, times as microseconds, both half-open.

Stores hold numbers as binary64, so that is how they are compared here too: two integers above
2^53 that have one binary64 are one number in a range.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

from analytics.wire import Kind, parse_time
from zt.errors import QueryError
from zt.query.ast import Range
from zt.times import Clock, When, parse_when

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Bounds(NamedTuple):
    """What a range asks for: `gte <= x < lt`; None: no bound there."""

    gte: int | float | None
    lt: int | float | None

    def holds(self, value: int | float) -> bool:
        """Whether a value lies within."""
        return (self.gte is None or value >= self.gte) and (self.lt is None or value < self.lt)


@lru_cache(maxsize=1024)
def range_bounds(node: Range, kind: Kind) -> Bounds:
    """The bounds of a range, for a field of this kind: of numbers, or of times in microseconds.

    Raises:
        QueryError: the field is of neither kind, or the range's ends are not of that kind.
    """
    if kind == "number":
        return Bounds(
            _number_edge(node, node.low, is_low=True, includes=node.includes_low),
            _number_edge(node, node.high, is_low=False, includes=node.includes_high),
        )
    if kind == "time":
        return Bounds(
            _time_edge(node, node.low, is_low=True, includes=node.includes_low),
            _time_edge(node, node.high, is_low=False, includes=node.includes_high),
        )
    raise QueryError(
        f"{node.path} has no ranges: it is neither a number nor a time that the cloud compares",
        "ask for values; or give the field scheme clear or coarsen, and kind number or time, for "
        "new events",
    )


def edge(when: When, *, is_low: bool, includes: bool) -> int:
    """Where a half-open range ends that goes from or to a time, and includes it or not.

    A date is included as a whole, and excluded as a whole.
    """
    return when.first if is_low == includes else when.end


def as_number(text: str) -> float | None:
    """A number as people and JSON write it, as binary64; None for what is none or infinite."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def as_comparable(value: Any, kind: Kind) -> int | float | None:
    """A scalar as stores compare values of a kind: binary64, or microseconds; None if it is none.

    Only JSON numbers are numbers: no string of digits is in a range.
    """
    try:
        if kind == "time":
            return parse_time(value) if isinstance(value, str) else None
        if kind != "number" or isinstance(value, bool) or not isinstance(value, int | float):
            return None
        number = float(value)
        return number if math.isfinite(number) else None
    except (ValueError, OverflowError):
        return None


def _number_edge(node: Range, text: str | None, *, is_low: bool, includes: bool) -> float | None:
    if text is None:
        return None
    number = as_number(text)
    if number is None:
        raise _unfit(node, "number", "5 or 2.5e3")
    if is_low != includes:
        number = math.nextafter(number, math.inf)
        if number == math.inf:
            if is_low:
                raise QueryError(f"no number of {node.path} is that large", "ask for less")
            return None
    return number


def _time_edge(node: Range, text: str | None, *, is_low: bool, includes: bool) -> int | None:
    if text is None:
        return None
    try:
        return edge(parse_when(text, Clock()), is_low=is_low, includes=includes)
    except ValueError:
        raise _unfit(node, "time", "2026-11-23 or 2026-11-23T14:00:00Z") from None


def _unfit(node: Range, kind: str, example: str) -> QueryError:
    return QueryError(f"{node.path} is a {kind}, and a range's end is none", f"write {example}")
