"""A store and a plain index with the same events, of any number, in one cluster.

The first events are encrypted by the encoder and stored by ingest. More of them are copies of these
documents, each with an id, a position and a time of its own. The plain index holds the events as
they were, every string as keyword, with a `wildcard` twin of the searched field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from opensearchpy import OpenSearch

from analytics.store.opensearch.cluster import Cluster, Refusal
from analytics.store.opensearch.fields import OWN
from analytics.wire import encode_bytes

AT_ONCE = 2_000

Documents = list[tuple[str, bytes]]
"""Index and document of each event."""


class Recording(Cluster):
    """A cluster that notes the events it is sent."""

    sent: Documents

    def bulk(
        self, lines: Sequence[bytes], check: Callable[[], None] = lambda: None
    ) -> list[Refusal | None]:
        if b".events-" in lines[0][:120]:
            for line in lines:
                action, document = line.split(b"\n", 1)
                self.sent.append((msgspec.json.decode(action)["create"]["_index"], document))
        return super().bulk(lines, check)


def copy_events(cluster: Cluster, sent: Documents, copies: int, span: int) -> None:
    """Add copies of events, each `span` microseconds after the one before."""

    def lines() -> Iterator[bytes]:
        for copy in range(1, copies):
            for number, (index, raw) in enumerate(sent):
                document = msgspec.json.decode(raw)
                name = encode_bytes(copy.to_bytes(8, "big") + number.to_bytes(8, "big"))
                document[f"{OWN}.id"] = name
                document[f"{OWN}.position"] += copy * len(sent)
                document[f"{OWN}.t"] += copy * span
                document[f"{OWN}.time"] = document[f"{OWN}.t"] // 1000
                yield _line(index, name, document)

    send(cluster, lines())


def plain_index(client: OpenSearch, name: str, settings: dict[str, Any]) -> None:
    """An index of plain events: strings as keyword, addresses as ip."""
    kept = {"type": "keyword", "fields": {"wild": {"type": "wildcard"}}}
    properties: dict[str, Any] = {
        "@timestamp": {"type": "date"},
        "client": {"properties": {"ip": {"type": "ip"}}},
        "server": {"properties": {"ip": {"type": "ip"}}},
        "media": {"properties": {"ip": {"type": "ip"}}},
        "sip": {"properties": {"to": kept, "call_id": kept}},
    }
    strings = {"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}
    client.indices.create(
        index=name,
        body={
            "settings": settings,
            "mappings": {"properties": properties, "dynamic_templates": [strings]},
        },
    )


def plain_events(
    cluster: Cluster, index: str, events: Iterable[dict[str, Any]], copy: int, span: int
) -> None:
    """Add events as they are; those of a later copy `span` microseconds after those before."""

    def lines() -> Iterator[bytes]:
        for number, event in enumerate(events):
            time = event["@timestamp"] + copy * span // 1000
            yield _line(index, f"{copy}-{number}", {**event, "@timestamp": time})

    send(cluster, lines())


def _line(index: str, name: str, document: dict[str, Any]) -> bytes:
    action = msgspec.json.encode({"create": {"_index": index, "_id": name}})
    return action + b"\n" + msgspec.json.encode(document) + b"\n"


def send(cluster: Cluster, lines: Iterator[bytes]) -> None:
    """Bulk items, a few requests at once; each must be taken."""

    def pieces() -> Iterator[tuple[None, list[bytes]]]:
        piece: list[bytes] = []
        for line in lines:
            piece.append(line)
            if len(piece) == AT_ONCE:
                yield None, piece
                piece = []
        if piece:
            yield None, piece

    for _, outcomes in cluster.bulk_all(pieces()):
        refused = [outcome for outcome in outcomes if outcome is not None]
        if refused:
            raise AssertionError(refused[0])
