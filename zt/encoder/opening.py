"""Opening encrypted events by column.

Here is only the way of events that are as they should be. What is not, of a reader ring too, is
left to `Decoder.open`, which looks at one event alone and says what is wrong with it. So nothing
is believed here that is not believed there: every seal is verified before a value is opened.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from itertools import compress
from typing import Any

from analytics.wire import EventLine, Keys, decode_all, is_scalar_array
from keys import KeysError
from zt.encoder.fields import FieldPlan
from zt.encoder.pieces import Texts
from zt.encoder.placing import put_all, replace
from zt.encoder.plan import Plan
from zt.encoder.seal import SealedField, sealed_place, sealed_value, sealed_values
from zt.encoder.shapes import ARRAY, HIDDEN, PLAIN, SCALARS, Place, Shape, Shapes, Values
from zt.errors import IntegrityError, ZtError

Event = dict[str, Any]


class Opener:
    """Opens the events of one epoch and profile."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._is_full = plan.opens_hidden and not plan.withheld()
        self._shapes = Shapes(_WirePlace)

    def open(self, lines: Sequence[EventLine]) -> list[Event | ZtError | None]:
        """Each event as it was before encryption, which may be made of the line's own objects.

        None: it has to be opened alone. An error: it can't be opened.
        """
        results: list[Event | ZtError | None] = [None] * len(lines)
        if not self._is_full:
            return results
        if self._shapes.are_many():
            self._shapes = Shapes(_WirePlace)
        for shape, numbers in self._shapes.groups([line.body for line in lines]).items():
            try:
                group = _Group(self._plan, shape, [lines[number] for number in numbers])
                sealed = group.verified()
                numbers = list(compress(numbers, sealed))
                if not all(sealed) and numbers:
                    group = _Group(self._plan, shape, [lines[number] for number in numbers])
                opened = group.open() if numbers else []
            except (ZtError, KeysError, ValueError):
                continue
            for number, event in zip(numbers, opened, strict=True):
                results[number] = event
        return results


class _WirePlace(Place):
    """A place in an encrypted event, of which all is looked into."""

    __slots__ = ()

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys, is_branch=True)

    def entry(self, value: Any) -> str:
        """`HIDDEN` is what no encrypted event has."""
        if not isinstance(value, list) or not value:
            return PLAIN
        return ARRAY if is_scalar_array(value) else HIDDEN

    def are_plain(self, column: Values, types: set[type]) -> bool:
        """All scalars are."""
        return types <= SCALARS


class _Group:
    """Events of one shape.

    Raises:
        IntegrityError: the plan shows no such event.
        ValueError: an id is none.
    """

    def __init__(self, plan: Plan, shape: Shape, lines: Sequence[EventLine]) -> None:
        self._plan = plan
        self._metas = [line.meta for line in lines]
        self._ids = decode_all([meta.id for meta in self._metas])
        self._events: list[Event] = [line.body for line in lines]
        self._leaves = list(shape.leaves())
        self._derived = [path for path in plan.profile.derive if self._has_derived(path)]
        self._fields: list[FieldPlan] = []
        for place, entry in self._leaves:
            field = plan.field(place.path)
            if field is None or entry == HIDDEN:
                raise IntegrityError("an event has what its profile shows nowhere", "look at it")
            self._fields.append(field)
        self._walked = list(shape.walk(self._events))

    def verified(self) -> list[bool]:
        """Whether the seal of each event verifies."""
        sealed = []
        for (place, entry), (_, column) in zip(self._leaves, self._walked, strict=True):
            if entry == PLAIN:
                pieces: list[bytes | Texts] = [sealed_place(place.path, -1), sealed_values(column)]
                sealed.append(SealedField(place.path, pieces, None))
            else:
                texts = [_sealed_array(place.path, array) for array in column]
                sealed.append(SealedField(place.path, [texts], list(map(len, column))))
        plan = self._plan
        opaque = [meta.opaque.encode() for meta in self._metas]
        right = plan.seal.compute_all(self._ids, plan.kid, plan.profile_id, sealed, opaque)
        given = [meta.seal.encode() for meta in self._metas]
        return list(map(hmac.compare_digest, right, given))

    def open(self) -> list[Event | ZtError]:
        """The events as they were; their seals must have verified.

        Raises:
            ZtError: one of them does not open.
        """
        hidden = self._plan.blob.open_all([meta.opaque for meta in self._metas], self._ids)
        revealed = [self._reveal(n) for n in range(len(self._leaves))]
        # from here on the lines' own objects are changed
        for (place, _), (objects, _), column in zip(
            self._leaves, self._walked, revealed, strict=True
        ):
            if column is not None:
                key = place.keys[-1]
                for each, value in zip(objects, column, strict=True):
                    each[key] = value
        opened: list[Event | ZtError] = []
        for event, (entries, originals) in zip(self._events, hidden, strict=True):
            for path in self._derived:
                del event[path]
            try:
                for original in originals:
                    replace(event, *original)
                put_all(event, entries)
            except IntegrityError as error:
                opened.append(error)
            else:
                opened.append(event)
        return opened

    def _reveal(self, number: int) -> Values | None:
        """The canonical values of a leaf; None where they are what stands there."""
        field, (_, entry), (_, column) = (
            self._fields[number],
            self._leaves[number],
            self._walked[number],
        )
        if field.fallback is None:
            return None
        if entry == PLAIN:
            return field.reveal_all(column)
        items = iter(field.reveal_all([v for array in column for v in array if v is not None]))
        return [[None if v is None else next(items) for v in array] for array in column]

    def _has_derived(self, path: str) -> bool:
        """Whether a derived field is there.

        Raises:
            IntegrityError: it is not where it was put.
        """
        if any(place.keys == (path,) for place, _ in self._leaves):
            return True
        if any((place.path + ".").startswith(path + ".") for place, _ in self._leaves):
            raise IntegrityError("a derived field was respelled", "look at it")
        return False


def _sealed_array(path: str, array: Sequence[Any]) -> bytes:
    return b"".join(
        [sealed_place(path, index) + sealed_value(item) for index, item in enumerate(array)]
    )
