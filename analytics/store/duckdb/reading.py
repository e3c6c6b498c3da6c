"""Reading the value dictionary and whole events.

Whole lines are read in chunks by `seq` after the choice is made on narrow columns: a long answer
is never sorted with its lines, and a caller that stops early has paid for little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import duckdb
import numpy as np
import numpy.typing as npt

from analytics.store.duckdb.registry import ListKey, Registry
from analytics.store.duckdb.runs import EVENT_KEYS, RECORD_KEYS
from analytics.store.duckdb.texts import Registered, find_refs, key_words, parts_key
from analytics.wire import Lookup, ValueRecord, decode_bytes

CHUNK = 2048
"""Rows read at once: one vector of DuckDB's."""

_FEW = 64

Numbers = npt.NDArray[np.int64]


def rows_by_number(
    connection: duckdb.DuckDBPyConnection, columns: str, table: str, key: str, wanted: Numbers
) -> list[tuple[Any, ...]]:
    """Rows of a table that is stored in the order of `key`, in any order."""
    if not len(wanted):
        return []
    # DuckDB prunes row groups by each of a few constants, of a joined array by its range.
    few = wanted.tolist() if len(wanted) <= _FEW else []
    where = f" WHERE {key} IN ({', '.join('?' * len(few))})" if few else ""
    with Registered(connection, "wanted", {"k": wanted}):
        join = "" if few else f" JOIN wanted w ON {key} = w.k"
        return connection.execute(f"SELECT {columns} FROM {table}{join}{where}", few).fetchall()


def find_records(
    connection: duckdb.DuckDBPyConnection,
    lists: Sequence[int],
    tokens: Sequence[int],
    what: Literal["id", "text"],
) -> Numbers:
    """The records in these lists that have all the tokens, by record or text id."""
    distinct = sorted(set(tokens))
    in_lists = f"list IN ({', '.join('?' * len(lists))})"
    in_tokens = f"token IN ({', '.join('?' * len(distinct))})"
    sql = (
        f"SELECT record AS id FROM postings WHERE {in_lists} AND {in_tokens} "
        "GROUP BY record HAVING count(*) = ?"
    )
    if what == "text":
        sql = f"SELECT DISTINCT text AS id FROM records WHERE id IN ({sql})"
    found = connection.execute(sql, [*lists, *distinct, len(distinct)]).fetchnumpy()
    return np.asarray(found["id"], dtype=np.int64)


def read_values(
    connection: duckdb.DuckDBPyConnection, registry: Registry, lookup: Lookup
) -> Iterator[ValueRecord]:
    """The value records that a look-up selects."""
    lists = {
        number: key
        for key, number in registry.find_lists(lookup.kid, lookup.keyspace, lookup.search)
    }
    if not lists:
        return
    if lookup.tokens:
        ids = find_records(connection, list(lists), lookup.tokens, "id")
    else:
        keys = [
            parts_key(key.kid, key.keyspace, key.scheme, key.search, ct)
            for key in lists.values()
            for ct in dict.fromkeys(lookup.cts)
        ]
        refs = find_refs(connection, RECORD_KEYS, key_words(keys))
        ids = refs[refs != 0]
    ids.sort()
    for chunk in _chunks(ids):
        yield from _records(connection, lists, chunk)


def _records(
    connection: duckdb.DuckDBPyConnection, lists: dict[int, ListKey], ids: Numbers
) -> Iterator[ValueRecord]:
    rows = rows_by_number(connection, "list, text, tokens, tag", "records", "id", ids)
    wanted = np.unique(np.array([row[1] for row in rows], dtype=np.int64))
    texts = dict(rows_by_number(connection, "id, text", "texts", "id", wanted))
    for number, text, tokens, tag in rows:
        key = lists[number]
        # Validated when it was stored: building it anew would cost more than reading it.
        yield ValueRecord.model_construct(
            keyspace=key.keyspace,
            kid=key.kid,
            scheme=key.scheme,
            search=key.search or None,
            ct=texts[text],
            tokens=tuple(np.frombuffer(tokens, dtype="<u4").tolist()),
            tag=tag,
        )


def read_lines(connection: duckdb.DuckDBPyConnection, seqs: Numbers) -> Iterator[bytes]:
    """The lines of these events, in this order."""
    for chunk in _chunks(seqs):
        lines = dict(rows_by_number(connection, "seq, raw", "events", "seq", chunk))
        for seq in chunk.tolist():
            yield lines[seq].encode()


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


def _chunks(numbers: Numbers) -> Iterator[Numbers]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]
