"""A store and a plain table with the same events, of any number.

The first `BASE` events are encrypted by the encoder and stored by ingest. More of them are copies
within the two files: each with an id, a position and a time of its own, every copy in an order of
its own so that no column is sorted, and without its raw line, which no question here reads. So
ciphertexts, tokens, columns and types are those that ingest makes; the number of distinct values
is that of the base.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from analytics.store.duckdb import DuckDBStore
from analytics.store.duckdb.limits import memory_limit
from keys import Ring
from zt.encoder import Encoder
from zt.profile import Profile

from ..encoder.events import FORTY_FIELDS, sip_events, sip_lines, value_at

BASE = 100_000
SPAN = 3_000 * BASE  # microseconds that the base's events take

SEARCHED = Profile.model_validate(
    {
        **FORTY_FIELDS.model_dump(exclude_unset=True),
        "name": "bench-stores",
        "fields": {
            **FORTY_FIELDS.model_dump(exclude_unset=True)["fields"],
            "sip.call_id": {"scheme": "det", "search": ["gram"]},
        },
    }
)
"""The profile of the encoder's benchmarks, with a searched field that is distinct in every event
of the base."""

COLUMNS = {
    "user": "sip.from",
    "callee": "sip.to",
    "call_id": "sip.call_id",
    "agent": "user_agent.original",
    "client": "client.ip",
    "type": "type",
}
"""What the plain table has beside the time; the store has these and nine more."""


def clear_profile() -> Profile:
    """Every leaf of the events clear."""
    (event,) = sip_events(1)
    rules: dict[str, Any] = {path: {"scheme": "clear"} for path in _paths(event, "")}
    rules["@timestamp"] = {"scheme": "clear", "kind": "time"}
    rules["client.ip"] = rules["server.ip"] = rules["media.ip"] = {"scheme": "clear", "kind": "ip"}
    return Profile.model_validate({"name": "bench-clear", "time": "@timestamp", "fields": rules})


def _paths(event: dict[str, Any], prefix: str) -> Iterator[str]:
    for key, value in event.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def wire_lines(ring: Ring, profile: Profile, count: int) -> list[bytes]:
    """Events of the benchmark, encrypted."""
    return list(Encoder(ring, profile, stream="bench").encrypt(sip_lines(count)))


def grow_store(store: DuckDBStore, base: int, copies: int) -> None:
    """Copies of the first `base` events, up to so many in all."""
    for copy in range(1, copies):
        with store._database.writing() as connection:
            connection.execute(
                f"INSERT INTO events SELECT * REPLACE ("
                f"{copy * base} + row_number() OVER () AS seq, "
                f"hash(seq + {copy}) AS h, hash(seq - {copy}) AS l, t + {copy * SPAN} AS t, "
                f"'' AS raw) FROM (FROM events WHERE seq <= {base} ORDER BY hash(seq * {copy}))"
            )
    store._state.reload()


def plain_table(path: Path, base: int, copies: int) -> duckdb.DuckDBPyConnection:
    """The same events as strings, in a database with the same memory."""
    settings: dict[str, Any] = {"memory_limit": f"{memory_limit()}B"}
    connection = duckdb.connect(str(path), config=settings)
    values: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for event in sip_events(base):
        for name, place in COLUMNS.items():
            values[name].append(value_at(event, place))
    arrays = {name: np.array(column, dtype=object) for name, column in values.items()}
    arrays["seq"] = np.arange(1, base + 1)
    connection.register("base", arrays)
    names = ", ".join(COLUMNS)
    connection.execute(
        "CREATE TABLE events AS SELECT seq, (seq - 1) * 3000::BIGINT AS t, 1::BIGINT AS weight, "
        f"{names} FROM base"
    )
    for copy in range(1, copies):
        connection.execute(
            f"INSERT INTO events SELECT * REPLACE ({copy * base} + row_number() OVER () AS seq, "
            f"t + {copy * SPAN} AS t) "
            f"FROM (FROM events WHERE seq <= {base} ORDER BY hash(seq * {copy}))"
        )
    connection.execute("CHECKPOINT")
    return connection
