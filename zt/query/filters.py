"""Filters put together as small as they can be: stores bound their depth and their size."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Network

from analytics.wire import AllOf, AnyOf, Filter, Kind, PrefixRange
from analytics.wire import Not as Negation
from analytics.wire import Range as Between
from zt.query.ast import Range
from zt.query.ranges import range_bounds
from zt.values.address import Network

NOTHING = AnyOf(parts=())
EVERYTHING = AllOf(parts=())

_MAPPED = IPv6Network("::ffff:0:0/96")


def all_of(parts: Iterable[Filter]) -> Filter:
    """Every part holds."""
    flat = [p for part in parts for p in (part.parts if isinstance(part, AllOf) else (part,))]
    return flat[0] if len(flat) == 1 else AllOf(parts=tuple(flat))


def any_of(parts: Iterable[Filter]) -> Filter:
    """At least one part holds."""
    flat = [p for part in parts for p in (part.parts if isinstance(part, AnyOf) else (part,))]
    return flat[0] if len(flat) == 1 else AnyOf(parts=tuple(flat))


def negated(part: Filter) -> Filter:
    """The part does not hold."""
    if isinstance(part, Negation):
        return part.part
    if part == NOTHING:
        return EVERYTHING
    return NOTHING if part == EVERYTHING else Negation(part=part)


def between(leaf: Range, kind: Kind) -> Filter:
    """The values in a range, of a column of this kind.

    Raises:
        QueryError: see `range_bounds`.
    """
    bounds = range_bounds(leaf, kind)
    if bounds.gte is None and bounds.lt is None:  # any number, or any time
        return any_of((Between(path=leaf.path, gte=0), Between(path=leaf.path, lt=0)))
    return Between(path=leaf.path, gte=bounds.gte, lt=bounds.lt)


def within_network(path: str, network: Network) -> Filter:
    """The ranges of a network in a clear column.

    An IPv4-mapped address is the IPv4 address: of IPv4 its range belongs to the network, and to no
    larger network of IPv6.
    """
    first, last = network.network_address, network.broadcast_address
    if network.version == 4:
        spans = [(str(first), str(last)), (f"::ffff:{first}", f"::ffff:{last}")]
    elif network.supernet_of(_MAPPED):
        spans = [
            (str(first), str(_MAPPED.network_address - 1)),
            (str(_MAPPED.broadcast_address + 1), str(last)),
        ]
    else:
        spans = [(str(first), str(last))]
    return any_of(PrefixRange(path=path, low=low, high=high) for low, high in spans)
