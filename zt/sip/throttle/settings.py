"""All numbers of the throttle and the sampler that can be set."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from zt.errors import InputError

_NO_EXCEPTIONS: Mapping[str, Rates] = MappingProxyType({})


def networks(
    listed: tuple[str, ...],
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks of a list of addresses and networks.

    Raises:
        InputError: one of them is neither.
    """
    found = []
    for text in listed:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise InputError(
                f"{text!r} is neither an address nor a network",
                "write addresses like 192.0.2.1 and networks like 192.0.2.0/24 or 2001:db8::/48",
            ) from None
    return found


def _at_least(least: int, settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if type(value) is not int or value < least:
            raise InputError(
                f"{name} is {value!r} in the settings of the throttle",
                f"give a whole number of at least {least}",
            )


def _check_prefix(bits: int) -> None:
    if type(bits) is not int or not 1 <= bits <= 128:
        raise InputError(
            f"ipv6_prefix is {bits!r}", "give the number of bits that make a source, 1 to 128"
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """How many of something may come in a second, a minute and an hour; 0 sets no limit."""

    second: int = 20
    minute: int = 240
    hour: int = 3_600

    def __post_init__(self) -> None:
        _at_least(0, self, "second", "minute", "hour")


@dataclass(frozen=True, slots=True)
class ThrottleSettings:
    """When events are held back.

    Attributes:
        rates: of one event type from one source.
        rates_of: other rates for some event types.
        all_sources: of one event type over all sources; senders with a proven address
            (`client.proven`) have this much for themselves, so no forged flood takes it away.
        all_sources_of: other rates for some event types.
        first, step: while a rate is exceeded, reports are made of the first event, of number
            `first`, of twice as many each time, and at last of every `step`th.
        quiet: seconds without news after which the number held back is reported anyway.
        once: seconds within which a source reports once, while a type is over its limit.
        new_sources: reports of that kind in `once` seconds, of senders that are not proven:
            a million forged senders are not a million sources.
        never_throttle: addresses and networks whose events are always sent. Over UDP anybody can
            forge them, and so send events without limit.
        always_report: event types that are always sent.
        ipv6_prefix: bits of an IPv6 address that make a source; who has one has 2**64 of them.
        states: pairs of event type and source remembered; what is unused for longest leaves first.
        held: events kept to be reported later; the oldest is reported early.
    """

    rates: Rates = Rates()
    rates_of: Mapping[str, Rates] = field(default_factory=lambda: _NO_EXCEPTIONS)
    all_sources: Rates = Rates(1_000, 20_000, 400_000)
    all_sources_of: Mapping[str, Rates] = field(default_factory=lambda: _NO_EXCEPTIONS)
    first: int = 100
    step: int = 10_000
    quiet: int = 10
    once: int = 3_600
    new_sources: int = 16_384
    never_throttle: tuple[str, ...] = ()
    always_report: frozenset[str] = frozenset()
    ipv6_prefix: int = 64
    states: int = 65_536
    held: int = 4_096

    def __post_init__(self) -> None:
        _at_least(1, self, "first", "step", "quiet", "once", "states", "held")
        _at_least(0, self, "new_sources")
        _check_prefix(self.ipv6_prefix)
        networks(self.never_throttle)


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """When messages are shed before they are parsed.

    Attributes:
        limit: messages a second from one source that always pass.
        proven: how many times as many pass from a source with a proven address.
        one_in: of the calls above that, one in so many passes, up to `limit` messages again.
        first, step: when a source's shed messages are reported, as in `ThrottleSettings`.
        quiet: seconds without shedding after which the rest is reported.
        never_shed: addresses and networks that are not sampled.
        ipv6_prefix: bits of an IPv6 address that make a source.
        sources: sources counted in one second; further ones pass.
        reports: sources whose shed messages are reported apart; those of others go into one sum.
    """

    limit: int = 5_000
    proven: int = 10
    one_in: int = 10
    first: int = 100
    step: int = 100_000
    quiet: int = 10
    never_shed: tuple[str, ...] = ()
    ipv6_prefix: int = 64
    sources: int = 65_536
    reports: int = 1_024

    def __post_init__(self) -> None:
        _at_least(1, self, "limit", "proven", "one_in", "first", "step", "quiet")
        _at_least(1, self, "sources", "reports")
        _check_prefix(self.ipv6_prefix)
        networks(self.never_shed)
