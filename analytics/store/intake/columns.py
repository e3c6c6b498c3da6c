"""Events as columns: leaves at visible paths, their texts, and the values to compare by.

Invariants:
- A body is walked once, only along paths that lead to a column, nested or dotted as it comes.
- The text of a leaf is `scalar_text`. An array stands for its distinct texts; with one of them
  it is that scalar. Null, containers and arrays without a scalar are no value.
- A value fits its kind by its JSON type: a number is no string of digits, a time or address is
  a string. What does not fit, or is out of range, has a text only.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

from analytics.wire import parse_time, scalar_text

_REMEMBERED: Final = 4096


class DoubledPathError(ValueError):
    """Two spellings, nested and dotted, name one visible path of an event."""


class _Node(dict[str, tuple[int, "_Node | None"]]):
    """Where the keys below one prefix lead: (slot or -1, node below or None)."""

    def __init__(self, prefix: str, slots: dict[str, int], inner: frozenset[str]) -> None:
        super().__init__()
        self._prefix, self._slots, self._inner = prefix, slots, inner

    def __missing__(self, key: str) -> tuple[int, _Node | None]:
        path = self._prefix + key
        below = _Node(path + ".", self._slots, self._inner) if path in self._inner else None
        entry = (self._slots.get(path, -1), below)
        # Keys are the sender's to choose: those that lead nowhere must not fill the memory.
        if entry != (-1, None) or len(self) < _REMEMBERED:
            self[key] = entry
        return entry


class Shape:
    """Which paths of an event are wanted, and the slot of a row that each goes to."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.slots = {path: slot for slot, path in enumerate(dict.fromkeys(paths))}
        inner: set[str] = set()
        for path in self.slots:
            keys = path.split(".")
            inner.update(".".join(keys[:end]) for end in range(1, len(keys)))
        self._root = _Node("", self.slots, frozenset(inner))
        self._empty: list[Any] = [None] * len(self.slots)

    def row(self, body: dict[str, Any]) -> list[Any]:
        """The values at the wanted paths, None where there is none.

        Raises:
            DoubledPathError: a wanted path stands there twice.
        """
        row = self._empty.copy()
        _fill(row, body, self._root)
        return row


def _fill(row: list[Any], body: dict[str, Any], node: _Node) -> None:
    for key, value in body.items():
        slot, below = node[key]
        if value.__class__ is dict and value:
            if below is not None:
                _fill(row, value, below)
        elif slot >= 0:
            if row[slot] is not None:
                raise DoubledPathError
            row[slot] = value


class Column:
    """One path's values over many events.

    `values` and `texts` have an entry for each event, None where there is none or several;
    `several` has, by event, the distinct elements with their texts.
    """

    __slots__ = ("several", "texts", "values")

    def __init__(self, values: Sequence[Any]) -> None:
        self.several: dict[int, list[tuple[Any, str]]] = {}
        self.values: Sequence[Any] = values
        self.texts: Sequence[str | None]
        types = set(map(type, values))
        if list in types or dict in types:
            self.values = [self._scalar(event, value) for event, value in enumerate(values)]
            types = set(map(type, self.values))
        types.discard(type(None))
        if types <= {str}:
            self.texts = self.values
        elif types == {int}:
            self.texts = [None if value is None else str(value) for value in self.values]
        else:
            self.texts = list(map(scalar_text, self.values))

    def _scalar(self, event: int, value: Any) -> Any:
        if not isinstance(value, list):
            return None if isinstance(value, dict) else value
        elements: dict[str, Any] = {}
        for element in value:
            text = scalar_text(element)
            # of `1` and `"1"` only the number can be compared by value
            if text is not None and isinstance(elements.get(text, text), str):
                elements[text] = element
        if len(elements) > 1:
            self.several[event] = [(element, text) for text, element in elements.items()]
            return None
        return next(iter(elements.values()), None)


def as_number(value: Any) -> float | None:
    """A JSON number as binary64; None for anything else and what is out of range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_time(value: Any) -> int | None:
    """An RFC 3339 string in microseconds since 1970; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return parse_time(value)
    except (ValueError, OverflowError):
        return None


def as_address(value: Any) -> int | tuple[int, int] | None:
    """A v4 address as an integer, a v6 one as its two halves; None for anything else."""
    if not isinstance(value, str):
        return None
    family = socket.AF_INET6 if ":" in value else socket.AF_INET
    try:
        packed = socket.inet_pton(family, value)
    except (OSError, ValueError):
        return None
    if len(packed) == 4:
        return int.from_bytes(packed, "big")
    return int.from_bytes(packed[:8], "big"), int.from_bytes(packed[8:], "big")
