"""How often somebody asked: so many requests within so long a time, and no more.

The window slides: within no stretch of that length is one request more answered, wherever it
begins. Requests that are refused don't count, so that a client that asks on and on is answered
as often as one that keeps to its rate.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address
from typing import Final

from zt.honeynet.collector.book.access import Rate

_SLOTS: Final = 1_000
"""Moments that are told apart within a window, so that a high rate needs no more memory."""


class Limiter:
    """Counts the requests of many clients, each by its own name.

    Memory is bounded: where there are more than `clients`, the one that asked longest ago is
    forgotten.
    """

    def __init__(self, clients: int) -> None:
        self._clients = clients
        self._asked: OrderedDict[object, _Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._asked)

    def wait(self, client: object, rate: Rate, now: int) -> int:
        """Count a request, unless the client must wait.

        Args:
            now: microseconds of a clock that never goes back.

        Returns:
            0, or the microseconds after which it may ask again.
        """
        window = self._asked.get(client)
        if window is None:
            if len(self._asked) >= self._clients:
                self._asked.popitem(last=False)
            window = self._asked[client] = _Window()
        else:
            self._asked.move_to_end(client)
        return window.wait(rate, now)


class _Window:
    """One client's requests, by the moments in which they came."""

    __slots__ = ("_moments", "_sum")

    def __init__(self) -> None:
        self._moments: deque[list[int]] = deque()  # end of the moment, requests in it
        self._sum = 0

    def wait(self, rate: Rate, now: int) -> int:
        moments = self._moments
        while moments and moments[0][0] <= now - rate.span:
            self._sum -= moments.popleft()[1]
        if self._sum >= rate.requests:
            return moments[0][0] + rate.span - now
        # below that many requests each has a moment of its own, and the window is exact
        length = 1 if rate.requests <= _SLOTS else max(1, rate.span // _SLOTS)
        end = now - now % length + length - 1
        if moments and moments[-1][0] >= end:
            moments[-1][1] += 1
        else:
            moments.append([end, 1])
        self._sum += 1
        return 0


def network_of(address: str) -> str:
    """Whom a limit is for: an IPv4 address, or the /64 that one owner of IPv6 has at least.

    What is no address stands for itself.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))
