"""Figures of a running program: a line for its log, and pages for Prometheus.

The program publishes all its figures at once, and whoever asks gets the last ones: a scrape looks
at nothing that is being changed, and costs the program nothing. Names and numbers only; labels
take their values from the program, never from traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from zt.errors import InputError

Value = int | float | Mapping[str, int | float]


class Figure(NamedTuple):
    """One figure.

    Attributes:
        name: lower case with underscores.
        value: a number, or numbers by the value of a label.
        help: what it means.
        is_now: whether it may fall; else it is a counter, which only grows.
        label: the label's name, where there are numbers by its values.
    """

    name: str
    value: Value
    help: str
    is_now: bool = False
    label: str = ""


class Metrics(Collector):
    """The figures that were published last.

    Args:
        prefix: what the names of Prometheus begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._figures: Sequence[Figure] = ()

    def publish(self, figures: Sequence[Figure]) -> None:
        """Show these from now on."""
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """The figures as Prometheus takes them."""
        for figure in self._figures:
            family = GaugeMetricFamily if figure.is_now else CounterMetricFamily
            name = f"{self._prefix}_{figure.name}"
            if isinstance(figure.value, Mapping):
                metric = family(name, figure.help, labels=[figure.label])
                for label, value in figure.value.items():
                    metric.add_metric([label], value)
            else:
                metric = family(name, figure.help, value=figure.value)
            yield metric


class MetricsPage:
    """Serves figures over HTTP, in threads of its own, until it is closed.

    There is no authentication, so it belongs on loopback or an inner network.

    Args:
        metrics: what to serve, with the process's own figures (memory, time of the processor).
        host, port: where; port 0: any free one.

    Raises:
        InputError: nobody can listen there.
    """

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        registry = CollectorRegistry()
        registry.register(metrics)
        ProcessCollector(registry=registry)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise InputError(
                f"can't serve metrics on {host}:{port}: {(error.strerror or str(error)).lower()}",
                "give another address, such as 127.0.0.1:9464",
            ) from None
        self.port: int = self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def log_line(figures: Iterable[Figure], names: Sequence[str]) -> str:
    """Some figures as `name=value`, in the order of the names; sums where a label parts them."""
    known = {figure.name: figure.value for figure in figures}
    parts = []
    for name in names:
        value = known.get(name)
        if isinstance(value, Mapping):
            value = sum(value.values())
        if value is not None:
            parts.append(f"{name}={value:.3f}" if isinstance(value, float) else f"{name}={value}")
    return " ".join(parts)
