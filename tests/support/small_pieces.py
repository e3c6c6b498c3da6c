"""Stores that work in pieces so small that a few events already take several."""

from __future__ import annotations

import pytest

_DUCKDB = "analytics.store.duckdb"
_OPENSEARCH = "analytics.store.opensearch"
_SIZES = {
    f"{_DUCKDB}.runs.TAIL": 7,
    f"{_DUCKDB}.expiry.STEP": 7,
    f"{_OPENSEARCH}.dictionary.MAX_CLAUSES": 2,
    f"{_OPENSEARCH}.filters.MAX_CLAUSES": 2,
    f"{_OPENSEARCH}.dictionary.MAX_TERMS": 3,
    f"{_OPENSEARCH}.filters.MAX_TERMS": 3,
    f"{_OPENSEARCH}.ingest.EVENTS_AT_ONCE": 3,
    **{f"{_OPENSEARCH}.{name}.BUCKETS": 2 for name in ("jobstate", "queries")},
    **{
        f"{_OPENSEARCH}.{name}.PAGE": 2
        for name in ("cluster", "findings", "reading", "replacement")
    },
}


def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut whatever is done in pieces into small ones."""
    for name, size in _SIZES.items():
        monkeypatch.setattr(name, size)
