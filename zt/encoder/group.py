"""Events of one shape on their way through a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from analytics.wire import MAX_LINE, encode_ascii_all, encode_json_all
from zt.encoder.derived import Derived
from zt.encoder.fields import FieldPlan
from zt.encoder.layout import Layout
from zt.encoder.made import MadeValues, keys_of
from zt.encoder.pieces import Texts, joined
from zt.encoder.plan import Plan
from zt.encoder.seal import SealedField, sealed_place, sealed_value, sealed_values
from zt.encoder.shapes import HIDDEN, Values, entry_of
from zt.errors import EventError

MadeOf = Callable[[FieldPlan], MadeValues]


class Inputs(NamedTuple):
    """Events to encrypt.

    Attributes:
        events: in plaintext.
        ids: 16 bytes for each.
        derived: for each its derived fields by path, if they were encrypted before: what they
            came from may have been dropped then. None: they are derived now.
    """

    events: Sequence[dict[str, Any]]
    ids: Sequence[bytes]
    derived: Sequence[dict[str, Any]] | None = None

    def take(self, numbers: Sequence[int]) -> Inputs:
        """Those with these numbers."""
        if len(numbers) == len(self.events):
            return self
        events, ids, derived = self
        return Inputs(
            [events[n] for n in numbers],
            [ids[n] for n in numbers],
            None if derived is None else [derived[n] for n in numbers],
        )


class Notes(NamedTuple):
    """What a batch has to know of its events.

    Attributes:
        seen: the visible fields, by path.
        asked: the keys of values that may have value records.
        fallbacks: values that their scheme could not take, by field.
    """

    seen: dict[str, FieldPlan]
    asked: dict[MadeValues, set[Hashable]]
    fallbacks: Counter[str]


class _Cells(NamedTuple):
    """A visible field in each event of a group.

    Attributes:
        json: what stands there, a derived field's key included.
        sealed: what the seal covers of it, its place included.
        leaves: for how many leaves that counts; None: one everywhere.
        originals: what the blob keeps of it: entries of its `r`, each with a comma behind; None:
            nothing anywhere.
    """

    json: Texts
    sealed: list[bytes | Texts]
    leaves: Sequence[int] | None = None
    originals: Texts | None = None

    def sealed_as(self, path: str) -> SealedField:
        """What the seal covers."""
        return SealedField(path, self.sealed, self.leaves)


_Piece = tuple[bytes, bytes, bytes | None]


class _Pieces(NamedTuple):
    """What was made of a field's values: see `Made` in `zt.encoder.made`."""

    json: Texts
    sealed: Texts
    originals: Sequence[bytes | None]


