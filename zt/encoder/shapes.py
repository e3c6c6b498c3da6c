"""The structures of events: what a profile says of their keys is found out once for each.

Events of one shape have the same keys in the same order, at every level that the profile looks
into, and values that are treated alike in the same places. So a batch falls into groups whose
values form columns. What is hidden or dropped as a whole has no structure here, whatever it
holds: of that neither number nor kind of shapes depends on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Literal

from analytics.wire import Keys, is_scalar_array
from zt.encoder.fields import FieldPlan
from zt.encoder.plan import Plan

REMEMBERED = 50_000
"""Places in all shapes; keys are the sender's to choose and must not fill the memory."""

SHORT = 1024
"""Characters that fit every scheme, however they are spelled in UTF-8."""

PLAIN = "plain"
"""Visible: one value."""
ARRAY = "array"
"""Visible: an array of scalars."""
HIDDEN = "hidden"
DROPPED = "dropped"

SCALARS = frozenset({str, int, float, bool, type(None)})

Values = Sequence[Any]
"""A value for each event of a group."""


class Place(ABC):
    """A key of an object at one place, and what is done with its value.

    Attributes:
        keys: the segments of the path as the events spell them.
        path: dotted.
        is_branch: whether objects there are looked into, field by field.
        always: what is done with the value, whatever it is; None: that depends on it.
    """

    __slots__ = ("always", "is_branch", "keys", "path")  # a hostile event has a million places

    def __init__(self, keys: Keys, *, is_branch: bool, always: str | None = None) -> None:
        self.keys = keys
        self.path = ".".join(keys)
        self.is_branch = is_branch
        self.always = always

    @abstractmethod
    def entry(self, value: Any) -> str:
        """What is done with a value: `PLAIN`, `ARRAY` or `HIDDEN`."""

    @abstractmethod
    def are_plain(self, column: Values, types: set[type]) -> bool:
        """Whether this can tell at once that all values, of these types, are `PLAIN`."""


class PlanPlace(Place):
    """A place in an event that is to be encrypted."""

    __slots__ = ("_field", "_plan")

    def __init__(self, plan: Plan, keys: Keys) -> None:
        path = ".".join(keys)
        is_branch, is_dropped = plan.at(path)
        is_hidden = not is_branch and not plan.shows(path)
        always = DROPPED if is_dropped else HIDDEN if is_hidden else None
        super().__init__(keys, is_branch=is_branch, always=always)
        self._plan = plan
        self._field: FieldPlan | Literal[False] | None = False

    @property
    def field(self) -> FieldPlan | None:
        """What to do with a visible value; None if it is hidden.

        Found out only where there is one: patterns show no more than so many fields.
        """
        if self._field is False:
            self._field = self._plan.field(self.path)
        return self._field

    def entry(self, value: Any) -> str:
        """See `entry_of`."""
        return HIDDEN if self.field is None else entry_of(self.field, value)

    def are_plain(self, column: Values, types: set[type]) -> bool:
        """Texts that fit however they are spelled, and all scalars in clear."""
        if (field := self.field) is None:
            return False
        if field.fallback is None:
            return types <= SCALARS
        return types == {str} and max(map(len, column)) <= SHORT


class Shape:
    """A structure, compared by identity.

    Attributes:
        places: of the keys of the object, in its order.
        entries: for each of them what is done with its value, or the shape of an object whose
            fields are looked at one by one.
    """

    __slots__ = ("entries", "places")

    def __init__(self, places: Sequence[Place], entries: Sequence[str | Shape]) -> None:
        self.places = places
        self.entries = entries

    def leaves(self) -> Iterator[tuple[Place, str]]:
        """Each place that is no object of a shape of its own, in the events' order."""
        for place, entry in zip(self.places, self.entries, strict=True):
            if isinstance(entry, Shape):
                yield from entry.leaves()
            else:
                yield place, entry

    def columns(self, objects: Sequence[dict[str, Any]]) -> Iterator[Values]:
        """The values of each leaf in objects of this shape."""
        return (column for _, column in self.walk(objects))

    def walk(
        self, objects: Sequence[dict[str, Any]]
    ) -> Iterator[tuple[Sequence[dict[str, Any]], Values]]:
        """For each leaf the objects that hold it, and its values."""
        for entry, column in zip(self.entries, _columns(objects), strict=True):
            if isinstance(entry, Shape):
                yield from entry.walk(column)
            else:
                yield objects, column


Entries = str | Shape | list[str | Shape]
"""What is done with the values at a place: one answer for all, or one for each."""


