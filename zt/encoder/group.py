"""Events of one shape on their way through a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from analytics.wire import MAX_LINE, encode_all, encode_json_all
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


class Input(NamedTuple):
    """An event to encrypt.

    Attributes:
        event: in plaintext.
        id: its 16 bytes.
        derived: its derived fields by path, if it was encrypted before: what they came from may
            have been dropped then. None: they are derived now.
    """

    event: dict[str, Any]
    id: bytes
    derived: dict[str, Any] | None = None


class Notes(NamedTuple):
    """What a batch has to know of its events; see `zt.encoder.batch.Batch`."""

    seen: dict[str, FieldPlan]
    records: set[bytes]
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

    def __init__(self, plan: Plan, layout: Layout, inputs: Sequence[Input]) -> None:
        self._plan = plan
        self._layout = layout
        self._inputs = inputs
        self._events = [each.event for each in inputs]
        self._columns = layout.columns(self._events)
        self._derived: dict[str, tuple[FieldPlan, list[Any]]] = {}
        self._keys: dict[int | str, Sequence[Hashable]] = {}

    def ask(self, made: MadeOf, derived: Derived) -> None:
        """Ask for what is to be made of the values."""
        for number, visible, is_array in self._layout.visible:
            column = self._columns[number]
            self._ask(made, number, visible, _scalars(column) if is_array else column)
        for path, rule in self._plan.profile.derive.items():
            if (field := self._plan.field(path)) is None:
                continue
            if self._inputs[0].derived is None:
                source = self._layout.source(rule.source, self._events, self._columns)
                values = derived.values(path, source)
            else:
                values = [(each.derived or {}).get(path) for each in self._inputs]
            # what no scheme takes is left out: the source itself is hidden as well
            values = [
                None if value is None or entry_of(field, value) == HIDDEN else value
                for value in values
            ]
            if values.count(None) < len(values):
                self._derived[path] = field, values
                self._ask(made, path, field, _scalars(values))

    def lines(self, made: MadeOf, notes: Notes) -> list[bytes | EventError]:
        """The events as wire lines, once all was made."""
        plan, ids = self._plan, [each.id for each in self._inputs]
        cells = {
            number: self._cells(number, field, is_array, made, notes)
            for number, field, is_array in self._layout.visible
        }
        derived = {
            path: self._derived_cells(field, values, made, notes)
            for path, (field, values) in self._derived.items()
        }
        opaque = plan.blob.seal_all(self._hidden(cells), ids)
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
                _ascii(encode_all(ids)),
                names,
                _ascii(opaque),
                b'","seal":"',
                _ascii(seals),
                b'"}}\n',
            ],
            len(ids),
        )
        if max(map(len, lines)) <= MAX_LINE:
            return list(lines)
        return [line if len(line) <= MAX_LINE else _too_long() for line in lines]

    def _hidden(self, cells: dict[int, _Cells]) -> Iterable[bytes]:
        """The blob of each event as JSON."""
        pieces: list[bytes | Texts] = [b'{"o":[']
        between = b"["
        for number in self._layout.hidden:
            pieces += [
                between + self._layout.keys[number] + b",",
                encode_json_all(self._columns[number]),
            ]
            between = b"],["
        pieces.append(b'],"r":[' if between == b"[" else b']],"r":[')
        kept = [each.originals for each in cells.values() if each.originals is not None]
        if kept:
            pieces.append([text[:-1] for text in joined(kept, len(self._inputs))])
        return joined([*pieces, b"]}"], len(self._inputs))

    # --- one field ---------------------------------------------------------------------------

    def _ask(self, made: MadeOf, place: int | str, field: FieldPlan, values: Values) -> None:
        if field.fallback is not None:
            keys = keys_of(values)
            made(field).ask(keys, values)
            self._keys[place] = keys

    def _made(self, made: MadeOf, place: int | str, field: FieldPlan, notes: Notes) -> _Pieces:
        """What was made of the values of a leaf or derived field; nothing of clear ones."""
        notes.seen[field.path] = field
        if not (keys := self._keys.get(place)):
            return _Pieces((), (), ())
        found = map(made(field).made.__getitem__, keys)
        json, sealed, originals, fallen, records = zip(*found, strict=True)
        if True in fallen:
            notes.fallbacks[field.path] += fallen.count(True)
        if field.dictionary is not None:
            notes.records.update(filter(None, records))
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


def _ascii(texts: Sequence[str]) -> list[bytes]:
    return list(map(str.encode, texts))


def _too_long() -> EventError:  # long arrays of short values grow the most
    return EventError(
        f"longer than {MAX_LINE} bytes once it is encrypted", "the line is not encrypted"
    )
