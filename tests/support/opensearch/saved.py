"""Saved objects of OpenSearch Dashboards: what a visualisation asks the cluster for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Saved = dict[str, Any]


def saved_objects(path: Path) -> list[Saved]:
    """The objects of an export file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def aggregations(visualization: Saved) -> list[dict[str, Any]]:
    """The aggregations that a visualisation is made of, as it holds them."""
    found: list[dict[str, Any]] = json.loads(visualization["attributes"]["visState"])["aggs"]
    return found


def request(visualization: Saved, *, interval: str) -> dict[str, Any]:
    """The search that Dashboards makes of it: a metric in each bucket, both named by their ids.

    Args:
        visualization: of one bucket aggregation and one metric.
        interval: what `auto` comes to.
    """
    metric, bucket = aggregations(visualization)
    assert (metric["schema"], metric["type"]) == ("metric", "sum")
    given = bucket["params"]
    match bucket["type"]:
        case "terms":
            body = {key: given[key] for key in ("field", "size")}
            body["order"] = {given["orderBy"]: given["order"]}
        case "date_histogram":
            assert given["interval"] == "auto"
            body = {"field": given["field"], "fixed_interval": interval}
            body["min_doc_count"] = given["min_doc_count"]
        case other:
            raise AssertionError(other)
    inner = {metric["id"]: {metric["type"]: {"field": metric["params"]["field"]}}}
    return {"size": 0, "aggs": {bucket["id"]: {bucket["type"]: body, "aggs": inner}}}
