"""The kernel filter of a live capture: only what may carry SIP reaches the probe.

Passed are, over IPv4 and IPv6, within up to three VLAN tags and PPPoE:

- UDP and TCP from or to one of the ports,
- fragments of UDP and TCP, since only the first one has ports,
- IP in IP, and in GRE, whose inner packet is one of these; tunnels in tunnels of any content,
- IPv6 packets with extension headers: rare, and the probe can walk along them. Only reports of
  multicast listeners, which each host sends, are known by their beginning and dropped.

Dropped is the rest, and what leaves over a loopback interface, since there each packet comes in
again. The kernel takes the outermost VLAN tag off before the filter runs; where it can't (0x9100,
or what leaves), the tag is still there.

The filter saves work and decides nothing: all that it passes is checked again.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from zt.errors import InputError
from zt.sip.live import bpf
from zt.sip.live.bpf import Program

PortRange = tuple[int, int]  # first and last port

DEFAULT_PORTS: tuple[PortRange, ...] = ((5060, 5090),)
MAX_RANGES = 128
SNAP_LENGTH = 262_144  # bytes of a packet that are kept

_MAX_PORT = 65_535
_IPV4, _IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
_MAX_TAGS = 3
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057
_TCP, _UDP, _IPV4_IN_IP, _IPV6_IN_IP, _GRE, _ICMPV6 = 6, 17, 4, 41, 47, 58
_TUNNELS = {_IPV4_IN_IP: "ipv4", _IPV6_IN_IP: "ipv6", _GRE: "gre"}
# Checksum, key and sequence number: flags of GRE, each for four bytes more of header.
_GRE_FLAGS = (0x8000, 0x2000, 0x1000)
_HOP_BY_HOP = 0
_IPV6_HEADER = 40  # bytes
_EXTENSIONS = (43, 44, 51, 60)  # routing, fragment, authentication, destination
_OUTGOING, _LOOPBACK = 4, 772  # PACKET_OUTGOING, ARPHRD_LOOPBACK

_PASS, _DROP = "pass", "drop"


def everything() -> bytes:
    """The filter that passes all packets, but each of a loopback interface only once."""
    program = Program()
    _without_loopback_echo(program)
    program.add(bpf.RETURN, SNAP_LENGTH)
    return program.assemble()


def sip(ports: Iterable[PortRange] | None, *, link_header: int | None) -> bytes:
    """The filter for traffic that may be SIP.

    Args:
        ports: ranges of UDP and TCP ports, both ends included; None for all ports.
        link_header: bytes of the link header in front of each packet: 14 for Ethernet, 0 for raw
            IP. None: the packets are cooked, and begin after a header that the kernel took off.

    Returns:
        An assembled program.

    Raises:
        InputError: a range is none, there is none at all, or there are more than `MAX_RANGES`.
    """
    wanted = None if ports is None else merged(ports)
    program = Program()
    _without_loopback_echo(program)
    _network_header(program, link_header)
    _ipv4(program, "outer", last=False)
    _ipv6(program, "outer", last=False)
    _gre(program)
    _ipv4(program, "inner", last=True)
    _ipv6(program, "inner", last=True)
    _ports(program, wanted)
    program.label(_PASS)
    program.add(bpf.RETURN, SNAP_LENGTH)
    program.label(_DROP)
    program.add(bpf.RETURN, 0)
    return program.assemble()


def merged(ports: Iterable[PortRange]) -> list[PortRange]:
    """The ranges in order, joined where they touch.

    Raises:
        InputError: as `sip` says.
    """
    found: list[PortRange] = []
    for first, last in sorted(ports):
        if not 0 < first <= last <= _MAX_PORT:
            raise InputError(
                f"{first}-{last} is no range of ports", "write 5060 or 5060-5090, from 1 to 65535"
            )
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    if not found:
        raise InputError(
            "no ports to capture", "name some, such as 5060-5090, or ask for all explicitly"
        )
    if len(found) > MAX_RANGES:
        raise InputError(
            f"{len(found)} ranges of ports are too many for the kernel's filter",
            f"join them to {MAX_RANGES} or fewer, or ask for all ports",
        )
    return found


def _without_loopback_echo(program: Program) -> None:
    program.add(bpf.LOAD_WORD, bpf.HARDWARE_TYPE)
    program.test(bpf.IF_EQUAL, _LOOPBACK, otherwise="heard once")
    program.add(bpf.LOAD_WORD, bpf.PACKET_TYPE)
    program.test(bpf.IF_EQUAL, _OUTGOING, otherwise="heard once")
    program.add(bpf.RETURN, 0)
    program.label("heard once")


def _network_header(program: Program, link_header: int | None) -> None:
    """Leaves X at the IP header and goes on at `outer ipv4` or `outer ipv6`."""
    if link_header == 0:
        program.add(bpf.LOAD_X_CONSTANT, 0)
        _to_version(program, "outer")
        return
    # A packet's type stands two bytes before its data, behind each VLAN tag again.
    data = link_header or 0
    if link_header is None:
        program.add(bpf.LOAD_WORD, bpf.PROTOCOL)
    else:
        program.add(bpf.LOAD_HALF, data - 2)
    for tags in range(_MAX_TAGS + 1):
        program.add(bpf.LOAD_X_CONSTANT, data)
        for kind, target in ((_IPV4, "ipv4"), (_IPV6, "ipv6"), (_PPPOE, "pppoe")):
            program.test(bpf.IF_EQUAL, kind, f"typed {target}")
        if tags == _MAX_TAGS:
            break
        for kind in _VLAN_TAGS[:-1]:
            program.test(bpf.IF_EQUAL, kind, f"tag {tags}")
        program.test(bpf.IF_EQUAL, _VLAN_TAGS[-1], otherwise="foreign" if tags else "no IP")
        program.label(f"tag {tags}")
        data += 4
        program.add(bpf.LOAD_HALF, data - 2)
    program.label("foreign")
    if link_header is None:  # tagged, but the kernel may have taken the tags off with the header
        program.add(bpf.LOAD_X_CONSTANT, 0)
        _to_version(program, "outer")
    program.label("no IP")
    program.add(bpf.RETURN, 0)
    program.label("typed pppoe")
    program.add(bpf.LOAD_HALF_X, 6)
    program.test(bpf.IF_EQUAL, _PPP_IPV4, "session 4")
    program.test(bpf.IF_EQUAL, _PPP_IPV6, "session 6")
    program.add(bpf.RETURN, 0)
    for version in "46":
        program.label(f"session {version}")
        _advance(program, 8)
        program.label(f"typed ipv{version}")
        program.jump(f"outer ipv{version}")


def _to_version(program: Program, depth: str) -> None:
    """X is at an IP header, which says itself which version it is."""
    program.add(bpf.LOAD_BYTE_X, 0)
    program.add(bpf.AND, 0xF0)
    program.test(bpf.IF_EQUAL, 0x40, otherwise=f"{depth} no version 4")
    program.jump(f"{depth} ipv4")
    program.label(f"{depth} no version 4")
    program.test(bpf.IF_EQUAL, 0x60, otherwise=f"{depth} no version")
    program.jump(f"{depth} ipv6")
    program.label(f"{depth} no version")
    program.add(bpf.RETURN, 0)


def _advance(program: Program, size: int) -> None:
    program.add(bpf.TO_A)
    program.add(bpf.ADD, size)
    program.add(bpf.TO_X)


def _ipv4(program: Program, depth: str, last: bool) -> None:
    """X is at an IPv4 header."""
    name = f"{depth} ipv4"
    program.label(name)
    program.add(bpf.LOAD_BYTE_X, 9)
    for protocol in (_UDP, _TCP, *_TUNNELS):
        program.test(bpf.IF_EQUAL, protocol, f"{name} known")
    program.add(bpf.RETURN, 0)
    program.label(f"{name} known")
    program.add(bpf.LOAD_HALF_X, 6)
    program.test(bpf.IF_ANY_BIT, 0x3FFF, otherwise=f"{name} whole")  # an offset, or more to come
    program.add(bpf.RETURN, SNAP_LENGTH)
    program.label(f"{name} whole")
    program.add(bpf.LOAD_BYTE_X, 9)
    for protocol, inner in _TUNNELS.items():
        program.test(bpf.IF_EQUAL, protocol, f"{name} tunnel {inner}")
    _skip_ipv4_header(program)
    program.jump("ports")
    for inner in _TUNNELS.values():
        program.label(f"{name} tunnel {inner}")
        if last:
            program.jump(_PASS)
        else:
            _skip_ipv4_header(program)
            program.jump(f"inner {inner}")


def _skip_ipv4_header(program: Program) -> None:
    program.add(bpf.LOAD_BYTE_X, 0)
    program.add(bpf.AND, 0x0F)
    program.add(bpf.SHIFT_LEFT, 2)
    program.add(bpf.ADD_X)
    program.add(bpf.TO_X)


def _ipv6(program: Program, depth: str, last: bool) -> None:
    """X is at an IPv6 header."""
    name = f"{depth} ipv6"
    program.label(name)
    program.add(bpf.LOAD_BYTE_X, 6)
    program.test(bpf.IF_EQUAL, _HOP_BY_HOP, f"{name} hops")
    for extension in _EXTENSIONS:
        program.test(bpf.IF_EQUAL, extension, f"{name} extended")
    for protocol, inner in _TUNNELS.items():
        program.test(bpf.IF_EQUAL, protocol, f"{name} tunnel {inner}")
    program.test(bpf.IF_EQUAL, _UDP, f"{name} plain")
    program.test(bpf.IF_EQUAL, _TCP, f"{name} plain")
    program.add(bpf.RETURN, 0)
    program.label(f"{name} hops")
    program.add(bpf.LOAD_BYTE_X, _IPV6_HEADER)
    program.test(bpf.IF_EQUAL, _ICMPV6, otherwise=f"{name} extended")
    program.add(bpf.RETURN, 0)
    program.label(f"{name} extended")
    program.add(bpf.RETURN, SNAP_LENGTH)
    program.label(f"{name} plain")
    _advance(program, _IPV6_HEADER)
    program.jump("ports")
    for inner in _TUNNELS.values():
        program.label(f"{name} tunnel {inner}")
        if last:
            program.jump(_PASS)
        else:
            _advance(program, _IPV6_HEADER)
            program.jump(f"inner {inner}")


def _gre(program: Program) -> None:
    """X is at a GRE header (RFC 2784, 2890)."""
    program.label("inner gre")
    program.add(bpf.LOAD_HALF_X, 2)
    program.test(bpf.IF_EQUAL, _IPV4, "gre of ip")
    program.test(bpf.IF_EQUAL, _IPV6, "gre of ip")
    program.add(bpf.RETURN, 0)
    program.label("gre of ip")
    program.add(bpf.LOAD_HALF_X, 0)
    program.add(bpf.AND, sum(_GRE_FLAGS))
    for count in range(len(_GRE_FLAGS) + 1):
        for flags in combinations(_GRE_FLAGS, count):
            program.test(bpf.IF_EQUAL, sum(flags), f"gre {count}")
    for count in range(len(_GRE_FLAGS) + 1):
        program.label(f"gre {count}")
        _advance(program, 4 + 4 * count)
        program.jump("in gre")
    program.label("in gre")
    _to_version(program, "inner")


def _ports(program: Program, ports: list[PortRange] | None) -> None:
    """X is at a UDP or TCP header."""
    program.label("ports")
    if ports is None:
        program.jump(_PASS)
        return
    for side, offset in (("src", 0), ("dst", 2)):
        program.add(bpf.LOAD_HALF_X, offset)
        for number, (first, last) in enumerate(ports):
            after = f"{side} {number}"
            program.test(bpf.IF_AT_LEAST, first, otherwise=after)
            program.test(bpf.IF_GREATER, last, after)
            program.add(bpf.RETURN, SNAP_LENGTH)
            program.label(after)
    program.jump(_DROP)
