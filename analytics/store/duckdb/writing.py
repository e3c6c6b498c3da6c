"""Pending events and value records as numpy columns into the tables.

DuckDB reads numpy arrays in place: no row is bound one by one. Objects (strings, bytes) are the
slow ones, so each distinct text crosses once and events carry integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from analytics.store.duckdb.folding import fold_lines
from analytics.store.duckdb.numbering import owner_of_column, owner_of_keyspace
from analytics.store.duckdb.registry import ListKey, StoredRegistry
from analytics.store.duckdb.runs import EVENT_KEYS, RECORD_KEYS, TEXT_KEYS
from analytics.store.duckdb.state import State
from analytics.store.duckdb.texts import (
    Ids,
    Registered,
    find_refs,
    key_words,
    objects,
    resolve,
    text_key,
)
from analytics.store.intake.columns import Column, as_address, as_number, as_time
from analytics.store.intake.pending import Group, Pending, rate_slot
from analytics.store.intake.registry import StoredColumn
from analytics.wire import as_weight

Array = npt.NDArray[Any]

_V6 = "({high}::UHUGEINT * 18446744073709551616::UHUGEINT + {low}::UHUGEINT)"


def write_records(
    connection: duckdb.DuckDBPyConnection, state: State, registry: StoredRegistry, pending: Pending
) -> int:
    """Store the value records that are not there yet; how many."""
    if not pending.records:
        return 0
    keys = key_words(pending.records)
    new = np.flatnonzero(find_refs(connection, RECORD_KEYS, keys) == 0)
    if not len(new):
        return 0
    all_records = list(pending.records.values())
    records = [all_records[i] for i in new]
    by_keyspace: dict[str, list[int]] = {}
    for i, record in enumerate(records):
        by_keyspace.setdefault(record.keyspace, []).append(i)
    unknown = _Unknown(state)
    texts = np.zeros(len(records), dtype=np.int64)
    for keyspace, places in by_keyspace.items():
        texts[places] = state.texts.of([records[i].ct for i in places])
        unknown.belong_to(owner_of_keyspace(keyspace))
    settled = unknown.settle(connection)
    lists = [
        registry.add_list(
            connection, ListKey(record.kid, record.keyspace, record.scheme, record.search or "")
        )
        for record in records
    ]
    ids = np.arange(1, len(records) + 1, dtype=np.uint32) + np.uint32(state.last_record)
    tokens = [np.array(record.tokens, dtype="<u4") for record in records]
    counts = np.array([len(array) for array in tokens])
    arrays = {
        "id": ids,
        "list": np.array(lists, dtype=np.int32),
        "text": resolve(texts, settled),
        "tokens": objects([array.tobytes() for array in tokens]),
        "tag": objects([record.tag for record in records]),
        "h": keys[new, 0],
        "l": keys[new, 1],
    }
    with Registered(connection, "batch", arrays):
        connection.execute(
            "INSERT INTO records SELECT id, list, text, tokens::BLOB, tag FROM batch"
        )
        connection.execute("INSERT INTO record_keys_tail SELECT h, l, id FROM batch")
    postings = {
        "list": np.repeat(arrays["list"], counts),
        "token": np.concatenate(tokens),
        "record": np.repeat(ids, counts),
    }
    with Registered(connection, "batch", postings):
        connection.execute("INSERT INTO postings_tail SELECT list, token, record FROM batch")
    return len(records)


def write_events(
    connection: duckdb.DuckDBPyConnection, state: State, registry: StoredRegistry, pending: Pending
) -> int:
    """Store the events that are not there yet; how many."""
    written = 0
    for group in pending.groups:
        keys = key_words(group.ids)
        known = find_refs(connection, EVENT_KEYS, keys) != 0
        if known.any():
            group.keep(np.flatnonzero(~known).tolist())
            keys = keys[~known]
        if group.ids:
            first = state.position + written + 1
            write_group(connection, state, registry, group, keys, first)
            written += len(group.ids)
    return written


def write_group(
    connection: duckdb.DuckDBPyConnection,
    state: State,
    registry: StoredRegistry,
    group: Group,
    keys: npt.NDArray[np.uint64],
    first: int,
) -> None:
    """Store events of one shape at the positions from `first` on, whose keys are `keys`."""
    size = len(group.ids)
    slots: list[Sequence[Any]] = list(zip(*group.rows, strict=True))
    slot_of = group.shape.slots
    columns = {column.path: Column(slots[slot_of[column.path]]) for column in group.columns}
    unknown = _Unknown(state)
    texts = {}
    for column in group.columns:
        values = columns[column.path]
        texts[column.path] = state.texts.of(values.texts)
        for elements in values.several.values():
            state.texts.of([text for _, text in elements])
        unknown.belong_to(owner_of_column(column.number))
    settled = unknown.settle(connection)
    ids = {path: resolve(provisional, settled) for path, provisional in texts.items()}

    seq = np.arange(first, first + size, dtype=np.int64)
    arrays: dict[str, Array] = {"seq": seq, "h": keys[:, 0].copy(), "l": keys[:, 1].copy()}
    arrays["raw"] = objects(
        fold_lines(group.lines, ((columns[path].texts, ids[path]) for path in columns))
    )
    times = slots[slot_of[group.part.time]] if group.part.time is not None else ()
    arrays["t"] = _masked([as_time(value) for value in times] or [None] * size, np.int64)
    rate = rate_slot(group)
    arrays["weight"] = (
        np.ones(size, dtype=np.int64)
        if rate is None
        else np.fromiter(map(as_weight, slots[rate]), np.int64, size)
    )
    targets = ["seq", "part", "h", "l", "t", "weight", "raw"]
    sources = ["seq", str(int(group.part.number)), "h", "l", "t", "weight", "raw"]
    for column in group.columns:
        n = column.number
        arrays[f"c{n}"] = ids[column.path]
        targets.append(f"c{n}")
        sources.append(f"nullif(c{n}, 0)")
        for target, source in _typed(column, columns[column.path].values, arrays):
            targets.append(target)
            sources.append(source)
    with Registered(connection, "batch", arrays):
        connection.execute(
            f"INSERT INTO events ({', '.join(targets)}) SELECT {', '.join(sources)} FROM batch"
        )
        connection.execute("INSERT INTO event_keys_tail SELECT h, l, seq FROM batch")
    _write_elements(connection, state, registry, group.columns, columns, first)


def _typed(
    column: StoredColumn, values: Sequence[Any], arrays: dict[str, Array]
) -> list[tuple[str, str]]:
    """Add the arrays of a column's values to compare by; (target, expression) of each."""
    n = column.number
    match column.kind:
        case "number":
            arrays[f"x{n}"] = _numbers(values)
        case "time":
            arrays[f"x{n}"] = _masked(list(map(as_time, values)), np.int64)
        case "ip":
            distinct = {value: as_address(value) for value in set(values)}
            parsed = [distinct[value] for value in values]
            v4 = [value if isinstance(value, int) else None for value in parsed]
            arrays[f"x{n}"] = _masked(v4, np.uint32)
            if not any(isinstance(value, tuple) for value in distinct.values()):
                return [(f"x{n}", f"x{n}")]
            high = [value[0] if isinstance(value, tuple) else None for value in parsed]
            low = [value[1] if isinstance(value, tuple) else None for value in parsed]
            arrays[f"high{n}"] = _masked(high, np.uint64)
            arrays[f"low{n}"] = _masked(low, np.uint64)
            v6 = _V6.format(high=f"high{n}", low=f"low{n}")
            return [(f"x{n}", f"x{n}"), (f"y{n}", v6)]
        case _:
            return []
    return [(f"x{n}", f"x{n}")]


