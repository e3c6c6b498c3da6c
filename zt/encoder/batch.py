"""One batch on its way: its events' fields derived, protected, hidden or dropped, by column.

Events fall into groups of one shape. First the values of all groups are gathered, then ciphers
and tokens run over all distinct ones together, then the lines are put together from pieces, of
which most are the same for all events of a group. No step looks at one event alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from zt.encoder.derived import Derived
from zt.encoder.fields import FieldPlan
from zt.encoder.group import Group, Input, Notes
from zt.encoder.layout import Layout
from zt.encoder.made import CARRIED, MadeValues, keys_of
from zt.encoder.plan import Plan
from zt.encoder.shapes import PlanPlace, Shape, Shapes
from zt.errors import EventError
from zt.schemes.base import UnfitError


class Carried:
    """What is carried from batch to batch of one plan: shapes, and what was made of values."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.shapes = Shapes(partial(PlanPlace, plan))
        self.derived = Derived(plan.profile.derive)
        self._layouts: dict[Shape, Layout] = {}
        self._made: dict[tuple[str, str], tuple[FieldPlan, MadeValues]] = {}

    def layout(self, shape: Shape) -> Layout:
        """The layout of a shape."""
        if (layout := self._layouts.get(shape)) is None:
            layout = self._layouts[shape] = Layout(self.plan, shape)
        return layout

    def made(self, field: FieldPlan) -> MadeValues:
        """What was made of the values of a field with keys."""
        place = (field.keyspace or "", field.scheme.name)
        if (known := self._made.get(place)) is None:
            known = self._made[place] = (field, MadeValues())
        return known[1]

    def make(self) -> None:
        """Make all that was asked for."""
        for field, values in self._made.values():
            values.make(field)

    def forget(self) -> None:
        """Keep the memory bounded whatever the stream's cardinality; between groups only."""
        made = [values for _, values in self._made.values()]
        for values in made:
            values.settle()
        if sum([values.size for values in made]) > CARRIED:
            for values in made:
                values.turn()
        if self.shapes.are_many():
            self.shapes = Shapes(partial(PlanPlace, self.plan))
            self._layouts.clear()


class Batch:
    """The events of one batch on their way, and what its header and records must say.

    Attributes:
        seen: the visible fields, by path.
        records: the lines of its value records.
        fallbacks: values that their scheme could not take, by field.
    """

    def __init__(self, carried: Carried) -> None:
        self._carried = carried
        self._notes = Notes({}, set(), Counter())
        self.seen, self.records, self.fallbacks = self._notes

    def events(self, inputs: Sequence[Input]) -> list[bytes | EventError]:
        """Each event encrypted, as a wire line, or why it can't be.

        An event can't be if it has a field already where one is to be derived, or if it outgrows
        a line.
        """
        carried = self._carried
        results: list[bytes | EventError] = [b""] * len(inputs)
        groups = []
        for shape, numbers in carried.shapes.groups([each.event for each in inputs]).items():
            layout = carried.layout(shape)
            if layout.is_occupied:
                for number in numbers:
                    results[number] = _occupied()
                continue
            group = Group(carried.plan, layout, [inputs[number] for number in numbers])
            group.ask(carried.made, carried.derived)
            groups.append((group, numbers))
        carried.make()
        for group, numbers in groups:
            for number, line in zip(numbers, group.lines(carried.made, self._notes), strict=True):
                results[number] = line
        carried.forget()
        return results

    def scalar(self, field: FieldPlan, value: Any) -> Any:
        """The ciphertext of a value that stands in no event of the batch, as a finding's group.

        Raises:
            UnfitError: no scheme can take it.
        """
        if not field.fits(value):
            raise UnfitError("no scheme can take it")
        values = self._carried.made(field)
        keys = keys_of([value])
        values.ask(keys, [value])
        values.make(field)
        json, *_, record = values.made[keys[0]]
        self._carried.forget()
        self.seen[field.path] = field
        if record is not None:
            self.records.add(record)
        return msgspec.json.decode(json)


def _occupied() -> EventError:
    return EventError(
        "it has a field already where the profile derives one",
        "the line is not encrypted; derive to another path",
    )
