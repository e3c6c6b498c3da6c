"""Packets, and whether the kernel's filter for ports 5060-5090 and 5100 should pass them."""

from __future__ import annotations

import struct

from support.sip_packets import ethernet, ipv4, ipv6, udp

PORTS = [(5060, 5070), (5071, 5090), (5100, 5100)]  # the first two touch


def tcp(src_port: int, dst_port: int) -> bytes:
    """A TCP segment without options."""
    return struct.pack(">HHIIBBHHH", src_port, dst_port, 1, 1, 0x50, 0x10, 1024, 0, 0) + b"x"


def with_options(packet: bytes) -> bytes:
    """An IPv4 packet with 40 bytes of options, the most there can be."""
    return bytes([0x4F]) + packet[1:20] + bytes(40) + packet[20:]


def pppoe(packet: bytes, protocol: int = 0x0021) -> bytes:
    """A PPPoE session packet."""
    return struct.pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, protocol) + packet


def gre(packet: bytes, flags: int = 0, kind: int = 0) -> bytes:
    """A GRE header with as many words as its flags ask for, in front of an IP packet."""
    kind = kind or (0x86DD if packet[0] >> 4 == 6 else 0x0800)
    return struct.pack(">HH", flags, kind) + bytes(4 * flags.bit_count()) + packet


SIP = udp(b"OPTIONS", 40_000, 5060)
OTHER = udp(b"other", 40_000, 53)

# name -> (EtherType, packet, whether it should pass)
PACKETS: dict[str, tuple[int, bytes, bool]] = {
    "to port 5060": (0x0800, ipv4(SIP), True),
    "from port 5060": (0x0800, ipv4(udp(b"", 5060, 40_000)), True),
    "to the last port of a range": (0x0800, ipv4(udp(b"", 1, 5090)), True),
    "to a port where two ranges touch": (0x0800, ipv4(udp(b"", 1, 5071)), True),
    "to a single port": (0x0800, ipv4(udp(b"", 1, 5100)), True),
    "below the range": (0x0800, ipv4(udp(b"", 1, 5059)), False),
    "above the range": (0x0800, ipv4(udp(b"", 1, 5091)), False),
    "beside the single port": (0x0800, ipv4(udp(b"", 5099, 5101)), False),
    "to DNS": (0x0800, ipv4(OTHER), False),
    "TCP to 5060": (0x0800, ipv4(tcp(1, 5060), protocol=6), True),
    "TCP from 5061": (0x0800, ipv4(tcp(5061, 1), protocol=6), True),
    "TCP to 443": (0x0800, ipv4(tcp(1, 443), protocol=6), False),
    "behind options": (0x0800, with_options(ipv4(SIP)), True),
    "to DNS behind options": (0x0800, with_options(ipv4(OTHER)), False),
    "ICMP that quotes SIP": (0x0800, ipv4(ipv4(SIP), protocol=1), False),
    "first fragment": (0x0800, ipv4(SIP, fragment=0x2000), True),
    "a fragment without ports": (0x0800, ipv4(bytes(8), fragment=0x2010), True),
    "the last fragment": (0x0800, ipv4(bytes(8), fragment=0x0010), True),
    "a fragment of ICMP": (0x0800, ipv4(bytes(8), protocol=1, fragment=0x0010), False),
    "no fragment, must not become one": (0x0800, ipv4(OTHER, fragment=0x4000), False),
    "IPv6 to 5060": (0x86DD, ipv6(SIP), True),
    "IPv6 to DNS": (0x86DD, ipv6(OTHER), False),
    "IPv6 TCP to 5060": (0x86DD, ipv6(tcp(1, 5060), next_header=6), True),
    "IPv6 TCP to 443": (0x86DD, ipv6(tcp(1, 443), next_header=6), False),
    "IPv6 fragment": (0x86DD, ipv6(bytes(16), next_header=44), True),
    "IPv6 with an extension": (0x86DD, ipv6(bytes([17, 0]) + bytes(6) + SIP, next_header=60), True),
    "IPv6 hop by hop": (0x86DD, ipv6(bytes([17, 0]) + bytes(6) + SIP, next_header=0), True),
    "a report of multicast listeners": (
        0x86DD,
        ipv6(bytes([58, 0]) + bytes(6) + bytes(20), next_header=0),
        False,
    ),
    "ICMPv6": (0x86DD, ipv6(bytes(8), next_header=58), False),
    "IPv4 in IPv4": (0x0800, ipv4(ipv4(SIP), protocol=4), True),
    "DNS as IPv4 in IPv4": (0x0800, ipv4(ipv4(OTHER), protocol=4), False),
    "IPv6 in IPv4": (0x0800, ipv4(ipv6(SIP), protocol=41), True),
    "DNS as IPv6 in IPv4": (0x0800, ipv4(ipv6(OTHER), protocol=41), False),
    "IPv4 in IPv6": (0x86DD, ipv6(ipv4(SIP), next_header=4), True),
    "DNS as IPv4 in IPv6": (0x86DD, ipv6(ipv4(OTHER), next_header=4), False),
    "IPv6 in IPv6": (0x86DD, ipv6(ipv6(SIP), next_header=41), True),
    "IPv4 in IPv4 in IPv4": (0x0800, ipv4(ipv4(ipv4(OTHER), protocol=4), protocol=4), True),
    "GRE": (0x0800, ipv4(gre(ipv4(SIP)), protocol=47), True),
    "DNS in GRE": (0x0800, ipv4(gre(ipv4(OTHER)), protocol=47), False),
    "GRE with a key": (0x0800, ipv4(gre(ipv4(SIP), 0x2000), protocol=47), True),
    "GRE with a checksum and a number": (0x0800, ipv4(gre(ipv4(SIP), 0x9000), protocol=47), True),
    "GRE with all": (0x86DD, ipv6(gre(ipv6(SIP), 0xB000), next_header=47), True),
    "DNS in GRE with all": (0x86DD, ipv6(gre(ipv6(OTHER), 0xB000), next_header=47), False),
    "GRE of frames": (0x0800, ipv4(gre(ipv4(SIP), kind=0x6558), protocol=47), False),
    "GRE in GRE": (0x0800, ipv4(gre(ipv4(gre(ipv4(OTHER)), protocol=47)), protocol=47), True),
    "a fragment in a tunnel": (0x0800, ipv4(ipv4(SIP, fragment=0x2000), protocol=4), True),
    "a tunnel's fragment": (0x0800, ipv4(bytes(8), protocol=4, fragment=0x2000), True),
    "PPPoE": (0x8864, pppoe(ipv4(SIP)), True),
    "PPPoE with IPv6": (0x8864, pppoe(ipv6(SIP), 0x0057), True),
    "PPPoE to DNS": (0x8864, pppoe(ipv4(OTHER)), False),
    "PPPoE control": (0x8864, pppoe(ipv4(SIP), 0xC021), False),
    "ARP": (0x0806, bytes(28), False),
    "cut in the IPv4 header": (0x0800, ipv4(SIP)[:9], False),
    "cut before the ports": (0x0800, ipv4(SIP)[:21], False),
    "nothing": (0x0800, b"", False),
}

TAGS: dict[str, tuple[tuple[int, int], ...]] = {
    "no tag": (),
    "VLAN": ((0x8100, 7),),
    "QinQ": ((0x88A8, 7), (0x8100, 8)),
    "three tags": ((0x9100, 7), (0x88A8, 8), (0x8100, 9)),
}


def frame(kind: int, packet: bytes, tags: tuple[tuple[int, int], ...] = ()) -> bytes:
    """The packet in an Ethernet frame."""
    return ethernet(packet, kind, tags)
