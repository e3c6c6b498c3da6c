"""The bounds of ranges as numbers that a column's values are compared with exactly."""

from __future__ import annotations

import math

_INT64 = 2**63


def number_bound(bound: int | float | None) -> float | None:
    """The smallest binary64 that is not below the bound: both `>=` and `<` stay exact."""
    if bound is None or isinstance(bound, float):
        return bound
    try:
        number = float(bound)
    except OverflowError:
        return math.inf if bound > 0 else -math.inf
    return math.nextafter(number, math.inf) if number < bound else number


def time_bound(bound: int | float | None) -> int | float | None:
    """The smallest integer that is not below the bound, kept near the range of times."""
    if bound is None or (isinstance(bound, float) and math.isnan(bound)):
        return bound
    if bound <= -_INT64:
        return -_INT64
    return _INT64 if bound >= _INT64 else math.ceil(bound)
