"""Stores of encrypted events behind one protocol; `open_store` picks one by URL."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from analytics.store.base import JobState, Store
from analytics.store.cloud import CloudStore
from analytics.store.limits import Limit
from analytics.store.reports import (
    CompactReport,
    EpochInfo,
    ExpireReport,
    GroupChange,
    IngestReport,
    JobEvent,
    JobProgress,
    ReplaceReport,
    Statistics,
)
from analytics.wire.errors import StoreBusyError, StoreError

if TYPE_CHECKING:
    from analytics.store.opensearch.address import Address
    from analytics.store.opensearch.store import OpenSearchStore

PATIENCE: Final = 3.0
"""Seconds that a command waits for its turn at a store that another process has open."""

_GLANCE: Final = 0.02  # seconds between two attempts

__all__ = [
    "PATIENCE",
    "CloudStore",
    "CompactReport",
    "EpochInfo",
    "ExpireReport",
    "GroupChange",
    "IngestReport",
    "JobEvent",
    "JobProgress",
    "JobState",
    "Limit",
    "ReplaceReport",
    "Statistics",
    "Store",
    "is_shared",
    "make_store",
    "open_store",
    "store_mark",
]


def open_store(url: str, *, create: bool = False, wait: float = 0.0) -> CloudStore:
    """Open the store that a URL names.

    Args:
        url: `duckdb:PATH`, one file for each tenant, or
            `opensearch+https://[USER@]HOST[:PORT][,HOST...]/PREFIX`, one prefix for each tenant;
            see `analytics.store.opensearch.address`.
        create: make an empty store where there is none, as ingest does; a question to a store
            that is not there is an error instead.
        wait: seconds to try again while another process owns it. Processes take turns at a store
            this way, so long as none of them keeps it open.

    Raises:
        StoreError: an unknown kind of URL, or no store there.
        StoreBusyError: another process owns it.
    """
    if _is_opensearch(url):
        return _open_opensearch(url, create=create)
    path = _path_of(url)
    from analytics.store.duckdb import DuckDBStore

    deadline = time.monotonic() + wait
    while True:
        try:
            return DuckDBStore(path, create=create)
        except StoreBusyError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_GLANCE)


def make_store(url: str, *, wait: float = 0.0) -> list[str]:
    """Make an empty store where there is none, and what one lacks that is there.

    Args:
        url, wait: as for `open_store`.

    Returns:
        What was made, in words and in the order in which it was; nothing where all was there.

    Raises:
        StoreError, StoreBusyError: see `open_store`.
    """
    if _is_opensearch(url):
        with _open_opensearch(url, create=True) as store:
            return list(store.made)
    is_new = store_mark(url) is None
    open_store(url, create=True, wait=wait).close()
    return [f"the file {_path_of(url)}"] if is_new else []


def is_shared(url: str) -> bool:
    """Whether several processes may have the store open at once; looks at the URL only.

    Who stays connected to one that is shared keeps nobody out.

    Raises:
        StoreError: this is no URL of a store, or what it needs is not installed.
    """
    if not _is_opensearch(url):
        _path_of(url)
        return False
    _address_of(url)
    return True


def store_mark(url: str) -> Hashable | None:
    """What is another value whenever the store was written since, without opening it.

    None where only opening tells, and while there is no store.

    Raises:
        StoreError: an unknown kind of URL.
    """
    if _is_opensearch(url):
        return None
    path = _path_of(url)
    from analytics.store.duckdb import file_mark

    return file_mark(path)


def _is_opensearch(url: str) -> bool:
    return url.startswith("opensearch+")


def _open_opensearch(url: str, *, create: bool) -> OpenSearchStore:
    address = _address_of(url)
    from analytics.store.opensearch.store import OpenSearchStore

    return OpenSearchStore(address, create=create)


def _address_of(url: str) -> Address:
    import analytics.store.opensearch  # noqa: F401  says what to install where the client is missing
    from analytics.store.opensearch.address import parse_address

    return parse_address(url)


def _path_of(url: str) -> str:
    scheme, _, rest = url.partition(":")
    if scheme == "duckdb" and rest:
        return rest
    raise StoreError(
        f"no kind of store is called `{scheme}:`",
        "give the store as duckdb:PATH or opensearch+https://HOST/PREFIX",
    )
