"""What was made of values, once for each distinct one, by column.

Values of a batch are asked for first, of all its events, and then made together: so ciphers and
tokens run over columns. What was made is carried from batch to batch, since of most fields a few
values come again and again, and forgotten by bytes, whatever the stream's cardinality.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from zt.encoder.fields import FieldPlan, Protected
from zt.encoder.seal import sealed_value

CARRIED = 24 * 1024 * 1024
"""Bytes, roughly, of what is carried over; up to twice as much is held."""

_OVERHEAD = 500  # bytes of Python's objects for each value

_ENCODER = msgspec.json.Encoder()


class Made(NamedTuple):
    """A value as it leaves, in the pieces of which events and batches are put together.

    Attributes:
        json: what stands in the event.
        sealed: what the seal covers of it.
        original: the value as JSON, where opening does not give the very value back.
        fell_back: whether its scheme could not take it.
        record: the line of its value record, if it has one.
    """

    json: bytes
    sealed: bytes
    original: bytes | None
    fell_back: bool
    record: bytes | None


class MadeValues:
    """What was made of the values of one keyspace by one scheme.

    Attributes:
        made: by key (see `keys_of`), after `make` all that was asked for since `turn`.
        size: bytes, roughly, of what was made since `turn`.
    """

    def __init__(self) -> None:
        self.made: dict[Hashable, Made] = {}
        self.size = 0
        self._older: dict[Hashable, Made] = {}
        self._asked: dict[Hashable, Any] = {}

    def ask(self, keys: Sequence[Hashable], values: Sequence[Any]) -> None:
        """Have the values made, whose keys these are, with the next `make`."""
        made, older = self.made, self._older
        for key in set(keys).difference(made):
            if (known := older.get(key)) is not None:
                self._keep(key, known)
            else:
                self._asked[key] = key
        if self._asked and keys is not values:
            self._asked.update((k, v) for k, v in zip(keys, values, strict=True) if k not in made)

    def make(self, field: FieldPlan) -> None:
        """Make what was asked for, as a field of this keyspace and scheme does."""
        if not self._asked:
            return
        values = list(self._asked.values())
        for key, made in zip(self._asked, _made(field, values), strict=True):
            self._keep(key, made)
        self._asked = {}

    def turn(self) -> None:
        """Forget what was not asked for since the last turn."""
        self._older, self.made, self.size = self.made, {}, 0

    def _keep(self, key: Hashable, made: Made) -> None:
        self.made[key] = made
        self.size += _OVERHEAD + len(made.json) * 2 + len(made.record or b"")


def keys_of(values: Sequence[Any]) -> Sequence[Hashable]:
    """What tells values apart as JSON does; the values themselves if all are texts."""
    if set(map(type, values)) == {str}:
        return values
    # 1, 1.0 and True are equal to Python, but not to JSON; -0.0 and 0.0 too
    return [value if type(value) is str else (type(value), repr(value)) for value in values]


def json_of(values: Iterable[Any]) -> list[bytes]:
    """The compact JSON of each value, in one call."""
    lines = _ENCODER.encode_lines(values).split(b"\n")  # JSON has no raw line ends
    lines.pop()
    return lines


def _made(field: FieldPlan, values: list[Any]) -> list[Made]:
    protected = field.protect_all(values)
    records = _records(field, protected)
    scheme = field.scheme.name
    return [
        Made(
            json,
            sealed_value(each.ciphertext),
            None if each.is_exact else _ENCODER.encode(value),
            each.scheme != scheme,
            records.get(each.ciphertext) if records else None,
        )
        for value, each, json in zip(
            values, protected, json_of([each.ciphertext for each in protected]), strict=True
        )
    ]


def _records(field: FieldPlan, protected: list[Protected]) -> dict[str, bytes]:
    """The lines of the value records, tokenised by column."""
    lines: dict[str, bytes] = {}
    if field.dictionary is None:
        return lines
    texts: dict[str, dict[str, str]] = {}
    for each in protected:
        if field.has_record(each.scheme):
            texts.setdefault(each.scheme, {})[each.ciphertext] = each.text
    for scheme, own in texts.items():
        lines.update(field.dictionary.lines(scheme, own))
    return lines
