"""How the events of one shape are laid out: what all of them have in common, found out once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from zt.encoder.plan import Plan
from zt.encoder.shapes import ARRAY, HIDDEN, PLAIN, PlanPlace, Shape, Values
from zt.values.paths import values_at

Piece = bytes | int
"""What stands in a text: the same in all events, or the value of a leaf, by its number."""


class Layout:
    """The layout of a shape under a plan.

    Attributes:
        paths: of all leaves.
        keys: the segments of their paths, as the blob has them.
        hidden: the numbers of leaves that go into the blob.
        visible: the numbers of those that stay, their fields, and whether they are arrays.
        is_occupied: whether an own field stands where one is to be derived, or below it. What is
            above a derived field is always looked into, so no hidden value holds one unseen.
        body: the encrypted event up to its derived fields, without its last brace.
    """

    def __init__(self, plan: Plan, shape: Shape) -> None:
        leaves = list(shape.leaves())
        self._shape = shape
        self._places = [place for place, _ in leaves]
        self.paths = [place.path for place in self._places]
        self.keys = [msgspec.json.encode(place.keys) for place in self._places]
        self.hidden = [n for n, (_, entry) in enumerate(leaves) if entry == HIDDEN]
        self.visible = [
            (n, place.field, entry == ARRAY)
            for n, (place, entry) in enumerate(leaves)
            if entry in (PLAIN, ARRAY) and isinstance(place, PlanPlace) and place.field is not None
        ]
        members = _members(shape, iter(range(len(leaves))))
        self.body: list[Piece] = [b"{", *_separated(members), *([b","] if members else [])]
        # values that are not looked into may be objects, and hold what is asked for here
        self._unseen = [n for n, (_, entry) in enumerate(leaves) if entry not in (PLAIN, ARRAY)]
        derived = plan.profile.derive
        self.is_occupied = any(
            (place.path + ".").startswith(path + ".") for place in self._places for path in derived
        )
        self._sources = {each.source: self._source(each.source) for each in derived.values()}

    def columns(self, events: Sequence[dict[str, Any]]) -> list[Values]:
        """The values of each leaf."""
        return list(self._shape.columns(events))

    def source(
        self, path: str, events: Sequence[dict[str, Any]], columns: Sequence[Values]
    ) -> Values:
        """The value in each event that a field is derived from; None if there is none."""
        number = self._sources[path]
        if number is None:
            return [None] * len(events)
        if number >= 0 and dict not in set(map(type, columns[number])):
            return columns[number]
        return [
            next((v for v in values_at(event, path) if not (isinstance(v, dict) and v)), None)
            for event in events
        ]

    def _source(self, path: str) -> int | None:
        """The number of the leaf at a path; -1: it has to be looked for; None: there is none."""
        if self._reaches_below(path):
            return -1
        return next((n for n, place in enumerate(self._places) if place.path == path), None)

    def _reaches_below(self, path: str) -> bool:
        return any(path.startswith(self._places[number].path + ".") for number in self._unseen)


def _members(shape: Shape, numbers: Iterator[int]) -> list[list[Piece]]:
    """The visible members of an object, each in pieces."""
    members: list[list[Piece]] = []
    for place, entry in zip(shape.places, shape.entries, strict=True):
        key = msgspec.json.encode(place.keys[-1]) + b":"
        if isinstance(entry, Shape):
            if inner := _members(entry, numbers):
                members.append([key + b"{", *_separated(inner), b"}"])
            continue
        number = next(numbers)
        if entry in (PLAIN, ARRAY):
            members.append([key, number])
    return members


def _separated(members: list[list[Piece]]) -> list[Piece]:
    pieces = [piece for member in members for piece in (b",", *member)]
    return pieces[1:]
