"""Figures for a log line and for Prometheus."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from zt.errors import InputError
from zt.metrics import Figure, Metrics, MetricsPage, log_line

FIGURES = [
    Figure("packets", 12, "Packets."),
    Figure("events", {"call-start": 2, "call-end": 1}, "Events.", label="type"),
    Figure("lag_seconds", 0.25, "Lag.", is_now=True),
]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("zt_probe")


@pytest.fixture
def page(metrics: Metrics) -> Iterator[MetricsPage]:
    page = MetricsPage(metrics, "127.0.0.1", 0)
    yield page
    page.close()


def scraped(page: MetricsPage) -> dict[tuple[str, str], float]:
    """What Prometheus reads: numbers by name and label."""
    with urlopen(f"http://127.0.0.1:{page.port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_what_was_published_last(metrics: Metrics, page: MetricsPage) -> None:
    assert ("zt_probe_packets_total", "") not in scraped(page)
    metrics.publish(FIGURES)
    found = scraped(page)
    assert found["zt_probe_packets_total", ""] == 12
    assert found["zt_probe_events_total", "call-start"] == 2
    assert found["zt_probe_lag_seconds", ""] == 0.25
    metrics.publish([Figure("packets", 13, "Packets.")])
    assert scraped(page)["zt_probe_packets_total", ""] == 13


def test_memory_and_time_of_the_process_are_there(page: MetricsPage) -> None:
    assert scraped(page)["process_resident_memory_bytes", ""] > 0


def test_a_taken_address_is_an_error_with_advice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"can't serve metrics on 127.0.0.1:{port}"):
            MetricsPage(Metrics("zt"), "127.0.0.1", port)


def test_the_log_line_has_the_figures_that_are_known_in_the_order_asked_for() -> None:
    assert log_line(FIGURES, ["lag_seconds", "unknown", "events", "packets"]) == (
        "lag_seconds=0.250 events=3 packets=12"
    )
