"""The measures of a query: how they are asked, and how answers become columns of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from analytics.store.intake.registry import Part, StoredColumn
from analytics.store.opensearch.fields import OWN
from analytics.store.opensearch.registry import StoredRegistry
from analytics.wire import Metric, Row

Key = tuple[str, ...]

Group = dict[str, Any]
"""A bucket as OpenSearch gives it: `doc_count`, `key`, and what was measured under its name."""


def of_nothing(metric: Metric) -> int | None:
    """A metric of no events."""
    return 0 if metric.kind in ("count", "events", "distinct", "values") else None


class Measures:
    """The metrics of a query over a part.

    Attributes:
        asked: the aggregation of each metric that needs one, `m0`, `m1` and so on.
        distinct: by the place of the metric, the columns whose distinct texts are counted.
    """

    def __init__(self, registry: StoredRegistry, part: Part, metrics: Sequence[Metric]) -> None:
        self._registry, self._part, self._metrics = registry, part, metrics
        self.asked: dict[str, Any] = {
            f"m{i}": measure
            for i, metric in enumerate(metrics)
            if (measure := self._measure(metric)) is not None
        }
        self.distinct: dict[int, StoredColumn] = {
            i: columns[0]
            for i, metric in enumerate(metrics)
            if metric.kind == "distinct" and (columns := part.by_path(metric.path or ""))
        }

    def _measure(self, metric: Metric) -> dict[str, Any] | None:
        match metric.kind:
            case "count":
                return {"sum": {"field": f"{OWN}.weight"}}
            case "first":
                return {"min": {"field": f"{OWN}.t"}}
            case "last":
                return {"max": {"field": f"{OWN}.t"}}
            case "events" | "distinct":
                return None
        typed = self._typed(metric)
        if typed is None:
            return None
        return {"stats": {"field": self._registry.fields(typed).typed}}

    def _typed(self, metric: Metric) -> StoredColumn | None:
        """The column whose values are measured."""
        columns = self._part.by_path(metric.path or "")
        return next((column for column in columns if column.kind in ("number", "time")), None)

    def rows(
        self,
        keys: Sequence[Key],
        starts: Sequence[int] | None,
        groups: Sequence[Group],
        distinct: Mapping[int, Sequence[int]],
    ) -> list[Row]:
        """Rows of groups, made by column: there may be many."""
        columns = [
            distinct.get(i, [0] * len(groups))
            if metric.kind == "distinct"
            else self._values(i, metric, groups)
            for i, metric in enumerate(self._metrics)
        ]
        measured = zip(*columns, strict=True) if columns else repeat(())
        return list(map(Row, keys, measured, repeat(None) if starts is None else starts))

    def _values(
        self, i: int, metric: Metric, groups: Sequence[Group]
    ) -> Sequence[int | float | None]:
        if metric.kind == "events":
            return [group["doc_count"] for group in groups]
        name = f"m{i}"
        if name not in self.asked:
            return [of_nothing(metric)] * len(groups)
        found = [group[name] for group in groups]
        match metric.kind:
            case "count":
                return [int(measure["value"]) for measure in found]
            case "first" | "last":
                return [_whole(measure["value"]) for measure in found]
            case "values":
                return [measure["count"] for measure in found]
        # A sum beyond binary64 comes as the word "Infinity".
        values = [float(measure[metric.kind]) if measure["count"] else None for measure in found]
        typed = self._typed(metric)
        is_whole = typed is not None and typed.kind == "time" and metric.kind != "avg"
        return list(map(_whole, values)) if is_whole else values


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
