"""Ids of texts, so that those of one field lie close together.

Each field takes the ids of its texts from a block of its own, and opens another when it is full;
texts with value records belong to their keyspace, whatever field has them. A field that has met
no more than `BLOCK` texts, as most that one groups by, then spans less than `BLOCK` ids however
many the store has: DuckDB counts such groups in a plain array instead of a hash table (two thirds
of the time of a group-by) and packs the ids in 2 bytes. What has more is grouped by hash, as ever.

Invariants:
- An id is given once. 0 is no text.
- The table `text_blocks` is as the transaction that gave the last id left it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

BLOCK: Final = 2**16

ARRAY_BITS: Final = 17
"""Of a range that DuckDB may count in an array: a block and the null. That takes a megabyte of
each thread for each count; DuckDB's own 12 bits are too few for any dictionary."""

_MAX_OWNERS: Final = 1024
"""Owners with blocks of their own, a quarter of which is columns. Keyspaces are the sender's to
name, and must not use up the ids."""

_SHARED: Final = ""
"""The owner of the blocks of all others."""


class _Free(NamedTuple):
    """The ids that are left in an owner's newest block."""

    first: int
    stop: int


class Numbering:
    """What is left of the blocks, by owner."""

    def __init__(self) -> None:
        self._free: dict[str, _Free] = {}
        self._end = 1
        """The first id that is in no block."""

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection) -> Numbering:
        """As the last commit left it."""
        numbering = cls()
        for owner, first, stop in connection.execute(
            "SELECT owner, first, stop FROM text_blocks"
        ).fetchall():
            numbering._free[owner] = _Free(first, stop)
            numbering._end = max(numbering._end, stop)
        return numbering

    def take(self, owner: str, count: int) -> npt.NDArray[np.uint32]:
        """So many new ids for texts of an owner."""
        if owner not in self._free and len(self._free) >= _MAX_OWNERS:
            owner = _SHARED
        taken = [np.zeros(0, dtype=np.uint32)]
        while count:
            first, stop = self._free.get(owner, (0, 0))
            if first == stop:
                first, stop = self._end, self._end + BLOCK
                self._end = stop
            upper = min(first + count, stop)
            taken.append(np.arange(first, upper, dtype=np.uint32))
            self._free[owner] = _Free(upper, stop)
            count -= upper - first
        return np.concatenate(taken)

    def save(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Store it, within the caller's transaction."""
        connection.execute("DELETE FROM text_blocks")
        rows = [(owner, *free) for owner, free in self._free.items()]
        places = ", ".join(["(?, ?, ?)"] * len(rows))
        connection.execute(
            f"INSERT INTO text_blocks VALUES {places}", [value for row in rows for value in row]
        )


def owner_of_column(number: int) -> str:
    """The owner of the texts of a column that have no value records."""
    return f"c{number}"


def owner_of_keyspace(keyspace: str) -> str:
    """The owner of the texts of a keyspace that have."""
    return f"k{keyspace}"