def _write_elements(
    connection: duckdb.DuckDBPyConnection,
    state: State,
    registry: StoredRegistry,
    stored: Sequence[StoredColumn],
    columns: dict[str, Column],
    first: int,
) -> None:
    rows: list[tuple[int, int, int, Any, Any, Any, Any, Any]] = []
    for column in stored:
        for event, elements in columns[column.path].several.items():
            registry.mark_multi(connection, column.number)
            for element, text in elements:
                address = as_address(element) if column.kind == "ip" else None
                v6 = address if isinstance(address, tuple) else (None, None)
                rows.append(
                    (
                        column.number,
                        first + event,
                        state.texts[text],
                        as_number(element) if column.kind == "number" else None,
                        as_time(element) if column.kind == "time" else None,
                        address if isinstance(address, int) else None,
                        *v6,
                    )
                )
    if not rows:
        return
    n, seq, c, number, moment, v4, high, low = zip(*rows, strict=True)
    arrays: dict[str, Array] = {
        "n": np.array(n, dtype=np.int32),
        "seq": np.array(seq, dtype=np.int64),
        "c": np.array(c, dtype=np.uint32),
        "number": _masked(number, np.float64),
        "time": _masked(moment, np.int64),
        "v4": _masked(v4, np.uint32),
        "high": _masked(high, np.uint64),
        "low": _masked(low, np.uint64),
    }
    v6_sql = _V6.format(high="high", low="low")
    with Registered(connection, "batch", arrays):
        connection.execute(
            f"INSERT INTO elements SELECT n, seq, c, number, time, v4, {v6_sql} FROM batch"
        )


class _Unknown:
    """The texts that a transaction meets and `state.texts` does not know."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._owners: list[tuple[str, int]] = []

    def belong_to(self, owner: str) -> None:
        """Let an owner number those that were met since the call before."""
        self._owners.append((owner, len(self._state.texts.unknown)))

    def settle(self, connection: duckdb.DuckDBPyConnection) -> Ids:
        """Give all of them their ids, stored before or now; in their order."""
        state, unknown = self._state, self._state.texts.unknown
        if not unknown:
            return np.zeros(0, dtype=np.uint32)
        keys = key_words(map(text_key, unknown))
        ids = find_refs(connection, TEXT_KEYS, keys).astype(np.uint32)
        new = np.flatnonzero(ids == 0)
        start = 0
        for owner, end in self._owners:
            own = new[np.searchsorted(new, start) : np.searchsorted(new, end)]
            ids[own] = state.numbering.take(owner, len(own))
            start = end
        state.texts.settle(ids)
        if len(new):
            state.numbering.save(connection)
            arrays = {
                "id": ids[new],
                "text": objects([unknown[i] for i in new]),
                "h": keys[new, 0],
                "l": keys[new, 1],
            }
            with Registered(connection, "batch", arrays):
                connection.execute("INSERT INTO texts SELECT id, text FROM batch")
                connection.execute("INSERT INTO text_keys_tail SELECT h, l, id FROM batch")
        return ids


def _numbers(values: Sequence[Any]) -> Array:
    """Numbers as binary64, null where there is none."""
    types = set(map(type, values))
    if types <= {int, float}:
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:
            pass
    return _masked(list(map(as_number, values)), np.float64)


def _masked(values: Sequence[Any], dtype: Any) -> Array:
    """An array in which None is null."""
    mask = np.fromiter((value is None for value in values), np.bool_, len(values))
    data = np.array([0 if value is None else value for value in values], dtype=dtype)
    masked: Array = np.ma.MaskedArray(data, mask=mask)
    return masked
