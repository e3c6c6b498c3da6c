"""Foreign indices, templates and senders in OpenSearch: a clear error, never a silent loss."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from opensearchpy import OpenSearch
from stores.faults import COLUMNS, batch, body, check, stored_ids
from stores.lines import event, header, name16

from analytics.store import open_store
from analytics.store.opensearch.indices import MAX_FIELDS
from analytics.wire import BadLine, EpochConflictError, StoreError, encode_bytes

pytestmark = pytest.mark.opensearch

FIRST = ".events-2024.01"
"""What the index of the first month's events is called after the prefix."""

STRICT = {"dynamic": "strict"}


@pytest.mark.parametrize(
    ("foreign", "error", "says"),
    [
        ({"tenant": "other"}, StoreError, "tenant `other`"),
        ({"kcv": encode_bytes(b"x" * 32)}, EpochConflictError, "another key check value"),
    ],
    ids=["tenant", "twin"],
)
def test_a_batch_that_is_not_ours_is_refused_and_all_before_it_stored(
    url: str, foreign: dict[str, Any], error: type[Exception], says: str
) -> None:
    theirs = [header(COLUMNS, **foreign), *batch(range(50, 60))[1:]]
    with open_store(url, create=True) as store:
        with pytest.raises(error, match=says):
            store.ingest([*batch(range(50)), *theirs, *batch(range(60, 70))])
        check(store, range(50))
        assert store.tenant() == "acme"
        with pytest.raises(error, match=says):
            store.ingest(theirs)
        check(store, range(50))


def test_5000_columns_and_5000_keys_of_an_event_do_not_grow_a_mapping(
    url: str, prefix: str, client: OpenSearch
) -> None:
    with open_store(url, create=True) as store:
        paths = [f"x{n}.deep" for n in range(5_000)]
        many = dict.fromkeys(paths, "v")
        store.ingest([header([(p, "keyword") for p in paths]), event(many, "named")])
        before = fields_of(client, prefix)
        assert max(before.values()) <= 2 * 256 * 2 + 50  # 256 of two fields, an object above each
        unnamed = {f"y{n}": {"z": n} for n in range(5_000)}
        store.ingest([header([("user", "keyword")]), event({**unnamed, "user": "u"}, "unnamed")])
        assert fields_of(client, prefix) == before
        lines = [json.loads(line) for line in store.events([name16("named"), name16("unnamed")])]
        assert [len(line) for line in lines] == [5_001, 5_002]


def test_the_most_and_deepest_columns_that_there_can_be_have_room(
    url: str, prefix: str, client: OpenSearch
) -> None:
    with open_store(url, create=True) as store:
        paths = [".".join(f"p{n}" for _ in range(10)) for n in range(300)]
        store.ingest([header([(p, "ip") for p in paths]), event({paths[0]: "192.0.2.1"}, 1)])
        assert sum(stored_ids(store).values()) == 1
    assert 2_500 < max(fields_of(client, prefix).values()) < MAX_FIELDS


def test_somebodys_index_in_the_place_of_a_month_is_refused(
    url: str, prefix: str, client: OpenSearch
) -> None:
    with open_store(url, create=True) as store:
        client.indices.create(index=prefix + FIRST, body={"aliases": {}})
        client.indices.delete_alias(index=prefix + FIRST, name=f"{prefix}.events")
        with pytest.raises(StoreError, match="lacks the alias"):
            store.ingest(batch(range(30)))
        client.indices.delete(index=prefix + FIRST)
        store.ingest(batch(range(30)))
        check(store, range(30))


@pytest.mark.parametrize("where", [FIRST, ".values"])
def test_somebodys_mapping_of_a_column_or_record_is_refused(
    url: str, prefix: str, client: OpenSearch, where: str
) -> None:
    index = prefix + where
    mapped = {"user": {"type": "text"}, "ct": {"type": "text"}}
    alias: dict[str, Any] = {f"{prefix}.events": {}} if where == FIRST else {}
    client.indices.create(index=index, body={"mappings": {"properties": mapped}, "aliases": alias})

    def ingest() -> None:
        with open_store(url, create=True) as store:
            store.ingest(batch(range(30)))
            check(store, range(30))

    with pytest.raises(StoreError, match="maps a field otherwise"):
        ingest()
    client.indices.delete(index=index)
    ingest()


