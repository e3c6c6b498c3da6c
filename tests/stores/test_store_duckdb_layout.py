"""How the embedded store lays out texts: ids close together by field, lines without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores.lines import KID, PROFILE, event, header, name16, value

from analytics.store.duckdb import DuckDBStore, ingest, numbering
from analytics.store.duckdb.folding import fold_lines
from analytics.store.duckdb.numbering import Numbering
from analytics.store.duckdb.writing import write_events
from analytics.wire import Metric, Query, Selection

COLUMNS = [("time", "time"), ("user", "keyword"), ("call", "keyword")]
LONG = "a-text-that-is-long-enough-{}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    with DuckDBStore(tmp_path / "store.db", create=True) as opened:
        yield opened


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3 * numbering.BLOCK))))
def test_no_id_is_given_twice(takes: list[tuple[str, int]]) -> None:
    numbers = Numbering()
    given_out = [i for owner, count in takes for i in numbers.take(owner, count).tolist()]
    assert len(set(given_out)) == len(given_out) == sum(count for _, count in takes)
    assert 0 not in given_out


def test_keyspaces_without_end_do_not_use_up_the_ids() -> None:
    numbers = Numbering()
    last = [int(numbers.take(f"k{n}", 1)[0]) for n in range(70_000)][-1]
    assert last < 2**28


def test_ids_of_a_field_stay_together_over_batches_and_restarts(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for batch in range(3):
        with DuckDBStore(path, create=True) as store:
            lines = [
                event({"user": f"u{batch}-{n % 7}", "call": f"c{batch}-{n}"}, (batch, n))
                for n in range(100)
            ]
            store.ingest([header(COLUMNS), *lines])
            with store._database.reading() as connection:
                ids = connection.execute("SELECT DISTINCT c2 FROM events ORDER BY c2").fetchall()
    assert [i for (i,) in ids] == list(range(ids[0][0], ids[0][0] + 21))


def test_a_transaction_that_failed_leaves_no_id_to_two_texts(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> int:
        write_events(*arguments)
        raise ZeroDivisionError

    store.ingest([header(COLUMNS), event({"user": "first"}, 1)])
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "write_events", failing)
        with pytest.raises(ZeroDivisionError):
            store.ingest([header(COLUMNS), event({"user": "second"}, 2)])
    store.ingest([header(COLUMNS), *(event({"user": name}, name) for name in ("third", "second"))])
    query = Query(kid=KID, profile=PROFILE, group_by=("user",), metrics=(Metric(kind="events"),))
    assert [row.key for row in store.query(query)] == [("first",), ("second",), ("third",)]
    with store._database.reading() as connection:
        assert connection.execute("SELECT count(DISTINCT id) FROM texts").fetchall() == [(3,)]


def test_groups_are_counted_in_an_array(store: DuckDBStore) -> None:
    store.ingest([header(COLUMNS), *(event({"user": f"u{n}"}, n) for n in range(20_000))])
    with store._database.reading() as connection:
        plan = connection.execute("EXPLAIN SELECT c2, count(*) FROM events GROUP BY c2").fetchall()
    assert "PERFECT" in str(plan).upper()


def test_texts_of_columns_are_not_stored_again_in_lines(store: DuckDBStore) -> None:
    user, call = LONG.format("user"), LONG.format("call")
    line = event({"user": user, "call": call, "other": user}, 1)
    store.ingest([header(COLUMNS), value(user, [1]), line])
    with store._database.reading() as connection:
        ((raw,),) = connection.execute("SELECT raw FROM events").fetchall()
    assert user not in raw
    assert call not in raw
    assert list(store.scan(Selection(kid=KID, profile=PROFILE))) == [line.rstrip()]


_texts = st.text(min_size=0, max_size=40) | st.sampled_from(
    ["\x01" + "1" * 20, '"' * 20, '","' * 8, "\\" * 20, "\x001" * 9, LONG, LONG + '"', "é" * 20]
)


def test_a_text_that_looks_like_folded_ones_is_left_alone() -> None:
    """Unfolding looks once: what such a text stood for would not come back."""
    first, second = LONG.format(1), LONG.format(2)
    lookalike = '\x0111","b":"\x0122'
    line = f'{{"a":"{first}","b":"{second}"}}'
    columns = [(text, np.array([n], np.uint32)) for text, n in ((first, 11), (second, 22))]
    folded = fold_lines([line], [([text], ids) for text, ids in columns])
    assert fold_lines(folded, [([lookalike], np.array([33], np.uint32))]) == folded
    assert folded != [line]


@pytest.fixture(scope="module")
def filled() -> Iterator[DuckDBStore]:
    """A store that examples go on filling."""
    with TemporaryDirectory() as folder, DuckDBStore(f"{folder}/s.db", create=True) as opened:
        opened.ingest([header([*COLUMNS, (LONG, "keyword")])])
        yield opened


@given(st.dictionaries(st.sampled_from(["user", "call", "other", LONG]), _texts))
def test_lines_come_back_byte_for_byte(filled: DuckDBStore, body: dict[str, str]) -> None:
    """Whatever stands in them: marks, quotes, escapes, and texts that contain each other."""
    line = event(body, body)
    filled.ingest([header([*COLUMNS, (LONG, "keyword")]), line])
    assert list(filled.events([name16(body)])) == [line.rstrip(b"\n")]
