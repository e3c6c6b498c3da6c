"""The tokens that events carry, so that parts of values are found among events themselves.

Invariants:
- An event carries the tokens of a column where they say all about it: it has one value there, and
  that value has one record. Of any other it says that it is unsure, and then the dictionary is
  asked for the column's values; so an answer is the same in either case.
- What is remembered is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from analytics.store.intake.pending import Group, Pending
from analytics.store.opensearch.cluster import Cluster
from analytics.store.opensearch.dictionary import find_tokens
from analytics.store.opensearch.documents import Document, searched
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.registry import StoredRegistry

MAX_REMEMBERED: Final = 64 * 1024 * 1024
"""Bytes of tokens that an ingest keeps for the values that come again."""

_Key = tuple[str, str, str, str]
"""Kid, keyspace, search spec and ciphertext."""


class Tokens:
    """Finds the tokens of events' values.

    Args:
        cluster: where the records are that came before.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: OrderedDict[_Key, list[tuple[int, ...]]] = OrderedDict()
        self._size = 0

    def learn(self, pending: Pending) -> None:
        """Remember the records that are stored with the events."""
        for record in pending.records.values():
            if record.search is not None:
                key = (record.kid, record.keyspace, record.search, record.ct)
                known = self._known.get(key, [])
                if record.tokens not in known:
                    self._remember(key, [*known, record.tokens])

    def put(self, registry: StoredRegistry, group: Group, events: Sequence[Document]) -> None:
        """Write into the documents of a group's events which tokens they have."""
        lists = searched(group)
        if not lists:
            return
        kid = group.part.kid
        for place, named in lists.items():
            if named is not None:
                alone = {own[0] for event in events if len(own := event.texts[place]) == 1}
                self._fetch(kid, *named, alone)
        pieces: dict[tuple[int, str], msgspec.Raw | None] = {}
        for event in events:
            unsure = []
            for place, named in lists.items():
                own, column = event.texts[place], group.columns[place]
                if not own:
                    continue
                tokens = None
                if named is not None and len(own) == 1:
                    at = (place, own[0])
                    if at not in pieces:
                        pieces[at] = self._tokens_of((kid, *named, own[0]))
                    tokens = pieces[at]
                if tokens is None:
                    unsure.append(str(column.number))
                else:
                    event.fields[registry.fields(column).tokens] = tokens
            if unsure:
                event.fields[f"{OWN}.unsure"] = unsure
        self._trim()

    def _tokens_of(self, key: _Key) -> msgspec.Raw | None:
        """A value's tokens as a JSON array; None where they are open."""
        records = self._known.get(key, [])
        if len(records) != 1:
            return None
        self._known.move_to_end(key)
        return msgspec.Raw(msgspec.json.encode(records[0]))

    def _fetch(self, kid: str, keyspace: str, search: str, cts: Iterable[str]) -> None:
        unknown = [ct for ct in cts if (kid, keyspace, search, ct) not in self._known]
        if unknown:
            for ct, records in find_tokens(self._cluster, kid, keyspace, search, unknown).items():
                self._remember((kid, keyspace, search, ct), records)

    def _remember(self, key: _Key, records: list[tuple[int, ...]]) -> None:
        self._size += _size_of(records) - _size_of(self._known.get(key))
        self._known[key] = records
        self._known.move_to_end(key)

    def _trim(self) -> None:
        while self._size > MAX_REMEMBERED:
            _, records = self._known.popitem(last=False)
            self._size -= _size_of(records)


def _size_of(records: Any) -> int:
    """Bytes that a value's entry takes, about."""
    return 0 if records is None else 500 + 36 * sum(map(len, records))
