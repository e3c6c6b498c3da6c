"""A probe's figures, for its log and for Prometheus. docs/probe.md says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from zt.metrics import Figure
from zt.shipping.counters import GAUGES, ShippingCounters
from zt.sip.probe import Probe

LOGGED: Final = (
    "seconds", "packets", "kernel_drops", "source_waiting",
    "messages", "parse_errors", "retransmissions", "events_made", "events_sent",
    "events_suppressed", "messages_shed", "shed_level", "table_entries", "lag_seconds",
    "shipping_encrypted", "shipping_delivered", "shipping_lost", "shipping_dropped_events",
    "shipping_failures", "shipping_spool_events", "shipping_spool_bytes", "shipping_spool_age",
)  # fmt: skip
"""What stands in the line of the log, in this order, where it is known."""

_BARE: Final = frozenset({"packets", "kernel_drops"})
"""Counters of sources that stand for themselves; the others are called `source_NAME`."""


def probe_figures(
    probe: Probe, source: Mapping[str, int], *, seconds: float, lag: float
) -> list[Figure]:
    """What the probe and its source have seen.

    Args:
        probe: at work.
        source: the source's counters.
        seconds: since the start.
        lag: see `Watch`.
    """
    stats = probe.stats
    made = dict(stats.events)
    found = [
        Figure("seconds", round(seconds), "Seconds since the start.", is_now=True),
        Figure("lag_seconds", lag, "Age of the last datagram when worked on.", is_now=True),
        Figure("messages", stats.requests + stats.responses, "SIP messages."),
        _by_type("events_made", made, "Events before the throttle."),
    ]
    for name, value in stats.as_dict().items():
        if isinstance(value, int):
            found.append(Figure(name, value, f"Probe's counter {name}."))
    for name, number in source.items():
        shown = name if name in _BARE else f"source_{name.removesuffix('_now')}"
        found.append(
            Figure(shown, number, f"Source's counter {name}.", is_now=name.endswith("_now"))
        )
    if (throttle := probe.throttle) is not None:
        found.append(_by_type("events_sent", throttle.sent(), "Events after the throttle."))
        suppressed = throttle.suppressed()
        found.append(
            _by_type("events_suppressed", suppressed, "Events that reports stand for besides.")
        )
    else:
        found.append(_by_type("events_sent", made, "Events after the throttle."))
    if (sampler := probe.sampler) is not None:
        found.append(Figure("messages_shed", sampler.shed, "Messages shed before parsing."))
        found.append(
            Figure("shed_level", sampler.level, "How much is shed of everybody.", is_now=True)
        )
    sizes = dict(probe.sizes())
    found.append(Figure("table_entries", sizes, "Entries of tables.", is_now=True, label="table"))
    return found


def shipping_figures(counters: ShippingCounters) -> list[Figure]:
    """What became of the events on their way."""
    return [
        Figure(f"shipping_{name}", value, f"Shipping's counter {name}.", is_now=name in GAUGES)
        for name, value in asdict(counters).items()
    ]


def _by_type(name: str, numbers: Mapping[str, int], meaning: str) -> Figure:
    return Figure(name, dict(numbers), meaning, label="type")
