"""Lies of a store about its dictionary and its epochs, where its events are genuine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.store import JobState, open_store
from analytics.wire import Lookup, Query, Row, ValueRecord, encode_bytes
from keys import KeyCheckError, Ring
from zt.errors import IntegrityError
from zt.profile import Profile
from zt.query import Session, parse
from zt.query.groups import open_groups

EVENTS: list[dict[str, Any]] = [
    {"client.ip": "192.0.2.1", "sip.from": "sip:alice@example.org"},
    {"client.ip": "192.0.2.2", "sip.from": "sip:bob@example.org"},
]


@pytest.fixture
def store(tmp_path: Path, encrypt: Any) -> Iterator[JobState]:
    with open_store(f"duckdb:{tmp_path}/cloud.duckdb", create=True) as opened:
        opened.ingest(encrypt(EVENTS))
        yield opened


class Lying:
    """The real store, but for what the test replaces."""

    def __init__(self, store: JobState, **lies: Any) -> None:
        self._store = store
        self.__dict__.update(lies)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def session_with(ring: Ring, store: JobState, **lies: Callable[..., Any]) -> Session:
    lying: Any = Lying(store, **lies)
    return Session(ring, lying)


@pytest.mark.parametrize("question", ["client.ip:192.0.2.0/24", "sip.from:*alice*"])
@pytest.mark.parametrize(
    "change",
    [
        lambda record: {"tokens": record.tokens[1:]},
        lambda record: {"tokens": (*record.tokens, 2**32 - 1)},
        lambda record: {"tag": "A" * 22},
        lambda record: {"scheme": "det"},
    ],
)
def test_altered_records_are_not_believed_in_a_search(
    store: JobState,
    shared_ring: Ring,
    question: str,
    change: Callable[[ValueRecord], dict[str, Any]],
) -> None:
    """Each would open and match: only its tag tells."""

    def values(lookup: Lookup) -> Iterator[ValueRecord]:
        for record in store.values(lookup):
            yield record.model_copy(update=change(record))

    assert len(list(session_with(shared_ring, store).search(parse(question)))) > 0
    session = session_with(shared_ring, store, values=values)
    with pytest.raises(IntegrityError, match="value record's tag does not verify"):
        list(session.search(parse(question)))


def test_a_record_of_another_scheme_proves_no_group(store: JobState, shared_ring: Ring) -> None:
    """Even a genuine one: what det made proves nothing about an address."""
    session = Session(shared_ring, store)
    (plan,) = session.plans
    field = plan.field("client.ip")
    assert field is not None
    assert field.dictionary is not None
    ct = "198.51.100.7"  # no ciphertext of any event
    foreign = field.dictionary.record("det", ct, ())
    genuine = field.dictionary.record("ip", ct, ())
    answers = []
    for record in (genuine, foreign):
        lying: Any = Lying(store, values=lambda lookup, told=record: iter([told]))
        answers += open_groups(lying, plan, field, [ct])
    assert isinstance(answers[0], str), "the scheme alone makes the difference"
    assert isinstance(answers[1], IntegrityError)


def test_epochs_of_another_key_are_refused_beside_genuine_headers(
    store: JobState, shared_ring: Ring, other_ring: Ring
) -> None:
    (epoch,) = store.epochs()
    twin = epoch._replace(kcv=encode_bytes(other_ring.active.kcv))
    Session(shared_ring, store)
    with pytest.raises(KeyCheckError, match="it is another key"):
        session_with(shared_ring, store, epochs=lambda: [twin])


def number_profile(name: str, keep: int | str) -> Profile:
    rule = {"scheme": "fpe", "keyspace": "number", "keep": keep}
    return Profile.model_validate({"name": name, "fields": {"card": rule}})


def test_numbers_of_another_profile_are_not_opened_as_this_ones(
    tmp_path: Path, encrypt: Any, shared_ring: Ring
) -> None:
    """Genuine numbers, records and headers, but another part of the number is clear there."""
    profiles = [number_profile(name, keep) for name, keep in (("a", 0), ("b", 6), ("c", "country"))]
    numbers = [f"+49301234567{n}" for n in range(3)]
    with open_store(f"duckdb:{tmp_path}/numbers.duckdb", create=True) as store:
        for profile, number in zip(profiles, numbers, strict=True):
            store.ingest(encrypt([{"card": number}], profile=profile, stream=profile.name))
        assert sorted(c.value for c in Session(shared_ring, store).top("card")) == numbers
        names = [header.profile for header in store.headers()]

        def groups(asked: Query) -> Iterator[Row]:
            other = names[(names.index(asked.profile) + 1) % len(names)]
            return store.groups(asked.model_copy(update={"profile": other}))

        session = session_with(shared_ring, store, groups=groups)
        assert session.top("card") == []
        assert session.refused.total() == len(numbers)
