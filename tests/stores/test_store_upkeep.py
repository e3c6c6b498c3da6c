"""Compaction and figures: nothing that a store answers changes."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from stores.lines import KID, PROFILE, SEARCH, event, header, name16, value
from stores.test_store_crash import content
from stores.test_store_expire import JOB, PART, finding
from support.stores import NewStore

from analytics.store import CloudStore, JobProgress, Limit, open_store
from analytics.wire import AllOf, JobPart, Lookup, Metric, Query, Selection, StoreError

COLUMNS = [("time", "time"), ("user", "keyword"), ("tags", "keyword"), ("p3", "number")]
EVENTS = 3000


def batch(first: int = 0) -> list[bytes]:
    def body(n: int) -> dict[str, Any]:
        wide = Random(n).randbytes(3000).hex()
        time = f"1970-01-01T00:{n // 60:02}:{n % 60:02}Z"
        return {"time": time, "user": f"u{n}", "p3": n, "tags": [f"t{n % 9}", "x"], "w": wide}

    numbers = range(first, first + EVENTS)
    return [
        header(COLUMNS),
        *(value(f"u{n}", [n, n + 1, 7]) for n in numbers),
        *(event(body(n), n) for n in numbers),
    ]


def test_compaction_changes_no_answer_and_gives_back_space(store: CloudStore) -> None:
    store.ingest(batch())
    store.put_job(JOB)
    store.write_findings(JOB, PART, [finding(1, "u1")], 5)
    store.compact()
    store.expire(45 * 60 * 1_000_000)
    before = (content(store), store.statistics()._replace(bytes=0), list(store.findings()))
    report = store.compact()
    assert report.after <= report.before
    if Limit.LATE_SPACE not in store.limits:
        assert report.after < report.before / 2
    assert report.after == store.statistics().bytes
    after = (content(store), store.statistics()._replace(bytes=0), list(store.findings()))
    assert after == before
    assert store.ingest(batch()).events == 2700
    assert store.query(Query(kid=KID, profile=PROFILE))[0].metrics == (EVENTS,)


def test_a_compacted_store_opens_again(store_url: str) -> None:
    with open_store(store_url, create=True) as store:
        store.ingest(batch())
        expected = content(store)
        store.compact()
        store.compact()
    with open_store(store_url) as store:
        assert content(store) == expected


def test_figures(store: CloudStore) -> None:
    empty = store.statistics()
    assert (empty.events, empty.first, empty.values, empty.jobs) == (0, None, 0, ())
    store.ingest(
        [
            header(COLUMNS),
            value("a", [1, 2]),
            value("b", [2]),
            event({"time": "1970-01-01T00:00:01Z", "user": "a"}, 1),
            event({"time": "1970-01-01T00:00:05Z", "user": "b", "tags": ["a", "c"]}, 2),
            event({"user": "b"}, 3),
        ]
    )
    other = JobPart(kid="0000000f", profile=PROFILE, filter=AllOf(parts=()))
    store.put_job(JOB.model_copy(update={"parts": (PART, other)}))
    store.write_findings(JOB, PART, [finding(1, "a")], 2)
    found = store.statistics()
    assert found.bytes > 0
    assert found._replace(bytes=0) == (
        *(3, 1, 1_000_000, 5_000_000, 3),  # events, timeless, first, last, position
        *(2, 3, found.texts, 1, 0),  # values, postings, texts, findings, bytes
        (
            JobProgress("scan", KID, PROFILE, watermark=2, lag=1),
            JobProgress("scan", "0000000f", PROFILE, watermark=0, lag=0),
        ),
    )


def answers(store: CloudStore) -> list[object]:
    """Everything that a store can be asked, by names that another tenant uses too."""
    query = Query(kid=KID, profile=PROFILE, group_by=("user",), metrics=(Metric(kind="events"),))
    lookup = Lookup(kid=KID, keyspace="user", every=True)
    by_token = Lookup(kid=KID, keyspace="user", search=SEARCH, tokens=(7,))
    return [
        store.tenant(),
        store.headers(),
        store.header_lines(),
        store.epochs(),
        store.query(query),
        list(store.groups(query)),
        sorted(store.values(lookup), key=repr),
        sorted(store.values(by_token), key=repr),
        store.value_count(lookup),
        list(store.scan(Selection(kid=KID, profile=PROFILE))),
        list(store.events([name16(1), name16(2)])),
        list(store.epoch_events(KID)),
        store.jobs(),
        list(store.findings()),
        store.position(),
        store.watermark(JOB, PART),
        list(store.changed_groups(JOB, PART, 0)),
    ]


def of_tenant(tenant: str) -> list[bytes]:
    """The same epoch, profile, event ids and token as every other tenant's."""
    return [
        header(COLUMNS, tenant=tenant),
        value(f"{tenant}-a", [7]),
        value("same", [7]),
        *(
            event({"time": f"1970-01-01T00:00:{n:02}Z", "user": user}, n)
            for n, user in enumerate((f"{tenant}-a", "same", f"{tenant}-b"))
        ),
    ]


def test_a_tenant_s_store_never_answers_for_another(new_store: NewStore) -> None:
    """Ids, epochs, profiles and values may all coincide: the stores share nothing."""
    with new_store() as alone, new_store() as ours, new_store() as theirs:
        for store, tenant in ((alone, "ours"), (ours, "ours"), (theirs, "theirs")):
            store.ingest(of_tenant(tenant))
            store.put_job(JOB)
        assert answers(theirs) != answers(ours) == answers(alone)
        assert not any("theirs" in repr(answer) for answer in answers(ours))
        theirs.write_findings(JOB, PART, [finding(1, "same")], 3)
        theirs.expire(2_000_000)
        theirs.compact()
        assert answers(ours) == answers(alone)


def test_another_tenant_s_batch_leaves_no_trace(store: CloudStore) -> None:
    store.ingest(of_tenant("ours"))
    before = answers(store)
    with pytest.raises(StoreError, match="theirs"):
        store.ingest(of_tenant("theirs"))
    with pytest.raises(StoreError, match="theirs"):
        store.replace(of_tenant("theirs"), kid=KID)
    assert answers(store) == before
