"""Where the bars of a chart stand: plain numbers, which a template draws as SVG.

Heights are exact, and the axis begins at 0: bars are compared by their areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

_STEPS: Final = (1, 2, 5)  # times a power of ten: lines that people can add up
_LINES: Final = 5  # at most, above the axis


class Bar(NamedTuple):
    """One bar, in the units of the view box, y downwards; `middle` is where its labels go."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    day: date
    value: int
    labelled: bool
    unfinished: bool


class Line(NamedTuple):
    """One line across, and the value it stands for."""

    y: float
    value: int


class Chart(NamedTuple):
    """A chart: its view box, its letters' size, where bars begin on the left, where they stand."""

    width: int
    height: int
    text: int
    left: float
    axis: float
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]


def column_chart(
    days: Sequence[tuple[date, int]], *, width: int, height: int, text: int, labels: int
) -> Chart:
    """One bar for each day; the last day is not over yet.

    Args:
        days: days and what was counted on them, at least 0.
        width, height: of the view box.
        text: the size of letters in it.
        labels: about how many days get a label; the last one always does.
    """
    top = text / 2  # the highest line's number stands on both sides of it
    axis = height - 2.0 * text
    highest = max((value for _, value in days), default=0)
    step = line_step(highest)
    end = max(step, -(-highest // step) * step)
    scale = (axis - top) / end
    left = text * (0.9 + 0.58 * len(f"{end:,}"))
    room = (width - left) / max(1, len(days))
    every = max(1, -(-len(days) // max(1, labels)))
    bars = []
    for number, (day, value) in enumerate(days):
        tall = value * scale
        x = left + number * room + room * 0.14
        from_end = len(days) - 1 - number
        bars.append(
            Bar(
                x, axis - tall, room * 0.72, tall, x + room * 0.36, day, value,
                labelled=from_end % every == 0, unfinished=from_end == 0,
            )
        )  # fmt: skip
    lines = (Line(axis - value * scale, value) for value in range(step, end + 1, step))
    return Chart(width, height, text, left, axis, tuple(bars), tuple(lines))


def line_step(highest: int) -> int:
    """The distance of lines that are round numbers, at most five up to the highest value."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power * _LINES >= highest:
                return step * power
        power *= 10
