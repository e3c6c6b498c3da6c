"""Sightings before they are reported: what each address did, added up.

Only what is surely hostile counts, since an address that is reported will be blocked elsewhere:

| kind | counts |
|---|---|
| `call` | each INVITE: nobody has a reason to call here |
| `guess` | each other request with credentials: nobody was given any |
| `scan` | each other request: OPTIONS, REGISTER, MESSAGE, SUBSCRIBE ... |
| `broken` | what claims to be a SIP request and can't be read as one |

Nothing else does: no response (a forged request makes a stranger answer), no ACK, CANCEL or PRACK,
and no BYE, UPDATE or INFO of a dialog (they follow from what was counted), no keep-alive, no STUN,
no HTTP, no half of a message, and no connection by which nothing was said.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

import msgspec

from zt.honeynet.sighting import MAX_TOOL, Kind, Sighting
from zt.sip.parse import Message
from zt.sip.scanners import signature
from zt.sip.tables import ExpiringTable

LIMIT: Final = 32_768
"""Sums held; about 400 bytes each."""

LATELY: Final = 60.0
"""Seconds for which the collector is taken to know that an address does this."""

UNHURRIED: Final = 5.0
"""Seconds by which more of what it knows may be late."""

_FOLLOWS: Final = frozenset({"ACK", "CANCEL", "PRACK"})
_FOLLOWS_IN_DIALOGS: Final = frozenset({"BYE", "UPDATE", "INFO"})
_MAX_COUNT: Final = (1 << 40) - 1
_MAX_TIME: Final = (1 << 53) - 1
_REMEMBERED: Final = 4_096  # addresses of which it is known whether they are spared

_Key: TypeAlias = tuple[bytes, Kind, bool]  # packed address, kind, proven


def kind_of(message: Message) -> Kind | None:
    """What a message from outside is counted as; None: it is not.

    Args:
        message: as `zt.sip.parse` read it, broken or not.
    """
    if message.status:
        return None
    if message.error:
        return Kind.BROKEN
    method = message.method
    if method in _FOLLOWS or (message.to_tag and method in _FOLLOWS_IN_DIALOGS):
        return None
    if method == "INVITE":
        return Kind.CALL
    return Kind.GUESS if message.credentials else Kind.SCAN


def tool_of(message: Message) -> str:
    """The scanner that a request looks like, or its User-Agent; nothing in it steers a terminal."""
    name = signature(message) or message.user_agent[: 2 * MAX_TOOL]
    if not name.isprintable():
        name = "".join(c if c.isprintable() else "?" for c in name)
    return name.strip()[:MAX_TOOL]


class _Sum(msgspec.Struct, gc=False):
    """What one address did of one kind since it was reported last.

    Attributes:
        first, last: microseconds since 1970.
        due: seconds, by the steady clock; when it is to be reported.
    """

    first: int
    last: int
    count: int
    tool: str
    due: float


class Sightings:
    """What waits to be reported; one thread adds, another takes.

    What an address does for the first time is due at once. More of the same is added up for some
    seconds, so that an attacker who keeps at it costs a report every now and then. Forged addresses
    are counted apart: no proven sighting ever stands for what somebody else sent in its name.

    Memory is bounded. When it is full the oldest unproven sum leaves first, then the oldest
    proven one; both are counted.

    Args:
        spared: addresses and networks that are never reported, as the operator's own monitoring.
        limit: sums held.
        steady: seconds; never set.

    Attributes:
        dropped: messages whose sums had to leave.

    Raises:
        ValueError: what is spared is neither an address nor a network.
    """

    def __init__(
        self,
        spared: Iterable[str] = (),
        *,
        limit: int = LIMIT,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped = 0
        self._limit = limit
        self._steady = steady
        self._lock = threading.Lock()
        # by whether they are proven; of each, what is due at once, and what waits in its order
        self._fresh: tuple[OrderedDict[_Key, _Sum], ...] = (OrderedDict(), OrderedDict())
        self._known: tuple[OrderedDict[_Key, _Sum], ...] = (OrderedDict(), OrderedDict())
        self._told: ExpiringTable[_Key, None] = ExpiringTable(_micro(LATELY), limit)
        networks = [ip_network(text, strict=False) for text in spared]

        @lru_cache(maxsize=_REMEMBERED)
        def is_spared(address: bytes) -> bool:
            plain = plain_address(address)
            return any(plain in network for network in networks)

        self._is_spared = is_spared if networks else None

    def __len__(self) -> int:
        return sum(map(len, (*self._fresh, *self._known)))

    def add(self, address: bytes, kind: Kind, *, proven: bool, moment: int, tool: str) -> None:
        """Counts a message.

        Args:
            address: of its sender, packed.
            kind: what it is.
            proven: the address is no mere claim.
            moment: microseconds since 1970.
            tool: what sent it, if that is known.
        """
        if self._is_spared is not None and self._is_spared(address):
            return
        key = address, kind, proven
        moment = min(max(moment, 0), _MAX_TIME)
        with self._lock:
            fresh, known = self._fresh[proven], self._known[proven]
            one = fresh.get(key) or known.get(key)
            if one is not None:
                one.first = min(one.first, moment)
                one.last = max(one.last, moment)
                one.count = min(one.count + 1, _MAX_COUNT)
                one.tool = one.tool or tool
                return
            if len(self) >= self._limit:
                self._drop_oldest()
            if key in self._told:
                known[key] = _Sum(moment, moment, 1, tool, self._steady() + UNHURRIED)
            else:
                fresh[key] = _Sum(moment, moment, 1, tool, 0.0)

    def take(self, limit: int, *, everything: bool = False) -> list[Sighting]:
        """Removes what is due, the proven first, and gives it.

        Args:
            limit: at most so many.
            everything: also what could wait.
        """
        now = self._steady()
        taken: list[Sighting] = []
        with self._lock:
            for _ in self._told.expire(_micro(now)):
                pass
            for proven in (True, False):
                for waiting in (self._fresh[proven], self._known[proven]):
                    while waiting and len(taken) < limit:
                        key, one = next(iter(waiting.items()))
                        if one.due > now and not everything:
                            break
                        del waiting[key]
                        self._told.put(key, None, _micro(now))
                        taken.append(_sighting(key, one))
        return taken

    def _drop_oldest(self) -> None:
        for waiting in (self._fresh[False], self._known[False], self._fresh[True]):
            if waiting:
                self.dropped += waiting.popitem(last=False)[1].count
                return
        self.dropped += self._known[True].popitem(last=False)[1].count


def plain_address(address: bytes) -> IPv4Address | IPv6Address:
    """A packed address; IPv4 that stands in IPv6 (RFC 4291 section 2.5.5.2) as IPv4."""
    found = ip_address(address)
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found


def _sighting(key: _Key, one: _Sum) -> Sighting:
    address, kind, proven = key
    return Sighting(
        address=str(plain_address(address)),
        kind=kind,
        proven=proven,
        first=one.first,
        last=one.last,
        count=one.count,
        tool=one.tool,
    )


def _micro(seconds: float) -> int:
    return int(seconds * 1_000_000)
