"""How many events one stands for, since the probe absorbs what repeats."""

from __future__ import annotations

from typing import Any, Final

RATE_PATH: Final = "rate.ex_diff"
"""Where an event says how many like it were suppressed since the last one."""

MAX_WEIGHT: Final = 2**53
"""An exact integer in every store and JSON reader; a larger claim weighs as if it were absent."""


def as_weight(value: Any) -> int:
    """What an event weighs that has this value at `RATE_PATH`: 1 where it is no count."""
    if type(value) is int and 0 <= value < MAX_WEIGHT:
        return 1 + value
    return 1
