"""The indices of a store: their names, settings and mappings.

Invariants:
- Nothing is mapped that the store has not named: `dynamic` is strict wherever fields could be
  added, so names that a sender makes up can't grow a mapping.
- Events lie in an index for each month, behind one alias; those without a time, or of a time that
  no network has seen, lie in one more, so a sender can't make indices at will.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from analytics.store.opensearch.fields import FILTERED, OWN, Fields

SCHEMA_VERSION: Final = 1

MAX_FIELDS: Final = 4_000
"""Fields of an index of events: `MAX_COLUMNS` (256) columns have four each, and up to nine objects
above them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR: Final = 2000
FIRST_TIME: Final = int((datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1e6)
"""Microseconds since 1970 from which on months have indices of their own."""

_AHEAD = timedelta(days=40)

_KEYWORD: Final = {"type": "keyword"}
_KEPT: Final = {"type": "keyword", "index": False, "doc_values": False}
"""Returned, never asked for."""
_LONG: Final = {"type": "long"}

EVENT_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "id": _KEYWORD,
    "kid": _KEYWORD,
    "profile": _KEYWORD,
    "t": _LONG,
    "time": {"type": "date", "format": "epoch_millis"},
    "weight": {**_LONG, "index": False},
    "position": _LONG,
    "unsure": FILTERED,
    "raw": _KEPT,
}
"""What `zt` holds beside columns: `t` in microseconds, `time` the same for dashboards, `unsure` the
columns whose tokens do not tell all, `raw` the line as it came."""

_UNSEEN: Final = [f"{OWN}.unsure", *(f"{OWN}.{letter}*" for letter in "ckxy")]
"""Indexed, and left out of what is kept of a document: `raw` has it all."""

_SETTINGS: Final[dict[str, Any]] = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}


class Indices:
    """The names of a store's indices, by its prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        # A point can't stand in a prefix, so no tenant's pattern meets another's indices.
        self.events = f"{prefix}.events"
        """The alias over all months."""
        self.values = f"{prefix}.values"
        self.state = f"{prefix}.state"
        self.headers = f"{prefix}.headers"
        self.jobs = f"{prefix}.jobs"
        self.watermarks = f"{prefix}.watermarks"
        self.findings = f"{prefix}.findings"

    @property
    def all(self) -> str:
        """Every index of the store, and of no other whose prefix begins with this one's."""
        return ",".join([self.events, *self.fixed()])

    def month(self, time: int | None) -> str:
        """The index of an event with that time, microseconds."""
        if time is not None:
            moment = _EPOCH + timedelta(microseconds=time)
            if moment.year >= _FIRST_YEAR and moment <= datetime.now(UTC) + _AHEAD:
                return f"{self.events}-{moment:%Y.%m}"
        return f"{self.events}-other"

    def month_end(self, index: str) -> int | None:
        """The time at which an index of events ends; None for the one of odd times."""
        try:
            start = datetime.strptime(index.removeprefix(f"{self.events}-"), "%Y.%m")
        except ValueError:
            return None
        following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        return int((following.replace(tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000

    def template(self, columns: Iterable[Fields]) -> dict[str, Any]:
        """What every index of events is made by."""
        return {
            "index_patterns": [f"{self.events}-*"],
            "priority": 500,
            "template": {
                "settings": {
                    **_SETTINGS,
                    # Ciphertexts are random: only a code by frequency makes their spelling shorter.
                    # Value records are larger by a third without it, and read four times faster.
                    "codec": "best_compression",
                    "mapping.total_fields.limit": MAX_FIELDS,
                    "refresh_interval": "5s",
                },
                "mappings": {
                    "dynamic": "strict",
                    "_source": {"excludes": _UNSEEN},
                    **event_properties(columns),
                },
                "aliases": {self.events: {}},
            },
            "_meta": {"zt": SCHEMA_VERSION},
        }

    def fixed(self) -> dict[str, dict[str, Any]]:
        """The indices that are there from the beginning, with their mappings."""
        return {
            self.state: {"body": _KEPT},
            self.headers: {"kid": _KEYWORD, "line": _KEPT},
            self.values: {
                "kid": FILTERED,
                "keyspace": FILTERED,
                "search": FILTERED,
                "scheme": _KEPT,
                "ct": FILTERED,
                "tokens": FILTERED,
                "count": {**_LONG, "index": False},
                "tag": _KEPT,
            },
            self.jobs: {"spec": _KEPT},
            self.watermarks: {
                "job": _KEYWORD,
                "version": _KEYWORD,
                "kid": _KEYWORD,
                "profile": _KEYWORD,
                "position": _LONG,
            },
            self.findings: {
                "sequence": _LONG,
                "id": _KEYWORD,
                "job": _KEYWORD,
                "version": _KEYWORD,
                "kid": _KEYWORD,
                "profile": _KEYWORD,
                "group": _KEYWORD,
                "since": _LONG,
                "until": _LONG,
                "partial": {"type": "boolean"},
                "body": _KEPT,
            },
        }

    def body(self, properties: dict[str, Any]) -> dict[str, Any]:
        """What a fixed index is made by."""
        mappings: dict[str, Any] = {"dynamic": "strict", "properties": properties}
        return {"settings": _SETTINGS, "mappings": mappings}


def event_properties(columns: Iterable[Fields]) -> dict[str, Any]:
    """The properties of events with these columns."""
    own = {f"{OWN}.{name}": mapping for name, mapping in EVENT_FIELDS.items()}
    for fields in columns:
        own |= fields.properties()
    return _nested(own)


def _nested(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Dotted names as objects, each as strict as the whole."""
    root: dict[str, Any] = {}
    for name, mapping in fields.items():
        *objects, last = name.split(".")
        branch = root
        for key in objects:
            branch = branch.setdefault(key, {"dynamic": "strict", "properties": {}})["properties"]
        branch[last] = mapping
    return {"properties": root}
