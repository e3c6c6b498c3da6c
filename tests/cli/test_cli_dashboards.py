"""The dashboards' example: what it says is there, and its buckets, opened, are the plain counts."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from opensearchpy import OpenSearch
from support.commands import ok
from support.documents import BLOCK, bash, environment
from support.opensearch.removing import remove
from support.opensearch.saved import Saved, aggregations, request, saved_objects
from support.probing import Event, weight, weights

from analytics.store import open_store
from keys import Ring
from zt.query import Session
from zt.query.compile import visible_field
from zt.query.groups import open_groups

EXAMPLE = Path(__file__).parents[2] / "examples" / "opensearch-dashboards"
FIRST = "export OPENSEARCH=http://127.0.0.1:9200 PREFIX=acme\n"
BLOCKS = BLOCK.findall((EXAMPLE / "README.md").read_text())
OBJECTS = {found["id"]: found for found in saved_objects(EXAMPLE / "dashboards.ndjson")}
PANELS = ["zt-top-callers", "zt-events-over-time", "zt-events-by-type"]


class Shown(NamedTuple):
    """What the page's commands left and printed."""

    url: str
    prefix: str
    folder: Path
    answers: list[dict[str, Any]]


@pytest.fixture(scope="module")
def shown(
    opensearch_url: str,
    demo_capture: Path,
    tmp_path_factory: pytest.TempPathFactory,
    require: Callable[[object, str], None],
) -> Iterator[Shown]:
    """The page's commands, run from its first to its last, on a prefix of their own."""
    require(shutil.which("curl"), "the page's commands need curl")
    home, prefix = tmp_path_factory.mktemp("home"), f"dash{secrets.token_hex(6)}"
    folder = home / "examples" / "opensearch-dashboards"
    shutil.copytree(EXAMPLE, folder)
    (home / "examples" / "data").mkdir()
    shutil.copy(demo_capture, home / "examples" / "data")
    script = "".join(BLOCKS)
    assert script.startswith(FIRST)
    own = f"export OPENSEARCH={opensearch_url} PREFIX={prefix}\n"
    try:
        done = bash(script.replace(FIRST, own), folder, environment(home))
        assert done.returncode == 0, done.stderr
        yield Shown(opensearch_url, prefix, folder, printed_answers(done.stdout))
    finally:
        remove(opensearch_url, prefix)


def printed_answers(text: str) -> list[dict[str, Any]]:
    """The cluster's answers among what commands printed; they end without a new line."""
    decode, starts = json.JSONDecoder().raw_decode, re.finditer(r'\{"took"', text)
    return [decode(text, start.start())[0] for start in starts]


def visualization(name: str) -> Saved:
    return OBJECTS[name]


def test_every_reference_leads_to_an_object() -> None:
    assert len(OBJECTS) == 5
    for found in OBJECTS.values():
        named = {ref["name"]: ref for ref in found["references"]}
        for ref in named.values():
            assert OBJECTS[ref["id"]]["type"] == ref["type"]
        attributes = found["attributes"]
        source = json.loads(
            attributes.get("kibanaSavedObjectMeta", {}).get("searchSourceJSON", "{}")
        )
        used = {source["indexRefName"]} if "indexRefName" in source else set()
        used |= {panel["panelRefName"] for panel in json.loads(attributes.get("panelsJSON", "[]"))}
        assert used == set(named)
    shown = {ref["id"] for ref in OBJECTS["zt-overview"]["references"]}
    assert shown == set(PANELS)


def test_ids_of_a_visualization_s_aggregations_resolve() -> None:
    for name in PANELS:
        found = aggregations(visualization(name))
        ids = {agg["id"] for agg in found}
        assert len(ids) == len(found)
        state = json.loads(visualization(name)["attributes"]["visState"])
        series = {one["data"]["id"] for one in state["params"].get("seriesParams", [])}
        orders = {agg["params"]["orderBy"] for agg in found if "orderBy" in agg["params"]}
        assert series | orders <= ids


def test_the_page_asks_what_the_dashboard_asks() -> None:
    bodies = [
        json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", "".join(BLOCKS), re.DOTALL)
    ]
    assert bodies == [request(visualization(name), interval="1s") for name in PANELS]


