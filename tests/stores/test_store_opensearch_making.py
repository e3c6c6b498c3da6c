"""A store in OpenSearch from the first request on: other tests find its indices there already."""

from __future__ import annotations

import pytest
from opensearchpy import OpenSearch
from stores.lines import KID, PROFILE, event, header
from support.opensearch.prefixes import Prefixes

from analytics.store import open_store
from analytics.store.opensearch.indices import Indices
from analytics.wire import Metric, Query, StoreError

pytestmark = pytest.mark.opensearch

COUNT = Query(kid=KID, profile=PROFILE, metrics=(Metric(kind="events"),))
LINES = [header([("time", "time"), ("user", "keyword")]), event({"user": "a"}, 1)]


def test_it_is_made_by_who_may_and_found_by_others(prefixes: Prefixes) -> None:
    url = prefixes.take_new()
    with pytest.raises(StoreError, match="there is no store"):
        open_store(url)
    with open_store(url, create=True) as store:
        assert store.ingest(LINES).events == 1
    for create in (True, False):
        with open_store(url, create=create) as store:
            assert store.query(COUNT)[0].metrics == (1,)


def test_two_who_make_it_at_once_share_it(prefixes: Prefixes) -> None:
    url = prefixes.take_new()
    with open_store(url, create=True) as ours, open_store(url, create=True) as theirs:
        assert ours.ingest(LINES).events == 1
        assert theirs.ingest(LINES).known_events == 1
        assert theirs.query(COUNT) == ours.query(COUNT)


def test_all_that_it_makes_bears_its_prefix(prefixes: Prefixes, opensearch_url: str) -> None:
    url = prefixes.take_new()
    prefix = url.rpartition("/")[2]
    with open_store(url, create=True) as store:
        store.ingest(LINES)
    made = set(OpenSearch(opensearch_url).indices.get(index=f"{prefix}*"))
    indices = Indices(prefix)
    assert made == {*indices.fixed(), indices.month(None)}
