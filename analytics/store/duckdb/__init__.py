"""The embedded store: one DuckDB file for each tenant; `DuckDBStore` is its door.

schema     the tables, their version, and how a file is made
database   the open file: one owner, cursors, transactions, errors for people
runs       append-only tables kept in sorted runs, so that a look-up reads what it asks for
texts      the global dictionary text -> id, and 128-bit keys
numbering  the ids of texts, those of one field close together
registry   tenant, epochs, profiles and columns, as the headers name them
folding    lines without the texts that the dictionary has
columns    events as typed columns
ingest     wire lines into transactions
epochs     events that move from one epoch to another, and epochs that go
filters    the filter language compiled to SQL with bound parameters
queries    groups and measures
reading    value records and whole events
jobstate   jobs, watermarks, changed groups, findings
store      the door that puts them together
"""

from analytics.store.duckdb.database import file_mark
from analytics.store.duckdb.store import DuckDBStore

__all__ = ["DuckDBStore", "file_mark"]
