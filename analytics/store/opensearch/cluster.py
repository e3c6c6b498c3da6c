"""A store's cluster: the calls that everything here is made of.

Invariants:
- A change of a shared document is made only on the version that was read; who loses reads again.
- Bulk requests are tried again where the cluster says that it is busy or away, item by item, with
  growing pauses; what it refuses for its content is told, what it refuses for its state raises.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

import msgspec
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConflictError, NotFoundError

from analytics.store.opensearch.indices import Indices
from analytics.store.opensearch.retry import BUSY, again, is_away, is_blocked, is_passing
from analytics.wire import StoreError

PATIENCE: Final = 60.0
"""Seconds that a write is tried again for while the cluster is busy or away."""

MOMENT: Final = 5.0
"""Seconds that a question is asked again for while a shard is away."""

PAGE: Final = 2_000
"""Documents fetched at once."""

SENDERS: Final = 3
"""Bulk requests on their way at once."""

_ATTEMPTS: Final = 50
_KEEP_ALIVE: Final = "5m"


T = TypeVar("T")


class Version(NamedTuple):
    """Which write of a document was read: a change of it names this."""

    seq_no: int
    primary_term: int


class Refusal(NamedTuple):
    """How a bulk item failed: the status and the kind of error, without its content."""

    status: int
    kind: str


class Cluster:
    """A client with the indices of one store.

    Args:
        client: connected; it is closed with this.
        indices: the store's.
    """

    def __init__(self, client: OpenSearch, indices: Indices) -> None:
        self.client = client
        self.indices = indices
        self._is_patient = False

    def patient(self) -> Self:
        """The same, for long writes: what they read on their way is asked again as well."""
        other = copy(self)
        other._is_patient = True
        return other

    def ask(self, ask: Callable[[], T]) -> T:
        """Ask `patiently` where this is patient; else again for a moment where a shard is away, as
        those of an index are that another program is making."""
        if self._is_patient:
            return self.patiently(ask)
        return again(ask, MOMENT, is_away)

    def close(self) -> None:
        """Release the connections."""
        self.client.close()

    def read(self, index: str, name: str) -> tuple[Any, Version] | None:
        """A shared document as it is now, not as of the last refresh; None if it is not there."""
        try:
            found = self.ask(lambda: self.client.get(index=index, id=name))
        except NotFoundError:
            return None
        body = msgspec.json.decode(found["_source"]["body"])
        return body, Version(found["_seq_no"], found["_primary_term"])

    def change(self, index: str, name: str, step: Callable[[dict[str, Any]], T]) -> T:
        """Change a shared document by a step, which may run several times, on newer versions.

        A document that is not there is an empty one. What changes nothing writes nothing.

        Raises:
            StoreError: others change it all the time.
        """
        for _ in range(_ATTEMPTS):
            found = self.read(index, name)
            document, version = found if found is not None else ({}, None)
            before = msgspec.json.encode(document)
            result = step(document)
            after = msgspec.json.encode(document)
            if before == after or self._put(index, name, after, version):
                return result
            time.sleep(random.uniform(0.0, 0.05))
        raise StoreError(
            f"other programs kept changing what the store remembers ({name})",
            "run fewer programs that write to this store at once",
        )

    def _put(self, index: str, name: str, body: bytes, version: Version | None) -> bool:
        condition: dict[str, Any] = (
            {"op_type": "create"}
            if version is None
            else {"if_seq_no": version.seq_no, "if_primary_term": version.primary_term}
        )
        document = {"body": body.decode()}
        try:
            self.patiently(
                lambda: self.client.index(index=index, id=name, body=document, params=condition)
            )
        except ConflictError:
            return False
        return True

    def patiently(self, ask: Callable[[], T]) -> T:
        """Ask, and ask again while the cluster is busy or away, for at most `PATIENCE`."""
        return again(ask, PATIENCE, is_passing)

    def bulk(
        self, lines: Sequence[bytes], check: Callable[[], None] = lambda: None
    ) -> list[Refusal | None]:
        """Send bulk items, each an action with its document in one piece; how each ended.

        None is done. An item that a busy node turned away is sent again; one whose answer got lost
        is too, so what is made by `create` may be there already, by this call. `check` is called
        before each request, and raises where it must not be sent any more.

        Raises:
            StoreError: the cluster refuses writes for its state, or stayed busy.
        """
        results: list[Refusal | None] = [None] * len(lines)
        left = list(range(len(lines)))
        deadline = time.monotonic() + PATIENCE
        pause = 0.1
        while left:
            body = b"".join([lines[i] for i in left])
            answer = self.patiently(partial(self._send, body, check))
            busy = []
            items = answer["items"] if answer["errors"] else [None] * len(left)
            for i, item in zip(left, items, strict=True):
                results[i] = refusal = _refusal(item) if item is not None else None
                if refusal is not None and refusal.status in BUSY:
                    busy.append(i)
            if busy and time.monotonic() > deadline:
                raise StoreError(
                    f"the cluster stayed busy for {PATIENCE:.0f} seconds",
                    "send the rest again later: what is stored is not stored twice",
                )
            left = busy
            if left:
                time.sleep(random.uniform(0.0, pause))
                pause = min(2 * pause, 5.0)
        return results

    def _send(self, body: bytes, check: Callable[[], None]) -> Any:
        check()
        return self.client.bulk(body=body, params={"filter_path": _OUTCOMES})

    def bulk_all(
        self,
        pieces: Iterable[tuple[T, Sequence[bytes]]],
        check: Callable[[T], None] = lambda _: None,
    ) -> Iterator[tuple[T, list[Refusal | None]]]:
        """Send pieces of bulk items, each as `bulk` does, several at once; results in their order.

        The next piece is made while those before it are on their way.
        """
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="bulk") as pool:
            sent: deque[tuple[T, Future[list[Refusal | None]]]] = deque()
            for name, lines in pieces:
                sent.append((name, pool.submit(self.bulk, lines, partial(check, name))))
                if len(sent) >= SENDERS:
                    done, outcome = sent.popleft()
                    yield done, outcome.result()
            for done, outcome in sent:
                yield done, outcome.result()

    def refresh(self, *indices: str) -> None:
        """Let searches see all that was written before."""
        self.patiently(
            lambda: self.client.indices.refresh(
                index=",".join(indices), params={"ignore_unavailable": "true"}
            )
        )

    @contextmanager
    def snapshot(self, index: str) -> Iterator[str]:
        """A point in time of an index or alias, by whose id searches see it unchanged."""
        params = {"keep_alive": _KEEP_ALIVE, "allow_partial_pit_creation": "false"}
        made = self.ask(lambda: self.client.create_pit(index=index, params=params))
        try:
            yield made["pit_id"]
        finally:
            self.client.delete_pit(body={"pit_id": [made["pit_id"]]})

    def search(self, index: str | None, body: dict[str, Any]) -> dict[str, Any]:
        """One search of an index or alias, or of the point in time that the body names.

        Of all of it: where a part can't be read there is an error and no lesser answer.
        """
        found: dict[str, Any] = self.ask(
            lambda: self.client.search(index=index, body=body, params=_WHOLE)
        )
        return found

    def count(self, index: str, query: dict[str, Any]) -> int:
        """How many documents of an index or alias a query finds."""
        found = self.search(index, {"size": 0, "track_total_hits": True, "query": query})
        return int(found["hits"]["total"]["value"])

    def pages(
        self,
        index: str,
        body: dict[str, Any],
        *,
        sort: Sequence[Any] = (),
        limit: int | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """The hits of a search, a page at a time, as they were when it began; `limit` at most.

        Those that sort alike come in no order, so a sort that matters ends with what is distinct.
        """
        size = PAGE if limit is None else min(PAGE, limit)
        asked = {"size": size, "track_total_hits": False, "sort": list(sort) or ["_doc"], **body}
        # Most answers are one page, which needs no point in time to be of one moment.
        hits = self.search(index, asked)["hits"]["hits"]
        if len(hits) < size or size == limit:
            yield hits
            return
        with self.snapshot(index) as pit:
            asked |= {
                "sort": list(sort) or ["_shard_doc"],
                "pit": {"id": pit, "keep_alive": _KEEP_ALIVE},
            }
            left = limit
            while hits := self.search(None, asked)["hits"]["hits"]:
                yield hits[:left]
                if left is not None:
                    left -= len(hits)
                if len(hits) < size or (left is not None and left <= 0):
                    return
                asked["search_after"] = hits[-1]["sort"]


_WHOLE: Final = {"allow_partial_search_results": "false"}
_OUTCOMES: Final = "errors,items.*.status,items.*.error.type"


def _refusal(item: dict[str, Any]) -> Refusal | None:
    (outcome,) = item.values()
    status = int(outcome["status"])
    if status < 300:
        return None
    kind = str(outcome.get("error", {}).get("type", ""))
    if is_blocked(status, kind):
        raise StoreError(
            "the cluster refuses writes: an index is read-only, as it becomes on a full disk",
            "free space on the nodes, then lift index.blocks.read_only_allow_delete",
        )
    return Refusal(status, kind)


def bulk_line(action: dict[str, Any], document: dict[str, Any] | None = None) -> bytes:
    """A bulk item: its action, and its document if it has one."""
    line = msgspec.json.encode(action) + b"\n"
    return line if document is None else line + msgspec.json.encode(document) + b"\n"
