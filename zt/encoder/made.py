"""What was made of values, once for each distinct one, by column.

Values of a batch are asked for first, of all its events, and then made together: so ciphers and
tokens run over columns. What was made is carried from batch to batch, since of most fields a few
values come again and again, and forgotten by bytes, whatever the stream's cardinality.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import filterfalse, repeat
from typing import Any

import msgspec

from analytics.wire import encode_json_all, scalar_text
from zt.encoder.fields import FieldPlan, same_scalar
from zt.encoder.seal import sealed_value

CARRIED = 24 * 1024 * 1024
"""Bytes, roughly, of what is carried over of one plan; up to twice as much is held."""

_OVERHEAD = 500  # bytes of Python's objects for each value; its texts are as long as its JSON
_COMES_AGAIN = 0.1  # share of the values asked for; of fewer, nothing is carried over
_JUDGED_ON = 20_000  # values asked for
_JUDGED_AGAIN = 10  # times as many later


Made = tuple[bytes, bytes, bytes | None, bool, bytes | None]
"""A value as it leaves, in the pieces of which events and batches are put together:

what stands in the event, as JSON; what the seal covers of it; the value as JSON where opening
does not give the very value back; whether its scheme could not take it; and the line of its value
record, if it has one. A plain tuple: there are several for each event.
"""


class MadeValues:
    """What was made of the values of one keyspace by one scheme.

    Attributes:
        made: by key (see `keys_of`), after `make` all that was asked for.
        size: bytes, roughly, of what was made since `turn`.
    """

    def __init__(self) -> None:
        self.made: dict[Hashable, Made] = {}
        self.size = 0
        self._older: dict[Hashable, Made] = {}
        self._asked: dict[Hashable, Any] = {}
        self._carries = True
        self._count = self._count_of_new = 0

    def ask(self, keys: Sequence[Hashable], values: Sequence[Any]) -> None:
        """Have the values made, whose keys these are, with the next `make`."""
        made = self.made
        new = list(filterfalse(made.__contains__, keys)) if made else keys
        self._count += len(keys)
        if new and (older := self._older):
            self._keep([(key, older[key]) for key in new if key in older])
            new = list(filterfalse(made.__contains__, new))
        self._count_of_new += len(new)
        if keys is values:
            self._asked.update(zip(new, new, strict=True))
        elif new:
            self._asked.update((k, v) for k, v in zip(keys, values, strict=True) if k not in made)

    def make(self, field: FieldPlan) -> None:
        """Make what was asked for, as a field of this keyspace and scheme does."""
        if self._asked:
            made = _made(field, list(self._asked.values()))
            self._keep(list(zip(self._asked, made, strict=True)))
            self._asked = {}

    def settle(self) -> None:
        """Forget at once what has shown not to come again, as Call-IDs don't.

        That is far faster than to carry it: new values then take the memory of the old ones, which
        the processor has at hand.
        """
        if self._count > _JUDGED_ON * (1 if self._carries else _JUDGED_AGAIN):
            self._carries = not self._carries or (
                self._count - self._count_of_new > _COMES_AGAIN * self._count
            )
            self._count = self._count_of_new = 0
        if not self._carries:
            self.made, self._older, self.size = {}, {}, 0

    def turn(self) -> None:
        """Forget what was not asked for since the last turn."""
        self._older, self.made, self.size = self.made, {}, 0

    def _keep(self, made: Sequence[tuple[Hashable, Made]]) -> None:
        self.made.update(made)
        for _, (json, _, original, _, record) in made:
            self.size += _OVERHEAD + 5 * len(json) + len(original or b"") + len(record or b"")


def keys_of(values: Sequence[Any]) -> Sequence[Hashable]:
    """What tells values apart as JSON does; the values themselves if all are texts."""
    if set(map(type, values)) == {str}:
        return values
    # 1, 1.0 and True are equal to Python, but not to JSON; -0.0 and 0.0 too
    return [value if type(value) is str else (type(value), repr(value)) for value in values]


def _made(field: FieldPlan, values: list[Any]) -> list[Made]:
    made: dict[int, Made] = {}
    for scheme, numbers, canonicals in field.canonical_all(values):
        cts = scheme.protect_all(canonicals)
        records: Iterable[bytes | None] = repeat(None)
        if field.dictionary is not None and field.has_record(scheme.name):
            texts = [scalar_text(canonical) or "" for canonical in canonicals]
            records = field.dictionary.lines(scheme.name, cts, texts)
        columns = (
            encode_json_all(cts),
            map(sealed_value, cts),
            _originals([values[n] for n in numbers], canonicals),
            repeat(scheme.name != field.scheme.name),
            records,
        )
        made.update(zip(numbers, zip(*columns, strict=False), strict=True))
    return [made[n] for n in range(len(values))]


def _originals(values: Sequence[Any], canonicals: Sequence[Any]) -> list[bytes | None]:
    """The values as JSON that are not what opening gives back."""
    return [
        None if canonical is value or same_scalar(canonical, value) else msgspec.json.encode(value)
        for canonical, value in zip(canonicals, values, strict=True)
    ]
