"""What concerns whole epochs: events that move from one to another, and epochs that go.

Invariants:
- An event is in one epoch at any moment: its row of the old one goes in the transaction that
  brings the new one. Its id stays, and with it its place in `event_keys`, where the greater
  reference counts.
- An epoch goes only when no event has it, with everything else that has: headers, value
  dictionaries, and every text that nothing refers to any more, other epochs' included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import duckdb
import numpy as np

from analytics.store.duckdb.folding import lines_at
from analytics.store.duckdb.reading import CHUNK, Numbers, rows_by_number
from analytics.store.duckdb.registry import StoredRegistry
from analytics.store.duckdb.runs import (
    EVENT_KEYS,
    POSTINGS,
    RECORD_KEYS,
    TEXT_KEYS,
    keep_only,
)
from analytics.store.duckdb.state import State
from analytics.store.duckdb.texts import Registered, find_refs, key_words, number
from analytics.store.duckdb.writing import write_group
from analytics.store.intake.pending import Pending
from analytics.wire import StoreError

PAGE = 64 * CHUNK
"""Events chosen at once on a walk over an epoch."""


class Written(NamedTuple):
    """How many of a transaction's events were stored, are stored already as they came, and, of
    those that should replace others, are not there at all or are of a third epoch.
    """

    events: int
    known: int
    unknown: int = 0
    others: int = 0


def replace_events(
    connection: duckdb.DuckDBPyConnection,
    state: State,
    registry: StoredRegistry,
    pending: Pending,
    kid: str,
) -> Written:
    """Put events in the place of those with their ids that are of epoch `kid`."""
    parts = {part.number: part for part in registry.parts.values()}
    swapped = known = unknown = others = 0
    for group in pending.groups:
        keys = key_words(group.ids)
        refs = find_refs(connection, EVENT_KEYS, keys)
        stored = dict(rows_by_number(connection, "seq, part", "events", "seq", refs[refs != 0]))
        wanted: list[int] = []
        for i, seq in enumerate(refs.tolist()):
            part = parts.get(stored.get(seq, 0))
            if part is None:
                unknown += 1
            elif part.number == group.part.number:
                known += 1
            elif part.kid != kid:
                others += 1
            else:
                wanted.append(i)
        if not wanted:
            continue
        remove_events(connection, refs[wanted])
        group.keep(wanted)
        write_group(connection, state, registry, group, keys[wanted], state.position + swapped + 1)
        swapped += len(wanted)
    return Written(swapped, known, unknown, others)


def remove_events(connection: duckdb.DuckDBPyConnection, seqs: Numbers) -> None:
    """Remove the events at these positions, at least one, with their elements.

    Their keys stay: who moves events writes newer ones, who drops them removes them.
    """
    # The bounds let DuckDB pass over what lies outside: rows stand by and large in this order.
    bounds = [int(seqs.min()), int(seqs.max())]
    with Registered(connection, "gone", {"k": seqs}):
        for table in ("events", "elements"):
            connection.execute(
                f"DELETE FROM {table} WHERE seq BETWEEN ? AND ? AND seq IN (SELECT k FROM gone)",
                bounds,
            )


def walk_epoch(state: State, kid: str) -> Iterator[bytes]:
    """An epoch's lines by position; no snapshot is held from page to page.

    The walk may take hours, and what it reads goes.
    """
    after = 0
    while True:
        registry = state.registry
        with state.database.reading() as connection:
            page = _page_of_epoch(connection, registry, kid, after)
        if not len(page):
            return
        for start in range(0, len(page), CHUNK):
            with state.database.reading() as connection:
                lines = list(lines_at(connection, page[start : start + CHUNK]))
            yield from lines
        after = int(page[-1])


def _page_of_epoch(
    connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, kid: str, after: int
) -> Numbers:
    """The positions of an epoch's next events, a page at most."""
    numbers = [part.number for part in registry.parts.values() if part.kid == kid]
    if not numbers:
        return np.zeros(0, dtype=np.int64)
    found = connection.execute(
        f"SELECT seq FROM events WHERE seq > ? AND part IN ({', '.join('?' * len(numbers))}) "
        f"ORDER BY seq LIMIT {PAGE}",
        [after, *numbers],
    ).fetchnumpy()
    return np.asarray(found["seq"], dtype=np.int64)


def forget_epoch(connection: duckdb.DuckDBPyConnection, registry: StoredRegistry, kid: str) -> None:
    """Remove all that is left of an epoch without events, within the caller's transaction.

    Raises:
        StoreError: events have it.
    """
    left = number(
        connection, "SELECT count(*) FROM events JOIN parts USING (part) WHERE kid = ?", [kid]
    )
    if left:
        raise StoreError(
            f"the store still holds {left} events of epoch {kid}",
            "encrypt them again first: zt-keys rewrap",
        )
    connection.execute(
        "DELETE FROM records WHERE list IN (SELECT n FROM lists WHERE kid = ?)", [kid]
    )
    registry.forget(connection, kid)
    keep_only(connection, EVENT_KEYS, "true")  # of events that moved, only the newest reference
    keep_only(connection, RECORD_KEYS, "ref IN (SELECT id FROM records)")
    keep_only(connection, POSTINGS, "list IN (SELECT n FROM lists)")
    connection.execute("DELETE FROM watermarks WHERE kid = ?", [kid])
    drop_unused_texts(connection, registry)


def drop_unused_texts(connection: duckdb.DuckDBPyConnection, registry: StoredRegistry) -> None:
    """Remove every text that no event and no record has, within the caller's transaction."""
    sources = ["SELECT text AS id FROM records", "SELECT c AS id FROM elements"]
    sources += [
        f"SELECT c{column.number} AS id FROM events" for column in registry.columns.values()
    ]
    # Column by column, so that the set is all that is held of them at once.
    connection.execute("CREATE TEMP TABLE used (id UINTEGER)")
    for source in sources:
        connection.execute(
            f"INSERT INTO used SELECT DISTINCT id FROM ({source}) WHERE id IS NOT NULL"
        )
    connection.execute("DELETE FROM texts WHERE id NOT IN (SELECT id FROM used)")
    keep_only(connection, TEXT_KEYS, "ref IN (SELECT id FROM used)")
    connection.execute("DROP TABLE used")
