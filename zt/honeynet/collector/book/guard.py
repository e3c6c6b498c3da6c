"""The poisoning guard: which sightings make an address one that is shared.

Who is on the list is blocked by everybody who uses it, so an attacker would like to bring others
onto it: by forged source addresses, or by a honeypot's stolen token. Therefore:

- Networks of the never-list are refused, whoever saw them.
- An address whose sightings are all unproven needs several witnesses within a window.
- One that a single witness has proven counts at once, but such bans, that rest on one word alone,
  are at most a share of an hour's new ones; what is above waits for another witness, or for room
  in a later hour. The same share limits those that rest on unproven sightings alone.
- One that several witnesses have proven counts without limit.
- Of one IPv6 subnet (/64), which is what a customer gets, only some are shared.
- One that was removed on request comes back only if several witnesses have proven it since, or
  after a while.

Unproven sightings keep an address on the list only if they would bring it there.

A witness is an owner of honeypots, not a honeypot. What this can't prevent: an attacker who
forges an address towards several witnesses, or who holds the tokens of several, brings an
address onto the list, within the share of an hour; and any honeypot can keep one there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final, NamedTuple

Network = IPv4Network | IPv6Network

SECOND: Final = 1_000_000
"""Microseconds, the unit of all times in the book."""

_HOUR: Final = 3_600 * SECOND

NEVER: Final[tuple[Network, ...]] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private (RFC 1918), as 172.16.0.0/12 and 192.168.0.0/16
            "100.64.0.0/10",  # shared by carriers (RFC 6598)
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation (RFC 5737), as 198.51.100.0/24 and 203.0.113.0/24
            "192.88.99.0/24",  # relays of 6to4, which many share
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "::/3",  # of IPv6 only 2000::/3 is global unicast
            "4000::/2",
            "8000::/1",
            "2001::/32",  # Teredo and 6to4 are IPv4 addresses in disguise
            "2002::/16",
            "2001:db8::/32",  # documentation (RFC 3849, RFC 9637)
            "3fff::/20",
        ),
    )
)
"""Networks of which no attacker can come over the Internet (RFC 6890 and IANA's registries)."""


@dataclass(frozen=True)
class GuardSettings:
    """Whom to believe.

    Attributes:
        never: networks that are never shared.
        witnesses: how many must have seen an address that nobody has proven.
        window: microseconds within which they must have, and after which an address that waits is
            forgotten.
        share: of an hour's new bans, how many may rest on one word alone, 0 to 1; 1 is no limit.
        floor: so many may in any hour.
        pardon: microseconds that an address stays off after it was removed on request.
        subnet: addresses of an IPv6 subnet (/64) that are shared.
    """

    never: tuple[Network, ...] = NEVER
    witnesses: int = 3
    window: int = 24 * _HOUR
    share: float = 0.5
    floor: int = 100
    pardon: int = 30 * 24 * _HOUR
    subnet: int = 256


CROWD: Final = ""
"""The word of witnesses none of whom has proven anything; owners have names."""


class NeverList:
    """Networks that are never shared.

    Args:
        networks: of both families.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        v4 = [network for network in networks if isinstance(network, IPv4Network)]
        v6 = [network for network in networks if isinstance(network, IPv6Network)]
        # Collapsed they are apart, and packed addresses are in the order of the numbers.
        collapsed: tuple[list[Network], ...] = (
            sorted(collapse_addresses(v4)),
            sorted(collapse_addresses(v6)),
        )
        self._ranges = {
            size: (
                [network.network_address.packed for network in found],
                [network.broadcast_address.packed for network in found],
            )
            for size, found in zip((4, 16), collapsed, strict=True)
        }

    def covers(self, address: bytes) -> bool:
        """Whether an address, of 4 or 16 bytes, is in one of them."""
        firsts, lasts = self._ranges[len(address)]
        after = bisect_right(firsts, address)
        return after > 0 and address <= lasts[after - 1]


class Witness(NamedTuple):
    """What is known of one honeypot that saw an address.

    Attributes:
        owner: of the honeypot.
        seen: when it saw the address last.
        proven: when it last had a proof that the address is no mere claim; None: never.
    """

    owner: str
    seen: int
    proven: int | None


class Verdict(NamedTuple):
    """Whether an address may be shared.

    Attributes:
        is_ready: enough is known of it.
        word: on whose word alone, so that it needs room in the hour: an owner's, or the crowd's.
            None: on the word of several, without limit.
    """

    is_ready: bool
    word: str | None = None


def judge(
    witnesses: Iterable[Witness], now: int, settings: GuardSettings, *, is_forgotten: bool
) -> Verdict:
    """Whether an address that is not shared yet may be.

    Args:
        witnesses: who saw it; since it was removed, if it was.
        now: microseconds since 1970 (UTC).
        settings: whom to believe.
        is_forgotten: it was removed on request not long ago.
    """
    earliest = now - settings.window
    seen_by, proven_by = set(), set()
    for witness in witnesses:
        if witness.seen > earliest:
            seen_by.add(witness.owner)
        if witness.proven is not None and witness.proven > earliest:
            proven_by.add(witness.owner)
    if len(proven_by) > 1:
        return Verdict(True)
    if is_forgotten:
        return Verdict(False)
    if proven_by:
        return Verdict(True, *proven_by)
    if len(seen_by) >= settings.witnesses:
        return Verdict(True, CROWD)
    return Verdict(False)


def room(own: int, total: int, settings: GuardSettings) -> int | None:
    """How many more may be shared in an hour on one word alone; None: without limit.

    Args:
        own: how many were, on this word.
        total: how many were, on anybody's.
        settings: the share.
    """
    if settings.share >= 1:
        return None
    # each more adds to both: (own + more) <= share * (total + more)
    by_share = int((settings.share * total - own) / (1 - settings.share))
    return max(0, settings.floor - own, by_share)
