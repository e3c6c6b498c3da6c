"""What the book does costs what is new or asked, not what is stored: statements use indexes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from support.honeynet_book import START, Net, public, seen, settings

from zt.honeynet.collector.book.database import Database
from zt.honeynet.collector.book.model import DAY

LARGE = ("addresses", "witnesses", "batches")
"""Tables that grow with what happens."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What every connection runs, with its values; not what triggers run."""
    found: set[str] = set()
    connect = Database._connect

    def traced(self: Database) -> sqlite3.Connection:
        connection = connect(self)
        connection.set_trace_callback(found.add)
        return connection

    monkeypatch.setattr(Database, "_connect", traced)
    return found


def test_no_statement_reads_a_whole_table(tmp_path: Path, statements: set[str]) -> None:
    path = tmp_path / "book.db"
    net = Net(path, settings(floor=2))
    key = net.book.add_key("pbx", START)
    net.honeypot("one")
    statements.clear()
    for proven in (False, True):
        net.tell("one", *(seen(public(n), START, proven=proven) for n in range(5)))
        net.tell("one", *(seen(f"2a00::{n}", START, proven=proven) for n in range(5)))
    net.book.check(public(1))
    net.book.banned(100, 4)
    net.book.bans(4, START, 100, 10)
    net.book.find_key(key)
    net.book.find_honeypot(key)
    net.book.edition()
    net.book.forget(public(1), START)
    net.book.expire(START + DAY)
    net.book.close()
    questions = [s for s in statements if s.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT")]
    assert len(questions) > 30
    with sqlite3.connect(path) as file:
        for question in questions:
            for *_, step in file.execute(f"EXPLAIN QUERY PLAN {question}"):
                assert not any(step.startswith("SCAN") and table in step for table in LARGE), (
                    f"{question}: {step}"
                )
                assert "TEMP B-TREE" not in step, f"{question}: it sorts what it found"
    file.close()
