"""Empty stores on a cluster, quickly: what one test has used the next one finds emptied.

Making a store's indices takes longer than most tests do. Of a store that was used only the indices
of events are made anew, whose mapping depends on what was stored; the others lose their documents.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from opensearchpy import OpenSearch

from analytics.store.opensearch.indices import Indices

_EVERYTHING: Final[dict[str, Any]] = {"query": {"match_all": {}}}


class Prefixes:
    """Prefixes that nobody else uses, for `opensearch+URL/PREFIX`.

    Args:
        url: of the cluster, `http://HOST:PORT`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = OpenSearch(url, timeout=60)
        self._made: list[str] = []
        self._free: list[str] = []

    def take(self) -> str:
        """The URL of a store that is not there, whose making is quick."""
        if not self._free:
            return self.take_new()
        prefix = self._free.pop()
        self._empty(prefix)
        return self._store(prefix)

    def take_new(self) -> str:
        """The URL of a store of which nothing is there."""
        prefix = f"t{secrets.token_hex(6)}"
        self._made.append(prefix)
        return self._store(prefix)

    def give_back(self, store: str) -> None:
        """Nobody has this store open any more."""
        self._free.append(store.rpartition("/")[2])

    def close(self) -> None:
        """Remove all that was made."""
        for prefix in self._made:
            indices = Indices(prefix)
            self._client.indices.delete(
                index=",".join([*indices.fixed(), f"{indices.events}-*"]),
                params={"ignore_unavailable": "true"},
            )
            self._client.indices.delete_index_template(name=indices.events, params={"ignore": 404})
        self._client.close()

    def _store(self, prefix: str) -> str:
        return f"opensearch+{self._url}/{prefix}"

    def _empty(self, prefix: str) -> None:
        indices = Indices(prefix)
        fixed = ",".join(indices.fixed())
        self._client.indices.delete(index=f"{indices.events}-*")
        self._client.indices.refresh(index=fixed)
        self._client.delete_by_query(index=fixed, body=_EVERYTHING, params={"refresh": "true"})
