"""Group keys of a store that may lie: numbers and addresses are shown only once they are proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.every_scheme import PROFILE

from analytics.store import JobState, open_store
from analytics.wire import Lookup, ValueRecord, WireModel
from keys import Ring, UnknownEpochError
from zt.errors import IntegrityError
from zt.query import Session, parse
from zt.query.groups import open_groups

ADDRESSES = [
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.2",
    "::ffff:192.0.2.2",
    "2001:db8::1",
    "gateway:5060",
]
EVENTS: list[dict[str, Any]] = [
    {
        "client.ip": address,
        "account": f"49301234{n % 2}",
        "peer": {"ip": address},
        "trunk.ip": address,
    }
    for n, address in enumerate(ADDRESSES)
]
COUNTS = {"192.0.2.2": 3, "192.0.2.1": 1, "2001:db8::1": 1, "gateway:5060": 1}


@pytest.fixture
def store(encrypt: Any, tmp_path: Path) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path}/cloud.duckdb", create=True) as opened:
        opened.ingest(encrypt(EVENTS, profile=PROFILE))
        yield opened


@pytest.fixture
def session(store: JobState, shared_ring: Ring) -> Session:
    return Session(shared_ring, store)


@pytest.mark.parametrize("path", ["client.ip", "peer.ip", "trunk.ip"])
def test_addresses_are_grouped_and_shown(session: Session, path: str) -> None:
    assert {count.value: count.count for count in session.top(path)} == COUNTS
    assert not session.refused


def test_numbers_are_grouped_and_shown(session: Session) -> None:
    counts = session.top("account")
    assert {count.value: count.count for count in counts} == {"493012340": 3, "493012341": 3}


class Lying:
    """A store that answers look-ups in the value dictionary as it likes."""

    def __init__(self, records: list[ValueRecord]) -> None:
        self._records = records

    def values(self, lookup: Lookup) -> Iterator[ValueRecord]:
        return iter(self._records)


def records_of(store: JobState, session: Session, path: str) -> tuple[list[str], list[ValueRecord]]:
    (plan,) = session.plans
    field = plan.field(path)
    assert field is not None
    assert field.dictionary is not None
    cts = [field.protect(address).ciphertext for address in ("192.0.2.1", "192.0.2.2")]
    lookup = Lookup(kid=plan.kid, keyspace=field.dictionary.keyspace, cts=tuple(cts))
    return cts, list(store.values(lookup))


@pytest.mark.parametrize("path", ["client.ip", "peer.ip", "trunk.ip"])
def test_a_value_without_a_genuine_record_is_not_shown(
    store: JobState, session: Session, path: str
) -> None:
    (plan,) = session.plans
    field = plan.field(path)
    assert field is not None
    cts, right = records_of(store, session, path)
    assert len(right) == 2
    assert open_groups(store, plan, field, cts) == ["192.0.2.1", "192.0.2.2"]
    one, two = (next(record for record in right if record.ct == ct) for ct in cts)
    lies: list[list[ValueRecord]] = [
        [],
        [two],
        [changed(two, ct=one.ct)],
        [changed(one, tag=two.tag)],
        [changed(one, scheme="det")],
        [changed(one, tokens=(1, 2))],
    ]
    for told in lies:
        lying: Any = Lying(told)
        (opened,) = open_groups(lying, plan, field, cts[:1])
        assert isinstance(opened, IntegrityError)
        assert "no value record that proves it" in str(opened)
        assert "192.0.2" not in str(opened)


def changed(record: WireModel, **update: Any) -> Any:
    return record.model_copy(update=update)


@pytest.mark.parametrize("ct", ["198.51.100.7", "2001:db8::77", "4930999999", "", "x", "AQ"])
def test_an_invented_group_is_refused(store: JobState, session: Session, ct: str) -> None:
    (plan,) = session.plans
    for path in ("client.ip", "account", "sip.from", "user"):
        field = plan.field(path)
        assert field is not None
        (opened,) = open_groups(store, plan, field, [ct])
        assert isinstance(opened, IntegrityError)


def test_a_wrong_key_shows_nothing(store: JobState, other_ring: Ring) -> None:
    with pytest.raises(UnknownEpochError):
        Session(other_ring, store)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("client.ip:192.0.2.0/24", 4),
        ("client.ip:192.0.2.2", 3),
        ('client.ip:"::ffff:192.0.2.2"', 3),
        ("client.ip:192.0.2.2/32", 3),
        ("client.ip:192.0.2.0/31", 1),
        ('client.ip:"2001:db8::/32"', 1),
        ('client.ip:"2001:db8::/127"', 1),
        ('client.ip:"gateway:5060"', 1),
        ("client.ip:198.51.100.0/24", 0),
        ("trunk.ip:192.0.2.0/24", 4),
        ("trunk.ip:192.0.2.0/31", 1),
        ("trunk.ip:0.0.0.0/0", 4),
        ("account:493012341", 3),
    ],
)
def test_questions_about_addresses_and_numbers(session: Session, question: str, found: int) -> None:
    assert len(list(session.search(parse(question)))) == found
    assert not session.refused
