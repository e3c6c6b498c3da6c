"""Event lines without the texts that the dictionary has anyway.

A ciphertext in a column stands in `texts` once; in the line of each of its events it would take
three quarters of its length again, because nothing compresses it. So lines are stored with the
ids of these texts in their place: a quarter less for the whole store.

Lines are read in chunks by `seq` after the choice is made on narrow columns: a long answer is
never sorted with its lines, and a caller that stops early has paid for little.

Invariants:
- What is folded unfolds to the same bytes. JSON has no control character but blanks in it, so
  the mark is in no line that came in.
- A line names only texts of its own event's columns, which are there as long as the event is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import duckdb
import numpy as np

from analytics.store.duckdb.reading import Numbers, chunks, rows_by_number
from analytics.store.duckdb.texts import Ids

_MARK: Final = "\x01"
_FOLDED: Final = re.compile(f"{_MARK}([0-9]+)")

_SHORTEST: Final = 16
"""Characters of a text that is folded: looking up a shorter one costs more than it saves."""


def fold_lines(
    lines: Sequence[str], columns: Iterable[tuple[Sequence[str | None], Ids]]
) -> list[str]:
    """Lines with ids in the place of texts.

    Args:
        lines: as they came.
        columns: of each column the texts, None where there is none, and their ids, by line.
    """
    folded = list(lines)
    for texts, ids in columns:
        for i, (text, number) in enumerate(zip(texts, ids.tolist(), strict=True)):
            # One with the mark could stand for what was folded before it.
            if text is not None and len(text) >= _SHORTEST and _MARK not in text:
                folded[i] = folded[i].replace(f'"{text}"', f'"{_MARK}{number}"')
    return folded


def unfold_lines(connection: duckdb.DuckDBPyConnection, lines: Sequence[str]) -> list[bytes]:
    """The lines as they came; held are all their texts."""
    pieces = [_FOLDED.split(line) for line in lines]  # what lies between ids, then an id, ...
    ids = {number for line in pieces for number in line[1::2]}
    wanted = np.array(sorted(map(int, ids)), dtype=np.int64)
    texts = {
        str(number): text
        for number, text in rows_by_number(connection, "id, text", "texts", "id", wanted)
    }
    for line in pieces:
        line[1::2] = map(texts.__getitem__, line[1::2])
    return ["".join(line).encode() for line in pieces]


def lines_at(connection: duckdb.DuckDBPyConnection, seqs: Numbers) -> Iterator[bytes]:
    """The lines at these positions, a chunk at most, in this order; those that have gone
    meanwhile are left out."""
    rows = dict(rows_by_number(connection, "seq, raw", "events", "seq", seqs))
    stored = [rows[seq] for seq in seqs.tolist() if seq in rows]
    return iter(unfold_lines(connection, stored))


def read_lines(connection: duckdb.DuckDBPyConnection, seqs: Numbers) -> Iterator[bytes]:
    """The lines of these events, in this order."""
    for chunk in chunks(seqs):
        yield from lines_at(connection, chunk)
