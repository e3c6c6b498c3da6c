"""Any order of ingests, replacements, forgotten epochs, expiries and compactions, held against a
plain model."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores.lines import PROFILE, SEARCH, event, header, name16, value
from support.small_pieces import small_pieces
from support.stores import NewStore
from support.thorough import examples

from analytics.store import CloudStore
from analytics.wire import Lookup, Metric, Query, StoreError

COLUMNS = [("time", "time"), ("user", "keyword"), ("tags", "keyword")]
KIDS = ("00000001", "00000002", "00000003")
EVENTS = 60


def body(ident: int, kid: str) -> dict[str, object]:
    tags = [f"t{ident % 5}", f"t{ident % 3}"] if ident % 2 else f"t{ident % 5}"
    when = {"time": f"1970-01-01T00:00:{ident:02}Z"} if ident % 10 else {}
    return {**when, "user": f"u{ident % 11}-{kid}", "tags": tags}


def batch(kid: str, idents: list[int]) -> list[bytes]:
    users = sorted({f"u{ident % 11}-{kid}" for ident in idents})
    return [
        header(COLUMNS, kid=kid),
        *(value(user, [int(user.split("-")[0][1:])], kid=kid) for user in users),
        *(event(body(ident, kid), ident, kid=kid) for ident in idents),
    ]


class Model:
    """Which event is of which epoch, and which value records each epoch has, by registration."""

    def __init__(self) -> None:
        self.events: dict[int, str] = {}
        self.values: dict[str, set[str]] = {}

    def ingest(self, kid: str, idents: list[int]) -> None:
        self.note(kid, idents)
        for ident in idents:
            self.events.setdefault(ident, kid)

    def replace(self, old: str, new: str, idents: list[int]) -> None:
        self.note(new, idents)
        for ident in idents:
            if self.events.get(ident) == old:
                self.events[ident] = new

    def note(self, kid: str, idents: list[int]) -> None:
        self.values.setdefault(kid, set()).update(f"u{ident % 11}-{kid}" for ident in idents)

    def forget(self, kid: str) -> bool:
        """Whether it may be."""
        if kid in self.events.values():
            return False
        self.values.pop(kid, None)
        return True

    def expire(self, second: int) -> None:
        gone = [ident for ident in self.events if ident % 10 and ident < second]
        for ident in gone:
            del self.events[ident]
        if gone:
            self.values = {
                kid: {f"u{ident % 11}-{kid}" for ident, of in self.events.items() if of == kid}
                for n, kid in enumerate(self.values, 1)
                if kid in self.events.values() or n == len(self.values)
            }


def check(store: CloudStore, model: Model) -> None:
    for kid in KIDS:
        idents = [ident for ident, of in model.events.items() if of == kid]
        for path, texts in (
            ("user", [{f"u{ident % 11}-{kid}"} for ident in idents]),
            ("tags", [{f"t{ident % 5}"} | ({f"t{ident % 3}"} if ident % 2 else set())
                      for ident in idents]),
        ):  # fmt: skip
            expected = Counter(text for found in texts for text in found)
            query = Query(
                kid=kid, profile=PROFILE, group_by=(path,), metrics=(Metric(kind="events"),)
            )
            assert {row.key[0]: row.metrics[0] for row in store.query(query)} == expected
        lines = set(store.epoch_events(kid))
        assert lines == {event(body(ident, kid), ident, kid=kid).rstrip() for ident in idents}
        cts = tuple(f"u{n}-{kid}" for n in range(11))
        by_ct = store.values(Lookup(kid=kid, keyspace="user", cts=cts))
        assert {record.ct for record in by_ct} == model.values.get(kid, set())
        for n in range(11):
            lookup = Lookup(kid=kid, keyspace="user", search=SEARCH, tokens=(n,))
            expected_cts = {f"u{n}-{kid}"} & model.values.get(kid, set())
            assert {record.ct for record in store.values(lookup)} == expected_cts
    assert {epoch.kid for epoch in store.epochs()} == set(model.values)
    assert len(list(store.events([name16(ident) for ident in range(EVENTS)]))) == len(model.events)


kids = st.sampled_from(KIDS)
seeds = st.integers(0, 2**32)
steps = st.one_of(
    st.tuples(st.just("ingest"), kids, kids, seeds),
    st.tuples(st.just("replace"), kids, kids, seeds),
    st.tuples(st.just("forget"), kids, kids, seeds),
    st.tuples(st.just("expire"), kids, kids, seeds),
    st.tuples(st.just("compact"), kids, kids, seeds),
)


@pytest.mark.parametrize("pieces", ["large", "small"])
def test_any_order_of_steps(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch, pieces: str
) -> None:
    if pieces == "small":
        small_pieces(monkeypatch)

    @given(st.lists(steps, min_size=3, max_size=12))
    def run(steps: list[tuple[str, str, str, int]]) -> None:
        model = Model()
        with new_store() as store:
            for what, kid, other, seed in steps:
                chance = random.Random(seed)
                idents = chance.sample(range(EVENTS), chance.randint(1, 30))
                if what == "ingest":
                    store.ingest(batch(kid, idents))
                    model.ingest(kid, idents)
                elif what == "replace" and kid != other:
                    store.replace(batch(other, idents), kid=kid)
                    model.replace(kid, other, idents)
                elif what == "expire":
                    store.expire(seed % EVENTS * 1_000_000)
                    model.expire(seed % EVENTS)
                elif what == "compact":
                    store.compact()
                elif what == "forget":
                    if model.forget(kid):
                        store.forget(kid)
                    else:
                        with pytest.raises(StoreError):
                            store.forget(kid)
            check(store, model)

    settings(max_examples=examples(8))(run)()