def test_a_foreign_dynamic_field_of_a_columns_name_is_refused(
    url: str, prefix: str, client: OpenSearch
) -> None:
    """Somebody let a month take any field, and wrote a document with one that comes later."""
    with open_store(url, create=True) as store:
        store.ingest(batch(range(30)))
        client.indices.put_mapping(index=prefix + FIRST, body={"dynamic": True})
        client.index(index=prefix + FIRST, body={"later": "text"}, refresh=True)
        client.delete_by_query(
            index=prefix + FIRST, body={"query": {"exists": {"field": "later"}}}, refresh=True
        )
        named = header([*COLUMNS, ("later", "keyword")])
        with pytest.raises(StoreError, match="maps a field otherwise"):
            store.ingest([named, event({**body(30), "later": "x"}, 30)])
        check(store, range(30))
        store.ingest(batch(range(30, 40)))
        check(store, range(40))


def test_somebodys_template_does_not_decide_how_events_are_kept(
    url: str, prefix: str, client: OpenSearch
) -> None:
    """Of a higher priority, without the alias, and letting in any field."""
    theirs: dict[str, Any] = {"dynamic": True, "properties": {"more": {"type": "text"}}}
    client.indices.put_index_template(
        name=prefix,
        body={
            "index_patterns": [f"{prefix}.*"],
            "priority": 10_000,
            "template": {"mappings": theirs},
        },
    )
    try:
        with open_store(url, create=True) as store:
            store.ingest(batch(range(90)))
            check(store, range(90))
        found = client.indices.get_mapping(index=prefix + FIRST)
        assert found[prefix + FIRST]["mappings"]["dynamic"] == "strict"
    finally:
        client.indices.delete_index_template(name=prefix)


def test_somebodys_template_of_the_same_priority_is_told_of(
    url: str, prefix: str, client: OpenSearch
) -> None:
    theirs = {"index_patterns": [f"{prefix}.*"], "priority": 500}
    client.indices.put_index_template(name=prefix, body=theirs)
    try:
        with pytest.raises(StoreError, match="index template") as told:
            open_store(url, create=True)
        assert "priority" in told.value.hint
    finally:
        client.indices.delete_index_template(name=prefix)
    with open_store(url, create=True) as store:
        store.ingest(batch(range(30)))
        check(store, range(30))


def test_events_that_an_index_refuses_are_rejected_and_reported(
    url: str, prefix: str, client: OpenSearch
) -> None:
    """An index that wants a routing value of every document, which no event has."""
    client.indices.create(
        index=prefix + FIRST,
        body={"mappings": {"_routing": {"required": True}}, "aliases": {f"{prefix}.events": {}}},
    )
    refused: list[BadLine] = []
    with open_store(url, create=True) as store:
        report = store.ingest(batch(range(30)), reject=refused.append)
        check(store, [i for i in range(30) if i % 3])
    assert (report.events, report.rejected, len(report.rejects)) == (20, 10, 10)
    assert Counter(json.loads(line.raw)["n"] for line in refused) == Counter(range(0, 30, 3))
    assert {line.reason for line in refused} == {"OpenSearch refused it: routing_missing_exception"}


def fields_of(client: OpenSearch, prefix: str) -> dict[str, int]:
    """How many fields, objects too, each index of a store has."""

    def count(mapping: dict[str, Any]) -> int:
        own = mapping.get("properties", {})
        return len(own) + sum(map(count, own.values()))

    found = client.indices.get_mapping(index=f"{prefix}.*")
    return {index: count(answer["mappings"]) for index, answer in found.items()}
