"""The tables of a store, their version, and how a new file is made.

Invariants:
- A file under its final name is a whole store: it is built under another name and then linked.
- `events.seq` grows with every event and is never used again; rows are only appended, in the
  order of `seq`, so DuckDB's zone maps serve "newer than" and, events coming mostly in the
  order of time, time ranges. An event that is encrypted again goes and is appended anew.
- `meta.position` is not less than the `seq` of any event that has expired, so that `seq` grows
  past it; `meta.sweep` says that events expired whose values and texts are still to go.
- A column `n` of the registry is `c{n}` in `events`: the id of its text in `texts`, or null. Its
  value to compare by is `x{n}` (`number`: DOUBLE, `time`: microseconds, `ip`: a v4 address as 32
  bits) and `y{n}` (`ip`: a v6 address as 128 bits). v4 and v6 stand in columns of their own, so
  a range over one can't meet the other, and CIDR is BETWEEN.
- An array with several distinct elements is null in `events` and has a row for each distinct
  element in `elements`; `columns.multi` says that a column has such rows at all, so scalar
  columns never pay for them.
- Lines are compressed by zstd: DuckDB's own choice took 229 MB for 200,000 events of 1.3 KB and
  a third more time at the commit, this 155 MB. They lack the texts that stand in `texts`: see
  `folding`.
- The tokens of records are not compressed: they are random, and reading some of them scattered
  over a table took five times as long.
- `text_blocks` has the ids that are left to each owner of texts: see `numbering`.
- Names of tables and columns are made of literals and numbers, never of anything that came in.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb

from analytics.store.duckdb.numbering import ARRAY_BITS
from analytics.store.duckdb.runs import FAMILIES, create_family
from analytics.store.intake.registry import StoredColumn
from analytics.wire import Kind

SCHEMA_NAME: Final = "zt-analytics store"
SCHEMA_VERSION: Final = 3

SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    # An extension would be downloaded and run with the rights of this process.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    # Nothing in a question may reach a file or the network, whatever got past the compiler.
    "enable_external_access": False,
    # One checkpoint rewrites each table's last row group; a batch alone should not cause one.
    "checkpoint_threshold": "128MB",
    # Groups by a field whose ids lie in one block are counted in an array.
    "perfect_ht_threshold": ARRAY_BITS,
}

_TABLES: Final = """
CREATE TABLE meta (
    name VARCHAR, version INTEGER, tenant VARCHAR, position BIGINT, sweep BOOLEAN
);
CREATE TABLE epochs (n INTEGER, kid VARCHAR, kcv VARCHAR, generation BIGINT);
CREATE TABLE parts (part INTEGER, kid VARCHAR, profile VARCHAR);
CREATE TABLE header_lines (n INTEGER, part INTEGER, line VARCHAR, newest BIGINT);
CREATE TABLE columns (n INTEGER, path VARCHAR, kind VARCHAR, multi BOOLEAN);
CREATE TABLE lists (n INTEGER, kid VARCHAR, keyspace VARCHAR, scheme VARCHAR, search VARCHAR);
CREATE TABLE texts (id UINTEGER, text VARCHAR);
CREATE TABLE text_blocks (owner VARCHAR, first BIGINT, stop BIGINT);
CREATE TABLE records (
    id UINTEGER, list INTEGER, text UINTEGER, tokens BLOB USING COMPRESSION uncompressed,
    tag VARCHAR
);
CREATE TABLE events (
    seq BIGINT, part INTEGER, h UBIGINT, l UBIGINT, t BIGINT, weight BIGINT,
    raw VARCHAR USING COMPRESSION zstd
);
CREATE TABLE elements (
    n INTEGER, seq BIGINT, c UINTEGER, number DOUBLE, time BIGINT, v4 UINTEGER, v6 UHUGEINT
);
CREATE TABLE jobs (id VARCHAR, spec VARCHAR);
CREATE TABLE watermarks (
    job VARCHAR, version VARCHAR, kid VARCHAR, profile VARCHAR, position BIGINT
);
CREATE TABLE findings (
    sequence BIGINT, id VARCHAR, job VARCHAR, version VARCHAR, kid VARCHAR, profile VARCHAR,
    grp VARCHAR, since BIGINT, until BIGINT, body VARCHAR
);
"""

_TYPED: Final[dict[Kind, tuple[str, ...]]] = {
    "number": ("x{n} DOUBLE",),
    "time": ("x{n} BIGINT",),
    "ip": ("x{n} UINTEGER", "y{n} UHUGEINT"),
    "keyword": (),
    "text": (),
}


def create_file(path: Path) -> None:
    """Make an empty store at `path`, whole or not at all, readable by its owner only.

    Does nothing if another process was faster.

    Raises:
        duckdb.Error, OSError: when the disk or its permissions don't allow it.
    """
    temporary = path.with_name(f"{path.name}.new-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(temporary), config=SETTINGS) as connection:
            connection.execute(_TABLES)
            for family in FAMILIES:
                create_family(connection, family)
            connection.execute(
                "INSERT INTO meta VALUES (?, ?, NULL, 0, false)", [SCHEMA_NAME, SCHEMA_VERSION]
            )
        temporary.chmod(0o600)
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)


def add_column(connection: duckdb.DuckDBPyConnection, column: StoredColumn) -> None:
    """Add a column and its typed twins to the tables, within the caller's transaction."""
    n = int(column.number)
    connection.execute(
        "INSERT INTO columns VALUES (?, ?, ?, false)", [column.number, column.path, column.kind]
    )
    for definition in ("c{n} UINTEGER", *_TYPED[column.kind]):
        connection.execute(f"ALTER TABLE events ADD COLUMN {definition.format(n=n)}")
