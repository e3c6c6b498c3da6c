"""What an open store remembers: its registry, its counters, and what it found lately.

Invariants:
- The registry and the counters are those of the last commit; `reload` reads them again after a
  transaction failed.
- Only the writer, under the database's lock, changes anything here.
"""

from __future__ import annotations

from typing import Final

from analytics.store.duckdb.database import Database
from analytics.store.duckdb.figures import Figures
from analytics.store.duckdb.numbering import Numbering
from analytics.store.duckdb.registry import StoredRegistry, load_registry
from analytics.store.duckdb.texts import TextIds, number
from analytics.wire import ValueRecord

MAX_TEXTS: Final = 300_000
MAX_RECORDS: Final = 400_000


class State:
    """The memory of an open store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.figures = Figures(database)
        self.registry: StoredRegistry = StoredRegistry()
        self.position = 0
        self.numbering = Numbering()
        self.last_record = 0
        self.texts = TextIds()
        """Texts met lately with their ids."""
        self.known_records: set[bytes] = set()
        """Keys of value records met lately."""
        self.reload()

    def reload(self) -> None:
        """Read everything again, as the last commit left it."""
        with self.database.reading() as connection:
            self.registry = load_registry(connection)
            self.position = max(
                number(connection, "SELECT max(seq) FROM events"),
                number(connection, "SELECT position FROM meta"),
            )
            self.numbering = Numbering.load(connection)
            self.last_record = number(connection, "SELECT max(id) FROM records")
        self.texts = TextIds()
        self.known_records = set()

    def trim(self) -> None:
        """Forget what was met lately if it has become too much."""
        if len(self.texts) > MAX_TEXTS:
            self.texts = TextIds(older=self.texts)
        if len(self.known_records) > MAX_RECORDS:
            self.known_records = set()

    def committed(
        self, registry: StoredRegistry, events: int, records: int, pending: dict[bytes, ValueRecord]
    ) -> None:
        """Take over what a transaction has stored."""
        self.registry = registry
        self.position += events
        self.last_record += records
        self.known_records.update(pending)
