"""Append-only tables kept in sorted runs, so that a look-up costs with what it asks for.

DuckDB prunes row groups by their smallest and largest value; that helps only where rows are
sorted. So a family of rows has a tail, to which ingest appends, and sorted runs: a tail that has
grown to `TAIL` rows becomes a run, and runs of like size are merged, so there are O(log n) of
them and a row is rewritten O(log n) times in all. A view over all of them is what is read.

A key that comes again stands for the greatest of its references: an event that was replaced has
a new one. Merging drops what no longer counts. Otherwise rows go by `remove_keys`, all of a key,
and where nothing has what they refer to, by `keep_only`.

Why no ART index: DuckDB 2.0 keeps 128-bit keys in it at some 85 bytes a row (425 MB for 5M keys
against 44 MB without), half the insert rate at 5M and falling, and it serves look-ups of more
than a few rows no faster than a scan does. Five keys among 12M take 7 ms in sorted runs and
40 ms in unsorted ones; thousands of keys cost one pass over a narrow column either way.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import duckdb

TAIL: Final = 500_000
"""Rows that a tail may hold: read whole by each look-up, so some milliseconds' worth."""


class Family(NamedTuple):
    """A logical table: its name, the definitions of its columns, the columns it is sorted by.

    `merged` is what is selected of rows that become one run.
    """

    name: str
    columns: str
    order: str
    merged: str = "*"


EVENT_KEYS: Final = Family(
    "event_keys", "h UBIGINT, l UBIGINT, ref BIGINT", "h, l", "h, l, max(ref) AS ref"
)
TEXT_KEYS: Final = Family("text_keys", "h UBIGINT, l UBIGINT, ref UINTEGER", "h, l")
RECORD_KEYS: Final = Family("record_keys", "h UBIGINT, l UBIGINT, ref UINTEGER", "h, l")
POSTINGS: Final = Family(
    "postings", "list INTEGER, token UINTEGER, record UINTEGER", "list, token, record"
)
FAMILIES: Final = (EVENT_KEYS, TEXT_KEYS, RECORD_KEYS, POSTINGS)


def create_family(connection: duckdb.DuckDBPyConnection, family: Family) -> None:
    """Make the family's empty tail and its view, within the caller's transaction."""
    connection.execute("CREATE TABLE IF NOT EXISTS runs (family VARCHAR, n INTEGER, rows BIGINT)")
    connection.execute(f"CREATE TABLE {family.name}_tail ({family.columns})")
    _define_view(connection, family, [])


def has_full_tail(connection: duckdb.DuckDBPyConnection, family: Family) -> bool:
    """Whether it is time to `compact`."""
    return _tail(connection, family) >= TAIL


def compact(connection: duckdb.DuckDBPyConnection, family: Family) -> None:
    """Turn the tail into a run and merge runs, within the caller's transaction."""
    tail = _tail(connection, family)
    runs: list[tuple[int, int]] = connection.execute(
        "SELECT n, rows FROM runs WHERE family = ? ORDER BY n", [family.name]
    ).fetchall()
    merged, rows, kept = [], tail, list(runs)
    while kept and kept[-1][1] <= 2 * rows:
        number, size = kept.pop()
        merged.append(number)
        rows += size
    following = max((n for n, _ in runs), default=0) + 1
    _merge(connection, family, [n for n, _ in kept], merged, following)


def keep_only(connection: duckdb.DuckDBPyConnection, family: Family, condition: str) -> None:
    """Drop every row but those that meet a condition, within the caller's transaction.

    The family becomes one run; the condition is made of literals only.
    """
    numbers: list[int] = [
        n
        for (n,) in connection.execute(
            "SELECT n FROM runs WHERE family = ? ORDER BY n", [family.name]
        ).fetchall()
    ]
    following = max(numbers, default=0) + 1
    _merge(connection, family, [], numbers, following, condition)


def remove_keys(connection: duckdb.DuckDBPyConnection, family: Family, relation: str) -> None:
    """Drop the rows with the keys `h, l` of a relation, within the caller's transaction.

    Older references of these keys go too: the greatest is what counts of those that are left.
    """
    numbers = connection.execute("SELECT n FROM runs WHERE family = ?", [family.name]).fetchall()
    for table in [f"{family.name}_tail", *(f"{family.name}_{n}" for (n,) in numbers)]:
        connection.execute(
            f"DELETE FROM {table} t USING {relation} r WHERE t.h = r.h AND t.l = r.l"
        )


def _merge(
    connection: duckdb.DuckDBPyConnection,
    family: Family,
    kept: list[int],
    merged: list[int],
    following: int,
    condition: str = "true",
) -> None:
    """Make one run of the tail and some runs, and an empty tail."""
    sources = [f"{family.name}_tail", *(f"{family.name}_{n}" for n in merged)]
    union = " UNION ALL ".join(f"FROM {source}" for source in sources)
    group = " GROUP BY h, l" if family.merged != "*" else ""
    connection.execute(
        f"CREATE TABLE {family.name}_{following} AS SELECT {family.merged} FROM ({union}) "
        f"WHERE {condition}{group} ORDER BY {family.order}"
    )
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {family.name}_{following}").fetchall()
    for number in merged:
        connection.execute("DELETE FROM runs WHERE family = ? AND n = ?", [family.name, number])
    connection.execute("INSERT INTO runs VALUES (?, ?, ?)", [family.name, following, rows])
    _define_view(connection, family, [*kept, following])
    for source in sources:
        connection.execute(f"DROP TABLE {source}")
    connection.execute(f"CREATE TABLE {family.name}_tail ({family.columns})")


def _tail(connection: duckdb.DuckDBPyConnection, family: Family) -> int:
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {family.name}_tail").fetchall()
    return int(rows)


def _define_view(connection: duckdb.DuckDBPyConnection, family: Family, numbers: list[int]) -> None:
    names = [f"{family.name}_{n}" for n in numbers] + [f"{family.name}_tail"]
    union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in names)
    connection.execute(f"CREATE OR REPLACE VIEW {family.name} AS {union}")
