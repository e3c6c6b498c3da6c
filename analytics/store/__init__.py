"""Stores of encrypted events behind one protocol; `open_store` picks one by URL."""

from __future__ import annotations

from analytics.store.base import (
    EpochInfo,
    GroupChange,
    IngestReport,
    JobEvent,
    JobState,
    ReplaceReport,
    Store,
)
from analytics.wire.errors import StoreError

__all__ = [
    "EpochInfo",
    "GroupChange",
    "IngestReport",
    "JobEvent",
    "JobState",
    "ReplaceReport",
    "Store",
    "open_store",
]


def open_store(url: str, *, create: bool = False) -> JobState:
    """Open the store that a URL names.

    Args:
        url: `duckdb:PATH`, one file for each tenant.
        create: make an empty store where there is none, as ingest does; a question to a store
            that is not there is an error instead.

    Raises:
        StoreError: an unknown kind of URL, or no store there.
        StoreBusyError: another process owns it.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "duckdb" and rest:
        from analytics.store.duckdb import DuckDBStore

        return DuckDBStore(rest, create=create)
    raise StoreError(
        f"no kind of store is called `{scheme}:`",
        "give the store as duckdb:PATH",
    )