class _Object:
    """Objects with the same keys at the same place."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self._shapes: dict[tuple[str | Shape, ...], Shape] = {}

    def shape(self, entries: tuple[str | Shape, ...]) -> Shape:
        if (shape := self._shapes.get(entries)) is None:
            shape = self._shapes[entries] = Shape(self.places, entries)
        return shape

    def __len__(self) -> int:
        return len(self._shapes)


class Shapes:
    """Finds the shapes of events.

    Args:
        place: what is known of a place, given the segments of its path.
    """

    def __init__(self, place: Callable[[Keys], Place]) -> None:
        self._place = place
        self._objects: dict[tuple[Keys, tuple[str, ...]], _Object] = {}

    def groups(self, events: Sequence[dict[str, Any]]) -> dict[Shape, list[int]]:
        """The events' numbers by shape."""
        groups: dict[Shape, list[int]] = {}
        for number, shape in enumerate(self._of(events, ()) if events else ()):
            groups.setdefault(shape, []).append(number)
        return groups

    def are_many(self) -> bool:
        """Whether there are more than should be remembered."""
        return sum([len(o.places) * (1 + len(o)) for o in self._objects.values()]) > REMEMBERED

    def _of(self, objects: Sequence[dict[str, Any]], above: Keys) -> Iterable[Shape]:
        """The shape of each object at a place."""
        keys = list(map(tuple, objects))
        if keys.count(keys[0]) == len(keys):  # as it is at most places
            shapes = self._same_keys(keys[0], objects, above)
            return repeat(shapes, len(keys)) if isinstance(shapes, Shape) else shapes
        rows: dict[tuple[str, ...], list[int]] = {}
        for row, own in enumerate(keys):
            rows.setdefault(own, []).append(row)
        found: dict[int, Shape] = {}
        for own, numbers in rows.items():
            shapes = self._same_keys(own, [objects[row] for row in numbers], above)
            each = repeat(shapes) if isinstance(shapes, Shape) else shapes
            found.update(zip(numbers, each, strict=False))
        return map(found.__getitem__, range(len(keys)))

    def _same_keys(
        self, keys: tuple[str, ...], objects: Sequence[dict[str, Any]], above: Keys
    ) -> Shape | list[Shape]:
        """The one shape of objects with these keys, or that of each."""
        known = self._objects.get((above, keys))
        if known is None:
            places = [self._place((*above, key)) for key in keys]
            known = self._objects[above, keys] = _Object(places)
        entries = [
            self._entries(place, column)
            for place, column in zip(known.places, _columns(objects), strict=True)
        ]
        if not any(isinstance(entry, list) for entry in entries):
            return known.shape(tuple(entries))  # type: ignore[arg-type]
        each = [entry if isinstance(entry, list) else repeat(entry) for entry in entries]
        return list(map(known.shape, zip(*each, strict=False)))

    def _entries(self, place: Place, column: Values) -> Entries:
        """What is done with the values at a place: one answer for all, or one for each."""
        if place.always is not None:
            return place.always
        types = set(map(type, column))
        if dict in types and place.is_branch:
            return self._below(place, column, types)
        if place.are_plain(column, types):
            return PLAIN
        return _one_or_each([place.entry(value) for value in column])

    def _below(self, place: Place, column: Values, types: set[type]) -> Entries:
        """The same where some of the values are objects that are looked into."""
        if len(types) == 1 and all(column):
            return _one_or_each(list(self._of(column, place.keys)))
        filled = [row for row, value in enumerate(column) if isinstance(value, dict) and value]
        shapes = self._of([column[row] for row in filled], place.keys) if filled else []
        found: dict[int, str | Shape] = dict(zip(filled, shapes, strict=True))
        for row, value in enumerate(column):
            if row not in found:
                found[row] = place.entry(value)
        return _one_or_each([found[row] for row in range(len(column))])


def entry_of(field: FieldPlan, value: Any) -> str:
    """What is done with one value of a visible field: `PLAIN`, `ARRAY` or `HIDDEN`."""
    is_keyed = field.fallback is not None
    if isinstance(value, list) and value:
        if not is_scalar_array(value):
            return HIDDEN
        fits = not is_keyed or all(item is None or field.fits(item) for item in value)
        return ARRAY if fits else HIDDEN
    if isinstance(value, dict) and value:
        return HIDDEN
    return PLAIN if not is_keyed or field.fits(value) else HIDDEN


def _one_or_each(entries: list[str | Shape]) -> Entries:
    return entries[0] if len(set(entries)) == 1 else entries


def _columns(objects: Sequence[dict[str, Any]]) -> Iterator[Values]:
    """The values of objects with the same keys, key by key."""
    return zip(*[each.values() for each in objects], strict=True)
