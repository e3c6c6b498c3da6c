"""What a program asks of a cluster, as the actions for which the security plugin wants a right.

The names of actions are those of OpenSearch's sources (`NAME` of the action that each REST handler
runs); the security plugin looks at them, not at addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from opensearchpy import Transport

CLUSTER = ""
"""Stands for the index where a right is one for the cluster."""

_CALLS: list[tuple[str, list[str]]] = [
    (r"GET /", ["=cluster:monitor/main"]),
    (r"GET /([^/_]+)", ["indices:admin/get"]),
    (r"PUT /([^/_]+)", ["indices:admin/create"]),
    (r"DELETE /([^/_]+)", ["indices:admin/delete"]),
    (r"(?:GET|HEAD) /_alias/(.+)", ["indices:admin/aliases/get"]),
    (r"HEAD /_index_template/.+", ["=indices:admin/index_template/get"]),
    (r"PUT /_index_template/.+", ["=indices:admin/index_template/put"]),
    (r"PUT /([^/]+)/_mapping", ["indices:admin/mapping/put"]),
    (r"POST /([^/]+)/_refresh", ["indices:admin/refresh"]),
    (r"POST /([^/]+)/_(?:search|count)", ["indices:data/read/search"]),
    (r"(?:GET|POST) /([^/]+)/_field_caps", ["indices:data/read/field_caps"]),
    (r"GET /([^/]+)/_doc/.+", ["indices:data/read/get"]),
    (r"POST /([^/]+)/_mget", ["=indices:data/read/mget", "indices:data/read/mget[shard]"]),
    (r"PUT /([^/]+)/_doc/.+", ["indices:data/write/index", "indices:data/write/bulk[s]"]),
    (r"DELETE /([^/]+)/_doc/.+", ["indices:data/write/delete", "indices:data/write/bulk[s]"]),
    (
        r"POST /([^/]+)/_delete_by_query",
        [
            "indices:data/write/delete/byquery",
            "indices:data/read/search",
            "indices:data/write/delete",
            "indices:data/write/bulk[s]",
            "indices:admin/refresh",
            "=indices:data/read/scroll",
            "=indices:data/read/scroll/clear",
            "=indices:data/write/bulk",
        ],
    ),
    (
        r"POST /([^/]+)/_search/point_in_time",
        [
            "indices:data/read/point_in_time/create",
            "indices:data/read/point_in_time/delete",  # of the one that was made, and of no other
            "indices:data/read/search",
        ],
    ),
    (r"GET /([^/]+)/_stats/store", ["indices:monitor/stats"]),
    (r"POST /([^/]+)/_forcemerge", ["indices:admin/forcemerge"]),
    (r"DELETE /_search/point_in_time", []),
    (r"POST /_search", []),  # by a point in time, whose index is above
]
"""Calls, and the actions that they run; `=` marks those of the cluster."""

_WRITES = {"create": "indices:data/write/index", "index": "indices:data/write/index"}
_WRITES["delete"] = "indices:data/write/delete"


class Right(NamedTuple):
    """An action and the index or alias that it concerns, without the store's prefix."""

    place: str
    action: str


@contextmanager
def recording(prefix: str) -> Iterator[set[Right]]:
    """The rights that everything needs which this process asks meanwhile."""
    found: set[Right] = set()
    send = Transport.perform_request

    def record(
        self: Transport, method: str, url: str, params: Any = None, body: Any = None, **more: Any
    ) -> Any:
        found.update(_bulk(body) if url == "/_bulk" else _rights(f"{method} {url}"))
        return send(self, method, url, params=params, body=body, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "perform_request", record)
        yield found
    asked = {Right(right.place.removeprefix(prefix), right.action) for right in found}
    found.clear()
    found.update(asked)


def _rights(call: str) -> Iterator[Right]:
    for pattern, actions in _CALLS:
        if match := re.fullmatch(pattern, call):
            for action in actions:
                if action.startswith("="):
                    yield Right(CLUSTER, action[1:])
                else:
                    yield from (Right(index, action) for index in match[1].split(","))
            return
    raise AssertionError(f"no right is known for {call}")


def _bulk(body: Any) -> Iterator[Right]:
    yield Right(CLUSTER, "indices:data/write/bulk")
    lines = iter((body if isinstance(body, bytes) else body.encode()).splitlines())
    for line in lines:
        ((action, item),) = json.loads(line).items()
        yield Right(item["_index"], _WRITES[action])
        yield Right(item["_index"], "indices:data/write/bulk[s]")
        if action != "delete":
            next(lines)
