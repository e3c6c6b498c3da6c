"""Which epochs a question has to be asked of, and their events as one stream, newest first.

The store says of each epoch when its first and its last event were, by the same time that it
compares with a question's: the one that the profile shows, coarsened or not. So an epoch that
lies outside of a question's range would have answered with nothing. Its word is asked for anew
with each question, since late events move these times; a store that lies here hides no more
than one that answers with nothing.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import NamedTuple, Protocol, TypeVar

from analytics.store import EpochInfo
from zt.encoder.plan import Plan


class Timed(Protocol):
    """Something that has a time or none."""

    @property
    def time(self) -> int | None:
        """Microseconds since 1970."""
        ...


Item = TypeVar("Item", bound=Timed)


class Asked(NamedTuple):
    """An epoch and profile to ask, and the time up to which it may have events.

    `newest` is minus infinity where no event has a time, plus infinity where nobody knows.
    """

    plan: Plan
    newest: float


def overlapping(
    plans: Iterable[Plan], epochs: Iterable[EpochInfo], since: int | None, until: int | None
) -> list[Asked]:
    """The plans of the epochs that may have events within `[since, until)`, newest first.

    If none may, the one of the newest events all the same, so that a question which can't be
    asked is refused as it is at other times. An epoch of which the store says nothing may have
    events of any time.
    """
    known = {epoch.kid: epoch for epoch in epochs}
    asked = [Asked(plan, _newest(known.get(plan.kid))) for plan in plans]
    asked.sort(key=lambda entry: entry.newest, reverse=True)
    within = [entry for entry in asked if _may_overlap(known.get(entry.plan.kid), since, until)]
    return within or asked[:1]


def newest_first(streams: Iterable[tuple[float, Iterator[Item]]]) -> Iterator[Item]:
    """Streams that are newest first, as one; what has no time comes last.

    Args:
        streams: each with a time that none of its items is after, the greatest of these first.
            One is not read before its turn has come, so who stops early pays for few.
    """
    heads: list[tuple[float, int, Item, Iterator[Item]]] = []
    order = count()  # decides between equal times; items have no order

    def push(stream: Iterator[Item]) -> None:
        for item in stream:
            age = math.inf if item.time is None else -item.time
            heapq.heappush(heads, (age, next(order), item, stream))
            return

    for newest, stream in chain(streams, [(-math.inf, iter(()))]):
        while heads and -heads[0][0] >= newest:
            _, _, item, source = heapq.heappop(heads)
            yield item
            push(source)
        push(stream)


def _newest(epoch: EpochInfo | None) -> float:
    if epoch is None:
        return math.inf
    return -math.inf if epoch.last is None else epoch.last


def _may_overlap(epoch: EpochInfo | None, since: int | None, until: int | None) -> bool:
    if epoch is None or (since is None and until is None):
        return True
    if epoch.first is None or epoch.last is None:
        return False  # events without a time are in no range
    return (since is None or epoch.last >= since) and (until is None or epoch.first < until)
