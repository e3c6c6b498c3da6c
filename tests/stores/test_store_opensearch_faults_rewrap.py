"""Rewrap in OpenSearch that is killed: each event is there once at every moment, whole."""

from __future__ import annotations

from collections import Counter

import pytest
from opensearchpy import OpenSearch
from stores.faults import child, settle
from stores.lines import PROFILE, name16
from stores.test_store_replace_crash import EVENTS, batch, check, kid
from support.killing import moments, run_until

from analytics.store import open_store
from analytics.wire import Selection

pytestmark = [pytest.mark.opensearch, pytest.mark.slow]

KILLS = 20

MOVE = """
import sys
import analytics.store.opensearch.ingest as ingest
from analytics.store import open_store
from stores.test_store_replace_crash import EVENTS, batch, kid
ingest.EVENTS_AT_ONCE = 25
with open_store(sys.argv[1]) as store:
    print("go", flush=True)
    known = [int(epoch.kid, 16) for epoch in store.epochs() if epoch.events]
    for old in range(min(known), int(sys.argv[2])):
        for first in range(0, EVENTS, 150):
            store.replace(batch(old + 1, range(first, first + 150)), kid=kid(old))
        store.forget(kid(old))
"""
"""Moves everything from epoch to epoch, up to one, and goes on where it was."""


def test_killed_at_20_points_and_run_again(url: str, prefix: str, client: OpenSearch) -> None:
    with open_store(url, create=True) as store:
        store.ingest(batch(0, range(EVENTS)))
        reached = 0
        for seconds in moments(3.0, seed=9)[:KILLS]:
            _, ended = run_until(MOVE, [url, "10000"], seconds)
            assert not ended
            settle(client, prefix)
            assert check(store) >= reached
            reached = check(store)
        assert reached > KILLS // 4
        last = reached + 2
        ids = Counter(name16(i) for i in range(EVENTS))
        with child(MOVE, [url, str(last)]) as process:
            looks = 0
            while process.poll() is None:
                client.indices.refresh(index=f"{prefix}.events")
                found = client.search(index=f"{prefix}.events", body={"size": 2 * EVENTS})
                assert Counter(hit["_id"] for hit in found["hits"]["hits"]) == ids
                looks += 1
        assert (process.returncode, looks > 2) == (0, True)
        assert check(store) == last
        assert [epoch.kid for epoch in store.epochs() if epoch.events] == [kid(last)]
        assert len(list(store.scan(Selection(kid=kid(last), profile=PROFILE)))) == EVENTS
