"""nftables: blocked addresses as elements of two sets with a timeout each.

The sets hold single addresses, so they are hash sets (no `interval`): adding one stays cheap at
any size. The table is our own; nothing else of a host's rules is touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from analytics.wire import MICROSECONDS
from zt.policy.run import Block

TABLE = "zt"
MAX_TIMEOUT = 365 * 86_400  # seconds

SETUP = f"""\
add table inet {TABLE}
add set inet {TABLE} block4 {{ type ipv4_addr; flags timeout; }}
add set inet {TABLE} block6 {{ type ipv6_addr; flags timeout; }}
add chain inet {TABLE} input {{ type filter hook input priority -10; policy accept; }}
flush chain inet {TABLE} input
add rule inet {TABLE} input ip saddr @block4 drop
add rule inet {TABLE} input ip6 saddr @block6 drop
"""
"""Makes table, sets and rules where they are missing; running it again changes nothing."""


def block_commands(blocks: Iterable[Block], now: int) -> list[str]:
    """The nft commands that block each address until its time; one address, the longest block.

    Adding an element that is there keeps its old timeout, so it is added, deleted and added
    again; a script that `nft -f` reads is one transaction.
    """
    until: dict[IPv4Address | IPv6Address, int] = {}
    for block in blocks:
        until[block.address] = max(block.until, until.get(block.address, 0))
    commands = []
    for address, end in until.items():
        seconds = min((end - now) // MICROSECONDS, MAX_TIMEOUT)
        if seconds < 1:
            continue
        element = f"element inet {TABLE} block{address.version}"
        add = f"add {element} {{ {address} timeout {seconds}s }}"
        commands += [add, f"delete {element} {{ {address} }}", add]
    return commands