class Group:
    """The events of one shape in a batch, in order."""

    def __init__(
        self,
        plan: Plan,
        layout: Layout,
        inputs: Inputs,
        made: MadeOf,
        derived: Derived,
        notes: Notes,
    ) -> None:
        """Takes the events apart and asks for what is to be made of their values.

        The events themselves are not kept: objects take many times the bytes of the texts.
        """
        columns = layout.columns(inputs.events)
        self._plan = plan
        self._layout = layout
        self._ids = inputs.ids
        self._hidden = _hidden(layout, columns, len(inputs.ids))
        self._columns = {number: columns[number] for number, _, _ in layout.visible}
        self._keys: dict[int | str, Sequence[Hashable]] = {}
        for number, field, is_array in layout.visible:
            column = columns[number]
            self._ask(made, notes, number, field, _scalars(column) if is_array else column)
        self._derived = {
            path: (field, values)
            for path, field, values in self._derive(inputs, columns, derived)
            if values.count(None) < len(values)
        }
        for path, (field, values) in self._derived.items():
            self._ask(made, notes, path, field, _scalars(values))

    def _derive(
        self, inputs: Inputs, columns: Sequence[Values], derived: Derived
    ) -> Iterator[tuple[str, FieldPlan, list[Any]]]:
        """The derived fields that are visible, with a value or None for each event."""
        for path, rule in self._plan.profile.derive.items():
            if (field := self._plan.field(path)) is None:
                continue
            if inputs.derived is None:
                source = self._layout.source(rule.source, inputs.events, columns)
                values = derived.values(path, source)
            else:
                values = [each.get(path) for each in inputs.derived]
            # what no scheme takes is left out: the source itself is hidden as well
            yield (
                path,
                field,
                [
                    None if value is None or entry_of(field, value) == HIDDEN else value
                    for value in values
                ],
            )

    def lines(self, made: MadeOf, notes: Notes) -> list[bytes | EventError]:
        """The events as wire lines, once all was made."""
        plan, ids = self._plan, self._ids
        cells = {
            number: self._cells(number, field, is_array, made, notes)
            for number, field, is_array in self._layout.visible
        }
        derived = {
            path: self._derived_cells(field, values, made, notes)
            for path, (field, values) in self._derived.items()
        }
        opaque = plan.blob.seal_all(self._blobs(cells), ids)
        sealed = [
            *(each.sealed_as(self._layout.paths[number]) for number, each in cells.items()),
            *(each.sealed_as(path) for path, each in derived.items()),
        ]
        seals = plan.seal.compute_all(ids, plan.kid, plan.profile_id, sealed, opaque)
        names = f'","kid":"{plan.kid}","profile":"{plan.profile_id}","opaque":"'.encode()
        lines = joined(
            [
                *(
                    piece if isinstance(piece, bytes) else cells[piece].json
                    for piece in self._layout.body
                ),
                *(each.json for each in derived.values()),
                b'"zt":{"id":"',
                encode_ascii_all(ids),
                names,
                opaque,
                b'","seal":"',
                seals,
                b'"}}\n',
            ],
            len(ids),
        )
        if max(map(len, lines)) <= MAX_LINE:
            return list(lines)
        return [line if len(line) <= MAX_LINE else _too_long() for line in lines]

    def _blobs(self, cells: dict[int, _Cells]) -> Iterable[bytes]:
        """The blob of each event as JSON."""
        kept = [each.originals for each in cells.values() if each.originals is not None]
        if not kept:
            return [text + b"]}" for text in self._hidden]
        originals = [text[:-1] for text in joined(kept, len(self._ids))]
        return joined([self._hidden, originals, b"]}"], len(self._ids))

    # --- one field ---------------------------------------------------------------------------

    def _ask(
        self, made: MadeOf, notes: Notes, place: int | str, field: FieldPlan, values: Values
    ) -> None:
        if field.fallback is not None:
            keys = self._keys[place] = keys_of(values)
            made(field).ask(keys, values)
            if field.dictionary is not None:
                notes.asked.setdefault(made(field), set()).update(keys)

    def _made(self, made: MadeOf, place: int | str, field: FieldPlan, notes: Notes) -> _Pieces:
        """What was made of the values of a leaf or derived field; nothing of clear ones."""
        notes.seen[field.path] = field
        if not (keys := self._keys.get(place)):
            return _Pieces((), (), ())
        found = map(made(field).made.__getitem__, keys)
        json, sealed, originals, fallen, _ = zip(*found, strict=True)
        if True in fallen:
            notes.fallbacks[field.path] += fallen.count(True)
        return _Pieces(json, sealed, originals)

    def _cells(
        self, number: int, field: FieldPlan, is_array: bool, made: MadeOf, notes: Notes
    ) -> _Cells:
        """A field that stays in the events."""
        column, keys = self._columns[number], self._layout.keys[number]
        found = self._made(made, number, field, notes)
        if is_array:
            items = zip(*found, strict=True)
            rows = [_array(field, keys, array, items) for array in column]
            texts, parts, leaves, originals = zip(*rows, strict=True)
            return _Cells(texts, [parts], leaves, originals)
        place = sealed_place(field.path, -1)
        if field.fallback is None:
            return _Cells(encode_json_all(column), [place, sealed_values(column)])
        kept = None
        if any(found.originals):
            head = b"[" + keys + b",null,"
            kept = [b"" if text is None else head + text + b"]," for text in found.originals]
        return _Cells(found.json, [place, found.sealed], None, kept)

    def _derived_cells(
        self, field: FieldPlan, values: Values, made: MadeOf, notes: Notes
    ) -> _Cells:
        """A derived field, where events have it."""
        items = zip(*self._made(made, field.path, field, notes), strict=True)
        key = msgspec.json.encode(field.path) + b":"
        rows: list[tuple[bytes, bytes, int]] = []
        for value in values:
            if value is None:
                rows.append((b"", b"", 0))
            elif isinstance(value, list):
                json, sealed, leaves, _ = _array(field, b"", value, items)
                rows.append((key + json + b",", sealed, leaves))
            else:
                json, sealed, _ = _scalar(value, items, field)
                rows.append((key + json + b",", sealed_place(field.path, -1) + sealed, 1))
        texts, sealed_texts, counts = zip(*rows, strict=True)
        return _Cells(texts, [sealed_texts], counts)


def _hidden(layout: Layout, columns: Sequence[Values], count: int) -> list[bytes]:
    """The blob of each event as JSON, up to its originals."""
    pieces: list[bytes | Texts] = [b'{"o":[']
    between = b"["
    for number in layout.hidden:
        pieces += [between + layout.keys[number] + b",", encode_json_all(columns[number])]
        between = b"],["
    pieces.append(b'],"r":[' if between == b"[" else b']],"r":[')
    return joined(pieces, count)


def _array(
    field: FieldPlan, keys: bytes, array: Sequence[Any], items: Iterator[_Piece]
) -> tuple[bytes, bytes, int, bytes]:
    """An array of scalars: JSON, what the seal covers, how many leaves, and the originals."""
    texts, sealed, kept = [], [], []
    for index, value in enumerate(array):
        text, part, original = _scalar(value, items, field)
        texts.append(text)
        sealed.append(sealed_place(field.path, index) + part)
        if original is not None:
            kept.append(b"[%b,%d,%b]," % (keys, index, original))
    return b"[" + b",".join(texts) + b"]", b"".join(sealed), len(array), b"".join(kept)


def _scalar(value: Any, items: Iterator[_Piece], field: FieldPlan) -> _Piece:
    """A value's JSON, what the seal covers of it, and its original if that has to be kept."""
    if value is None or field.fallback is None:
        return msgspec.json.encode(value), sealed_value(value), None
    return next(items)


def _scalars(column: Values) -> list[Any]:
    """The values in a column, null excepted, those of arrays one by one."""
    found: list[Any] = []
    for value in column:
        if isinstance(value, list):
            found += [item for item in value if item is not None]
        elif value is not None:
            found.append(value)
    return found


def _too_long() -> EventError:  # long arrays of short values grow the most
    return EventError(
        f"longer than {MAX_LINE} bytes once it is encrypted", "the line is not encrypted"
    )