def test_the_pattern_is_of_the_prefix_that_the_page_replaces() -> None:
    text = (EXAMPLE / "dashboards.ndjson").read_text()
    assert re.findall(r"acme[\w.]*", text) == ["acme.events"]


@pytest.mark.opensearch
def test_every_field_is_there_to_be_grouped_by(shown: Shown) -> None:
    (pattern,) = (
        o for o in saved_objects(shown.folder / "mine.ndjson") if o["type"] == "index-pattern"
    )
    title, time = pattern["attributes"]["title"], pattern["attributes"]["timeFieldName"]
    fields = {
        agg["params"]["field"] for name in PANELS for agg in aggregations(visualization(name))
    }
    assert len(fields) == 4
    with OpenSearch(shown.url) as client:
        caps = client.field_caps(index=title, params={"fields": ",".join(fields | {time})})[
            "fields"
        ]
    for field in fields:
        ((_, found),) = caps[field].items()  # one type over all months
        assert found["aggregatable"], field
    assert list(caps[time]) == ["date"]


@pytest.mark.opensearch
def test_opened_buckets_are_the_plain_counts(shown: Shown, demo_capture: Path) -> None:
    events = [json.loads(line) for line in ok("zt", "probe", "pcap", demo_capture).out.splitlines()]
    callers, times, types = (
        {bucket["key"]: bucket["1"]["value"] for bucket in answer["aggregations"]["2"]["buckets"]}
        for answer in shown.answers
    )
    plain = weighed((event["sip"]["from"], event) for event in events if "sip" in event)
    opened = open_callers(shown, list(callers))
    assert not set(callers) & set(plain)
    assert {name: plain[name] for name in opened} == dict(
        zip(opened, callers.values(), strict=True)
    )
    assert list(callers.values()) == [count for _, count in plain.most_common(10)]
    assert times == weighed((_second(event["@timestamp"]), event) for event in events)
    assert types == weights(events)


def open_callers(shown: Shown, ciphertexts: list[str]) -> list[str]:
    """The callers that the customer's keys find in buckets, each proven by its record."""
    ring = Ring.open(shown.folder / "ring.json")
    with open_store(f"opensearch+{shown.url}/{shown.prefix}") as store:
        (plan,) = Session(ring, store).plans
        found = open_groups(store, plan, visible_field(plan, "sip.from"), ciphertexts)
    return [text for text in found if isinstance(text, str)]


def weighed(keyed: Iterable[tuple[Hashable, Event]]) -> Counter[Hashable]:
    """How many events those of each key stand for."""
    total: Counter[Hashable] = Counter()
    for key, event in keyed:
        total[key] += weight(event)
    return total


def _second(timestamp: str) -> int:
    """The second of a time, in milliseconds."""
    moment = datetime.fromisoformat(timestamp).replace(microsecond=0)
    assert moment.tzinfo == UTC
    return int(moment.timestamp()) * 1000


def test_the_compose_file_is_one_of_two_pinned_services_on_loopback() -> None:
    """Syntax and structure; no Docker starts it here."""
    text = (EXAMPLE / "compose.yaml").read_text()
    assert "to try things" in text.splitlines()[0]
    compose = yaml.safe_load(text)
    assert set(compose) == {"name", "services", "volumes"}
    assert set(compose["services"]) == {"opensearch", "dashboards"}
    versions = set()
    for name, service in compose["services"].items():
        assert set(service) <= {
            "image", "environment", "ulimits", "volumes", "ports", "healthcheck", "depends_on",
        }  # fmt: skip
        image, _, version = service["image"].rpartition(":")
        assert image.startswith("opensearchproject/opensearch")
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        versions.add(version)
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
        assert all(isinstance(value, str) for value in service["environment"].values())
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        assert {v.partition(":")[0] for v in service.get("volumes", [])} <= set(compose["volumes"])
    assert len(versions) == 1, "Dashboards and OpenSearch must be of one version"
    hosts = json.loads(compose["services"]["dashboards"]["environment"]["OPENSEARCH_HOSTS"])
    assert hosts == ["http://opensearch:9200"]
