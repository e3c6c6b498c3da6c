"""What a running probe can be told, in a YAML file: each section is a part's own settings.

    agent: sbc-1                      # who reports; the host's name without it
    ports: [5060-5090, 5160]          # of interest on an interface
    timers: {ringing: 120, established: 7200}   # seconds
    limits: {calls: 200000}
    capture: {connections: 32768}     # times in microseconds
    geoip: /var/lib/GeoIP/GeoLite2-City.mmdb
    throttle:
      rates: {second: 20, minute: 240, hour: 3600}
      never_throttle: [192.0.2.0/24]
    sampler: {limit: 5000}
    hep: {agents: [10.0.0.0/8]}
    counters_every: 60                # seconds
    shipping: {spool_bytes: 1073741824}

What stands in none of them has its default; what is no setting is an error that names the line.
Secrets don't belong here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WrapValidator

from zt.configuration import read_yaml
from zt.errors import InputError, ZtError
from zt.shipping.settings import ShippingSettings
from zt.sip.capture.limits import CaptureLimits
from zt.sip.events import Agent
from zt.sip.geoip import Places
from zt.sip.hep import HepSettings
from zt.sip.live import DEFAULT_PORTS, PortRange
from zt.sip.probe import Probe
from zt.sip.stats import Limits
from zt.sip.throttle import SamplerSettings, ThrottleSettings
from zt.sip.timers import Timers

_PORTS: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)

T = TypeVar("T")


def _section(value: Any, validate: Callable[[Any], T]) -> T:
    """A part's settings; what the part itself refuses becomes an error that names the line."""
    try:
        made = validate(value)
    except ZtError as error:
        raise ValueError(f"{error}; {error.hint}") from None
    _check_numbers(made)
    return made


def _check_numbers(made: Any) -> None:
    """Refuse what is not positive, unless the part looks at its numbers itself."""
    if hasattr(made, "__post_init__"):
        return
    for field in fields(made):
        value = getattr(made, field.name)
        if isinstance(value, int | float) and value <= 0:
            raise ValueError(f"{field.name} is {value!r}: give a greater number")


def _no_truth(value: Any) -> Any:
    """Refuse `yes` where a number is meant, which would pass for 1."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, bool):
                raise ValueError(f"{name} is neither true nor false: give a number")
            _no_truth(item)
    return value


def _port_range(value: Any) -> PortRange:
    match = _PORTS.fullmatch(str(value))
    if match is None:
        raise ValueError("ports are written 5060 or 5060-5090")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= 65_535:
        raise ValueError("ports lie between 1 and 65535, and a range begins with the lower one")
    return first, last


def _hep(value: Any) -> Any:
    if isinstance(value, dict) and "key" in value:
        raise ValueError("the key is a secret: give it in a file, by --hep-key-file")
    return value


Section = WrapValidator(_section)
"""Marks a part's own settings as a section of a file, so that errors name the line."""

Numbers = BeforeValidator(_no_truth)
"""Marks a section of numbers, where `yes` must not pass for 1."""


class ProbeSettings(BaseModel):
    """The settings of a probe; frozen, and compared section by section when they are read again.

    Attributes:
        agent: who reports, in `agent.name`; empty: the host's name.
        ports: ranges of ports of interest on an interface.
        timers: how long it waits for what.
        limits: how much it remembers.
        capture: how much is held of fragments and TCP streams of an interface.
        geoip: a MaxMind file, for `geoip` in events; a relative path begins at the settings' file.
        throttle: when events are held back.
        sampler: when messages are shed before they are parsed.
        hep: which agents may speak HEP, and how much is held for them.
        counters_every: seconds from one `counters` event to the next; 0 makes none.
        shipping: when batches are cut, and how much may wait.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: Annotated[str, Field(max_length=255)] = ""
    ports: Annotated[
        tuple[Annotated[PortRange, BeforeValidator(_port_range)], ...], Field(min_length=1)
    ] = DEFAULT_PORTS
    timers: Annotated[Timers, Section, Numbers] = Field(default_factory=Timers)
    limits: Annotated[Limits, Section, Numbers] = Field(default_factory=Limits)
    capture: Annotated[CaptureLimits, Section, Numbers] = Field(default_factory=CaptureLimits)
    geoip: Path | None = None
    throttle: Annotated[ThrottleSettings, Section, Numbers] = Field(
        default_factory=ThrottleSettings
    )
    sampler: Annotated[SamplerSettings, Section, Numbers] = Field(default_factory=SamplerSettings)
    hep: Annotated[HepSettings, Section, Numbers, BeforeValidator(_hep)] = Field(
        default_factory=HepSettings
    )
    counters_every: Annotated[int, Field(ge=0, le=3_600)] = 60
    shipping: Annotated[ShippingSettings, Section, Numbers] = Field(
        default_factory=ShippingSettings
    )


def load_settings(path: Path | None) -> ProbeSettings:
    """Settings from a file; the defaults without one.

    Raises:
        InputError: it can't be read, or is wrong; names the line.
    """
    if path is None:
        return ProbeSettings()
    settings = read_yaml(path, ProbeSettings)
    if settings.geoip is not None:
        return settings.model_copy(update={"geoip": path.parent / settings.geoip})
    return settings


def parse_ports(text: str) -> tuple[PortRange, ...]:
    """Ports as a command line has them: `5060-5090,5160`.

    Raises:
        InputError: they are none.
    """
    try:
        return tuple(_port_range(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise InputError(str(error), "write --ports 5060-5090,5160") from None


def make_probe(
    settings: ProbeSettings,
    agent: Agent,
    *,
    throttled: bool = True,
    sampled: bool = False,
    counting: bool = False,
) -> Probe:
    """A probe with these settings.

    Args:
        settings: of a file, or the defaults.
        agent: who makes the events.
        throttled: hold floods of events back.
        sampled: shed floods of messages before they are parsed; a live probe must keep up.
        counting: make `counters` events.

    Raises:
        InputError: the file of places can't be used.
    """
    return Probe(
        agent,
        settings.limits,
        timers=settings.timers,
        places=Places(settings.geoip) if settings.geoip is not None else None,
        throttle=settings.throttle if throttled else None,
        sampler=settings.sampler if sampled else None,
        counters_every=settings.counters_every if counting else 0,
    )
