"""The value dictionary: records of distinct ciphertexts, and the tokens that events take of them.

Invariants:
- A record is stored once under the hash of all but its tokens and tag.
- A record is found by its tokens within its list, which is an epoch, a keyspace and a search spec.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from analytics.store.intake.pending import record_key
from analytics.store.opensearch.cluster import Cluster, bulk_line
from analytics.wire import Lookup, ValueRecord, encode_bytes

MAX_CLAUSES: Final = 256
"""Tokens that one search asks for; the others of a long needle are looked for in what it finds."""

MAX_TERMS: Final = 65_536
"""Terms in one clause: OpenSearch's `index.max_terms_count`."""

Tokens = frozenset[str]
"""Tokens of a value as terms."""


def record_line(index: str, record: ValueRecord) -> bytes:
    """The bulk item that stores a record."""
    document: dict[str, Any] = {
        "kid": record.kid,
        "keyspace": record.keyspace,
        "scheme": record.scheme,
        "search": record.search or "",
        "ct": record.ct,
        "tag": record.tag,
        "tokens": record.tokens,
        "count": len(record.tokens),
    }
    name = encode_bytes(record_key(record))
    return bulk_line({"create": {"_index": index, "_id": name}}, document)


def terms(tokens: Iterable[int]) -> list[str]:
    """Tokens as the terms that they are indexed by."""
    return list(map(str, tokens))


def read_values(cluster: Cluster, lookup: Lookup) -> Iterator[ValueRecord]:
    """The records that a look-up selects; held is a page of them."""
    for found in _selected(cluster, lookup, ["kid", "keyspace", "scheme", "search", "ct", "tag"]):
        yield ValueRecord.trusted(
            {
                "kind": "value",
                **{name: found[name] for name in ("keyspace", "kid", "scheme", "ct", "tag")},
                "search": found["search"] or None,
                "tokens": tuple(found["tokens"]),
            }
        )


def count_values(cluster: Cluster, lookup: Lookup) -> int:
    """How many records a look-up selects."""
    if any(len(group) > MAX_CLAUSES for group in lookup.groups):
        return sum(1 for _ in _selected(cluster, lookup, []))
    index = cluster.indices.values
    return sum(cluster.count(index, query) for query in _queries(lookup))


def find_ciphertexts(cluster: Cluster, lookup: Lookup) -> set[str]:
    """The ciphertexts of the records that a look-up selects."""
    return {found["ct"] for found in _selected(cluster, lookup, ["ct"])}


def find_tokens(
    cluster: Cluster, kid: str, keyspace: str, search: str, cts: Collection[str]
) -> dict[str, list[tuple[int, ...]]]:
    """The tokens of each ciphertext's records in one list; a ciphertext without any is left out."""
    found: dict[str, list[tuple[int, ...]]] = {}
    distinct = list(cts)
    within = [{"term": {"kid": kid}}, {"term": {"keyspace": keyspace}}]
    within.append({"term": {"search": search}})
    for start in range(0, len(distinct), MAX_TERMS):
        wanted = {"terms": {"ct": distinct[start : start + MAX_TERMS]}}
        body = {"query": {"bool": {"filter": [*within, wanted]}}, "_source": ["ct", "tokens"]}
        for page in cluster.pages(cluster.indices.values, body):
            for hit in page:
                source = hit["_source"]
                found.setdefault(source["ct"], []).append(tuple(source["tokens"]))
    return found


def _selected(cluster: Cluster, lookup: Lookup, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    groups = [frozenset(group) for group in lookup.groups]
    is_cut = any(len(group) > MAX_CLAUSES for group in groups)
    for query in _queries(lookup):
        asked = {"query": query, "_source": [*columns, "tokens"]}
        for page in cluster.pages(cluster.indices.values, asked):
            for hit in page:
                source: dict[str, Any] = hit["_source"]
                if is_cut:
                    own = frozenset(source["tokens"])
                    if not any(group <= own for group in groups):
                        continue
                yield source


def _queries(lookup: Lookup) -> Iterator[dict[str, Any]]:
    """The searches whose hits, which are distinct, make up a look-up."""
    within: list[dict[str, Any]] = [
        {"term": {"kid": lookup.kid}},
        {"term": {"keyspace": lookup.keyspace}},
    ]
    if lookup.search is not None:
        within.append({"term": {"search": lookup.search}})
    if lookup.every:
        yield {"bool": {"filter": within}}
    elif lookup.groups:
        groups = {frozenset(group) for group in lookup.groups}
        either = [
            {"bool": {"filter": [{"term": {"tokens": t}} for t in terms(_some(group))]}}
            for group in groups
        ]
        yield {"bool": {"filter": within, "should": either, "minimum_should_match": 1}}
    else:
        # A record is found by its ciphertext within each search list that the keyspace has.
        cts = list(dict.fromkeys(lookup.cts))
        for start in range(0, len(cts), MAX_TERMS):
            some = cts[start : start + MAX_TERMS]
            yield {"bool": {"filter": [*within, {"terms": {"ct": some}}]}}


def _some(group: frozenset[int]) -> list[int]:
    return sorted(group)[:MAX_CLAUSES]
