"""Reading rows by their numbers, the value dictionary, and which events have some ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from analytics.store.duckdb.registry import ListKey, StoredRegistry
from analytics.store.duckdb.runs import EVENT_KEYS, RECORD_KEYS
from analytics.store.duckdb.texts import Registered, find_refs, key_words
from analytics.store.intake.pending import parts_key
from analytics.wire import Lookup, ValueRecord, decode_bytes

_RAREST = 3
"""Tokens that are intersected at once."""

_READ_ONE_BY_ONE = 8192
"""Records that are read to look for the other tokens; of more, all postings are counted."""

CHUNK = 2048
"""Rows read at once: one vector of DuckDB's."""

Numbers = npt.NDArray[np.int64]

_WANTED = "(SELECT unnest(?::UBIGINT[]) AS k)"
"""The numbers of a parameter as a relation; thousands of them, a registered array is faster."""


def rows_by_number(
    connection: duckdb.DuckDBPyConnection, columns: str, table: str, key: str, wanted: Numbers
) -> list[tuple[Any, ...]]:
    """Rows of a table that is stored in the order of `key`, in any order.

    Of tables joined to it, whose rows are found in the same step, `columns` may name some too.
    """
    if not len(wanted):
        return []
    # Not IN with constants, which reads all of the wide columns: 10 lines of 1M took 100 ms so,
    # 7 ms by a join, which filters the narrow one first.
    return connection.execute(
        f"SELECT {columns} FROM {table} JOIN {_WANTED} w ON {key} = w.k", [wanted.tolist()]
    ).fetchall()


def find_records(
    connection: duckdb.DuckDBPyConnection, lists: Sequence[int], tokens: Sequence[int]
) -> Numbers:
    """The records in these lists that have all the tokens.

    Tokens are counted first, and only the postings of the rarest are intersected; the records
    that are left are asked for the others.
    """
    distinct = sorted(set(tokens))
    if len(distinct) > _RAREST:
        found = _of_tokens(connection, lists, distinct, "token, count(*) AS n", "token")
        counts: dict[int, int] = dict(
            zip(found["token"].tolist(), found["n"].tolist(), strict=True)
        )
        if len(counts) < len(distinct):
            return np.zeros(0, dtype=np.int64)
        distinct.sort(key=counts.__getitem__)
    rarest, others = distinct[:_RAREST], distinct[_RAREST:]
    ids = _having_all(connection, lists, rarest)
    if len(ids) > _READ_ONE_BY_ONE:
        return _having_all(connection, lists, distinct)
    if not others:
        return ids
    wanted, kept = set(others), []
    for chunk in chunks(ids):
        for record, data in rows_by_number(connection, "id, tokens", "records", "id", chunk):
            if wanted.issubset(np.frombuffer(data, "<u4").tolist()):
                kept.append(record)
    return np.array(kept, dtype=np.int64)


def _having_all(
    connection: duckdb.DuckDBPyConnection, lists: Sequence[int], tokens: Sequence[int]
) -> Numbers:
    """The records that have a posting for each of these distinct tokens."""
    having = f"record HAVING count(*) = {len(tokens)}"
    found = _of_tokens(connection, lists, tokens, "record", having)
    return np.asarray(found["record"].astype(np.int64))


def _of_tokens(
    connection: duckdb.DuckDBPyConnection,
    lists: Sequence[int],
    tokens: Sequence[int],
    columns: str,
    by: str,
) -> dict[str, npt.NDArray[Any]]:
    """Postings of these tokens, grouped."""
    # A join again: twelve tokens among 12M postings take 5 ms so and 46 ms by IN.
    return connection.execute(
        f"SELECT {columns} FROM postings JOIN {_WANTED} w ON token = w.k "
        f"WHERE list IN ({', '.join(map(str, lists))}) GROUP BY {by}",
        [list(tokens)],
    ).fetchnumpy()


def find_record_texts(
    connection: duckdb.DuckDBPyConnection, lists: Sequence[int], tokens: Sequence[int]
) -> Numbers:
    """The text ids of the records in these lists that have all the tokens."""
    ids = find_records(connection, lists, tokens)
    with Registered(connection, "wanted", {"k": ids}):
        found = connection.execute(
            "SELECT text FROM records JOIN wanted w ON id = w.k"
        ).fetchnumpy()
    return np.asarray(found["text"], dtype=np.int64)


def read_values(
    connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, lookup: Lookup
) -> Iterator[ValueRecord]:
    """The value records that a look-up selects; held are their numbers, and records by chunks."""
    lists = _lists(registry, lookup)
    for chunk in chunks(_selected(connection, lists, lookup)):
        yield from _records(connection, lists, chunk)


def count_values(
    connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, lookup: Lookup
) -> int:
    """How many value records a look-up selects; none of them is read."""
    return len(_selected(connection, _lists(registry, lookup), lookup))


def _lists(registry: StoredRegistry, lookup: Lookup) -> dict[int, ListKey]:
    found = registry.find_lists(lookup.kid, lookup.keyspace, lookup.search)
    return {number: key for key, number in found}


def _selected(
    connection: duckdb.DuckDBPyConnection, lists: dict[int, ListKey], lookup: Lookup
) -> Numbers:
    """The records that a look-up selects, in the order of their numbers."""
    if not lists:
        return np.zeros(0, dtype=np.int64)
    if lookup.every:
        found = connection.execute(
            f"SELECT id FROM records WHERE list IN ({', '.join('?' * len(lists))}) ORDER BY id",
            list(lists),
        ).fetchnumpy()
        return np.asarray(found["id"].astype(np.int64))
    if lookup.groups:
        groups = {frozenset(group) for group in lookup.groups}
        return np.unique(
            np.concatenate([find_records(connection, list(lists), list(g)) for g in groups])
        )
    keys = [
        parts_key(key.kid, key.keyspace, key.scheme, key.search, ct)
        for key in lists.values()
        for ct in dict.fromkeys(lookup.cts)
    ]
    refs = find_refs(connection, RECORD_KEYS, key_words(keys))
    return np.unique(refs[refs != 0])


def _records(
    connection: duckdb.DuckDBPyConnection, lists: dict[int, ListKey], ids: Numbers
) -> Iterator[ValueRecord]:
    with_texts = "records r JOIN texts t ON t.id = r.text"
    rows = rows_by_number(connection, "r.list, t.text, r.tokens, r.tag", with_texts, "r.id", ids)
    shared = {number: _shared_by(key) for number, key in lists.items()}
    for number, ct, data, tag in rows:
        # Validated when it was stored: doing so again would cost more than reading it.
        tokens = tuple(np.frombuffer(data, "<u4").tolist())
        yield ValueRecord.trusted({**shared[number], "ct": ct, "tokens": tokens, "tag": tag})


def _shared_by(key: ListKey) -> dict[str, Any]:
    """What all records of a list have."""
    return {
        "kind": "value",
        "keyspace": key.keyspace,
        "kid": key.kid,
        "scheme": key.scheme,
        "search": key.search or None,
    }


def find_events(connection: duckdb.DuckDBPyConnection, ids: Iterable[str]) -> Numbers:
    """The events with these ids, in this order; unknown ids are passed over."""
    keys = []
    for event_id in dict.fromkeys(ids):
        try:
            key = decode_bytes(event_id)
        except ValueError:
            continue
        if len(key) == 16:
            keys.append(key)
    refs = find_refs(connection, EVENT_KEYS, key_words(keys))
    return np.asarray(refs[refs != 0])


def chunks(numbers: Numbers) -> Iterator[Numbers]:
    """Numbers in pieces of `CHUNK`, in their order."""
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]
