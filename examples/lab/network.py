"""One network namespace per host, all on one bridge that has a namespace too.

Nothing is added to the root namespace and no namespace has a default route, so no packet can leave.
"""

from __future__ import annotations

import contextlib
from ipaddress import ip_address

from config import HOSTS, SERVER_V4, SERVER_V6
from errors import LabError
from processes import inside, run

PREFIX = "ztlab-"
SWITCH = f"{PREFIX}switch"
SERVER = f"{PREFIX}server"
ON_LINK = ("198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")


def host(address: str) -> str:
    """The namespace that holds the address of a user or an attacker."""
    return PREFIX + HOSTS[address]


def existing() -> list[str]:
    """The lab's namespaces that are up now."""
    names = [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line]
    return [name for name in names if name.startswith(PREFIX)]


def up() -> None:
    """Build the network."""
    run("ip", "netns", "add", SWITCH)
    run("ip", "-n", SWITCH, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    run("ip", "-n", SWITCH, "link", "set", "br0", "up")
    plug(SERVER, (*SERVER_V4, *SERVER_V6))
    for address in HOSTS:
        plug(host(address), (address,))


def plug(namespace: str, addresses: tuple[str, ...]) -> None:
    """Add a host and connect it to the bridge; every lab network is on its link, with no router."""
    port = namespace.removeprefix(PREFIX)
    run("ip", "netns", "add", namespace)
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    veth = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
    run("ip", "-n", SWITCH, "link", "add", port, *veth)
    run("ip", "-n", SWITCH, "link", "set", port, "master", "br0", "up")
    # With offloads a capture holds unfinished checksums and joined segments, which no wire carries.
    offloads = [word for name in ("tx", "rx", "tso", "gso", "gro") for word in (name, "off")]
    run(*inside(namespace, ["ethtool", "-K", "eth0", *offloads]))
    run("ip", "-n", namespace, "link", "set", "eth0", "up")
    for address in addresses:
        # nodad: an IPv6 address is usable at once, not after a second of duplicate detection
        nodad = ["nodad"] if ip_address(address).version == 6 else []
        run("ip", "-n", namespace, "addr", "add", address, "dev", "eth0", *nodad)
    for network in ON_LINK:
        family = "-6" if ":" in network else "-4"
        run("ip", "-n", namespace, family, "route", "add", network, "dev", "eth0")


def down() -> None:
    """Remove the network; a namespace takes its links with it. Safe to call at any moment."""
    for name in existing():
        with contextlib.suppress(LabError):
            run("ip", "netns", "del", name)
