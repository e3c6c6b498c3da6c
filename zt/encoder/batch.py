"""One batch on its way: its events' fields derived, protected, hidden or dropped, by column.

Events fall into groups of one shape. First the values of all groups are gathered, then ciphers
and tokens run over all distinct ones together, then the lines are put together from pieces, of
which most are the same for all events of a group. No step looks at one event alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from zt.encoder.derived import Derived
from zt.encoder.fields import FieldPlan
from zt.encoder.group import Group, Inputs, Notes
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


class Taken(NamedTuple):
    """Events that were looked at: how many, and those that can be encrypted by shape.

    Each group comes with its events' numbers.
    """

    size: int
    groups: list[tuple[Group, list[int]]]


class Batch:
    """The events of one batch on their way, and what its header and records must say.

    Attributes:
        seen: the visible fields, by path.
        records: the lines of its value records.
        fallbacks: values that their scheme could not take, by field.
    """

    def __init__(self, carried: Carried) -> None:
        self._carried = carried
        self._notes = Notes({}, {}, Counter())
        self._recorded: dict[MadeValues, set[Hashable]] = {}
        self.seen, _, self.fallbacks = self._notes
        self.records: set[bytes] = set()

    def events(self, inputs: Inputs) -> list[bytes | EventError]:
        """Each event encrypted, as a wire line, or why it can't be.

        An event can't be if it has a field already where one is to be derived, or if it outgrows
        a line.
        """
        return self.finish([self.take(inputs)])

    def take(self, inputs: Inputs) -> Taken:
        """Events that were looked at, and whose values were asked for; `finish` encrypts them.

        So many values are made together, but few events are held as objects.
        """
        carried, groups = self._carried, []
        for shape, numbers in carried.shapes.groups(inputs.events).items():
            layout = carried.layout(shape)
            if not layout.is_occupied:
                own = inputs.take(numbers)
                group = Group(carried.plan, layout, own, carried.made, carried.derived, self._notes)
                groups.append((group, numbers))
        return Taken(len(inputs.events), groups)

    def finish(self, taken: Iterable[Taken]) -> list[bytes | EventError]:
        """All that was taken, encrypted; see `events`."""
        carried = self._carried
        carried.make()
        self._record()
        results: list[bytes | EventError] = []
        for size, groups in taken:
            lines: list[bytes | EventError] = [_occupied()] * size
            for group, numbers in groups:
                made = group.lines(carried.made, self._notes)
                for number, line in zip(numbers, made, strict=True):
                    lines[number] = line
            results += lines
        carried.forget()
        return results

    def _record(self) -> None:
        """Take in the value records of what was asked for, each once."""
        for values, keys in self._notes.asked.items():
            recorded = self._recorded.setdefault(values, set())
            new = keys - recorded
            recorded |= new
            self.records.update(filter(None, [values.made[key][4] for key in new]))
            keys.clear()

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
