"""Ciphertexts of another key under genuine headers: formats that always open show nothing.

FF1 opens anything to a number or address that looks like one. Only the value records' tags tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analytics.store import open_store
from keys import Ring
from zt.profile import Profile
from zt.query import Session, parse

FIELDS = {
    "type": {"scheme": "clear"},
    "phone": {"scheme": "fpe", "search": ["prefix"]},
    "address": {"scheme": "ip", "search": ["net"]},
    "subnets": {"scheme": "ip", "mode": "pfx"},
}
PROFILE = Profile.model_validate({"name": "formats", "fields": FIELDS})
PATHS = ["phone", "address", "subnets"]
EVENTS = [
    {"type": "a", "phone": f"4930123456{n}", "address": f"192.0.2.{n}", "subnets": f"2001:db8::{n}"}
    for n in range(10)
]


class Lying:
    """The real store, but for what the test replaces."""

    def __init__(self, store: Any, **lies: Any) -> None:
        self._store = store
        self.__dict__.update(lies)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def stores(tmp_path: Path, encrypt: Any, shared_ring: Ring, other_ring: Ring) -> Any:
    """Stores of the same events under a ring, and under another one of the same tenant."""
    with (
        open_store(f"duckdb:{tmp_path / 'own.duckdb'}", create=True) as own,
        open_store(f"duckdb:{tmp_path / 'foreign.duckdb'}", create=True) as foreign,
    ):
        own.ingest(encrypt(EVENTS, profile=PROFILE))
        foreign.ingest(encrypt(EVENTS, ring=other_ring, profile=PROFILE))
        yield own, foreign


def relabelled(foreign: Any, asked: Any) -> Any:
    """A question as the foreign store must be asked it."""
    (header,) = foreign.headers()
    return asked.model_copy(update={"kid": header.kid, "profile": header.profile})


@pytest.mark.parametrize("records", ["foreign", "relabelled", "none"])
@pytest.mark.parametrize("path", PATHS)
def test_groups_of_another_key_show_nothing(
    stores: Any, shared_ring: Ring, path: str, records: str
) -> None:
    own, foreign = stores
    (header,) = own.headers()

    def values(lookup: Any) -> Any:
        found = foreign.values(relabelled(foreign, lookup))
        match records:
            case "foreign":
                return found
            case "relabelled":
                return (record.model_copy(update={"kid": header.kid}) for record in found)
        return iter(())

    assert len(Session(shared_ring, own).top(path)) == len(EVENTS)
    lying: Any = Lying(
        own, query=lambda query: foreign.query(relabelled(foreign, query)), values=values
    )
    session = Session(shared_ring, lying)
    assert session.top(path) == []
    assert session.refused.total() == len(EVENTS)
    assert not any(event[path] in reason for event in EVENTS for reason in session.refused)


@pytest.mark.parametrize("relabel", [False, True])
def test_events_of_another_key_show_nothing(stores: Any, shared_ring: Ring, relabel: bool) -> None:
    own, foreign = stores
    (header,) = own.headers()
    (strange,) = foreign.headers()

    def scan(selection: Any) -> Any:
        for raw in foreign.scan(relabelled(foreign, selection)):
            yield raw.replace(strange.kid.encode(), header.kid.encode()) if relabel else raw

    session = Session(shared_ring, Lying(own, scan=scan))
    assert list(session.search(parse("*"))) == []
    assert session.refused.total() == len(EVENTS)
