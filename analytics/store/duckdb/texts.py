"""The global dictionary text -> id, and the 128-bit keys by which things are found again.

A key is BLAKE2b-128: nobody can make two texts, events or records share one, so a key that is
there is the thing itself and need not be compared. Id 0 is no text and stands for null in
arrays on their way into the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from analytics.store.duckdb.runs import TEXT_KEYS, Family

_FEW = 2

Ids = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
"""One key a row: two words."""


def text_key(text: str) -> bytes:
    """The key of a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def key_words(keys: Iterable[bytes]) -> Keys:
    """Keys of 16 bytes as rows of two words."""
    return np.frombuffer(b"".join(keys), dtype="<u8").reshape(-1, 2)


def find_refs(
    connection: duckdb.DuckDBPyConnection, family: Family, keys: Keys
) -> npt.NDArray[np.int64]:
    """What each key stands for, 0 where it is not there; see `runs` of keys that come again."""
    refs = np.zeros(len(keys), dtype=np.int64)
    if len(keys) <= _FEW:
        # Constants instead of a join: a key among 5M texts takes 1.2 ms so, else 2.7 ms.
        for i, key in enumerate(keys.tolist()):
            refs[i] = number(
                connection, f"SELECT max(ref) FROM {family.name} WHERE h = ? AND l = ?", key
            )
        return refs
    arrays = {"h": keys[:, 0].copy(), "l": keys[:, 1].copy(), "i": np.arange(len(keys))}
    with Registered(connection, "wanted", arrays):
        found = connection.execute(
            f"SELECT i, ref::BIGINT AS ref FROM {family.name} f JOIN wanted w "
            "ON f.h = w.h AND f.l = w.l"
        ).fetchnumpy()
    np.maximum.at(refs, found["i"], found["ref"])
    return refs


def find_texts(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> Ids:
    """The ids of texts, 0 for those that no event or record has."""
    return find_refs(connection, TEXT_KEYS, key_words(map(text_key, texts))).astype(np.uint32)


class TextIds(dict[str | None, int]):
    """Texts met lately with their ids; None is no text, id 0.

    A text that is not there gets a provisional id below 0 and joins `unknown`, so a column is
    mapped in one pass at the speed of a dictionary; `resolve` gives the ids they stand for.

    Args:
        older: texts with ids that are known too, until those that are met again have come over.
    """

    def __init__(self, older: dict[str | None, int] | None = None) -> None:
        super().__init__({None: 0})
        self._older = {} if older is None else dict(older)
        self.unknown: list[str] = []

    def __missing__(self, text: str) -> int:
        known = self._older.get(text)
        if known is not None:
            self[text] = known
            return known
        self.unknown.append(text)
        self[text] = provisional = -len(self.unknown)
        return provisional

    def of(self, texts: Sequence[str | None]) -> npt.NDArray[np.int64]:
        """The ids of texts, provisional ones among them."""
        return np.fromiter(map(self.__getitem__, texts), np.int64, len(texts))

    def settle(self, ids: Ids) -> None:
        """Take over the ids of all that was unknown."""
        self.update(zip(self.unknown, ids.tolist(), strict=True))
        self.unknown = []


def resolve(provisional: npt.NDArray[np.int64], settled: Ids) -> Ids:
    """Replace provisional ids by those that `settled` has for the unknown texts, in order."""
    new = provisional < 0
    provisional[new] = settled[-provisional[new] - 1]
    return provisional.astype(np.uint32)


def number(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> int:
    """The one integer of an answer, 0 for null.

    Fetched whole, because an unfinished answer keeps the connection from the next statement.
    """
    ((value,),) = connection.execute(sql, parameters).fetchall()
    return 0 if value is None else int(value)


def objects(values: Sequence[Any]) -> npt.NDArray[Any]:
    """Strings or bytes as an array of objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


class Registered:
    """Arrays as a relation of that name, for as long as the block lasts."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, name: str, arrays: dict[str, npt.NDArray[Any]]
    ) -> None:
        self._connection, self._name, self._arrays = connection, name, arrays

    def __enter__(self) -> None:
        self._connection.register(self._name, self._arrays)

    def __exit__(self, *_: object) -> None:
        self._connection.unregister(self._name)
