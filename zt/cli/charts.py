"""Figures as pictures of characters: bars, sparklines, and how time is cut for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from analytics.wire import MICROSECONDS

BAR_WIDTH: Final = 24  # characters
SPARKS: Final = 24
"""Columns that a sparkline has about, where nobody says how long one is."""

MAX_COLUMNS: Final = 60
"""Columns of a sparkline at most: it stands in a row with a value."""

_LEVELS: Final = "▁▂▃▄▅▆▇█"
_NOTHING: Final = " "  # nothing is told apart from little

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS: Final = tuple(
    seconds * MICROSECONDS
    for seconds in (
        *(1, 2, 5, 10, 15, 30),
        *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
        *(n * _HOUR for n in (1, 2, 3, 6, 12)),
        *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
    )
)


def bar(value: float | None, most: float) -> str:
    """A bar as long as the value's share of the largest; whatever is above nothing shows."""
    if value is None or value <= 0 or most <= 0:
        return ""
    return "█" * max(1, round(BAR_WIDTH * value / most))


def sparkline(values: Sequence[float]) -> str:
    """A column of eight levels for each value, a blank for none, the largest at the top."""
    most = max(values, default=0)
    return "".join(
        _NOTHING if value <= 0 else _LEVELS[min(7, int(8 * value / most))] for value in values
    )


def step_for(span: int, columns: int = SPARKS) -> int:
    """The shortest customary step that cuts a span into about so many columns; microseconds."""
    for step in _STEPS:
        if span <= step * columns:
            return step
    return -(-span // (columns * _STEPS[-1])) * _STEPS[-1]


def buckets(first: int, last: int, step: int) -> range:
    """The starts of all buckets from that of `first` to that of `last`, microseconds."""
    return range(first - first % step, last + 1, step)


def column_width(starts: range) -> int:
    """How many buckets are summed into one column, so that there are `MAX_COLUMNS` at most."""
    return max(1, -(-len(starts) // MAX_COLUMNS))


def columns(counts: Mapping[int, float], starts: range) -> list[float]:
    """The sum of each column of `column_width` buckets, 0 where there is nothing."""
    width = column_width(starts)
    made = [0.0] * -(-len(starts) // width)
    for start, value in counts.items():
        if start in starts:
            made[starts.index(start) // width] += value
    return made
