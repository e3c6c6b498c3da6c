"""Packets in packets: tunnels are followed, quotations are not."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.capture_packets import gre_over, ip_over
from support.sip_packets import PHONE, ask, ethernet, ipv4, ipv6, packed, udp

from zt.sip import Datagram
from zt.sip.capture import Decoder, Frame

REQUEST = ask("OPTIONS").encode()
FOUR, SIX = ipv4(udp(REQUEST)), ipv6(udp(REQUEST))


def decode(packet: bytes) -> tuple[list[Datagram], Decoder]:
    decoder = Decoder()
    return decoder.feed(Frame(7, 101, packet, False)), decoder


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize(("inner", "src"), [(FOUR, PHONE), (SIX, "2001:db8::5")])
def test_ip_in_ip_gives_the_inner_addresses(outer: int, inner: bytes, src: str) -> None:
    [one], _ = decode(ip_over(inner, outer=outer))
    assert (one.src, one.payload, one.cut) == (packed(src), REQUEST, False)


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("inner", [FOUR, SIX])
def test_gre_is_followed(outer: int, inner: bytes) -> None:
    [one], _ = decode(gre_over(inner, outer=outer))
    assert one.payload == REQUEST


@pytest.mark.parametrize(
    "head",
    [
        struct.pack(">HH", 0x0001, 0x0800),  # version 1: PPTP
        struct.pack(">HH", 0x4000, 0x0800) + bytes(4),  # source routes
        struct.pack(">HH", 0x0000, 0x6558),  # bridged Ethernet
    ],
)
def test_other_kinds_of_gre_are_counted_not_guessed(head: bytes) -> None:
    found, decoder = decode(ip_over(head + FOUR, outer=4, carries=47))
    assert (found, decoder.counters.other_transport) == ([], 1)


def test_three_tunnels_are_followed_but_not_a_hundred() -> None:
    packet = FOUR
    for depth in range(100):
        if depth == 3:
            assert len(decode(packet)[0]) == 1
        packet = ip_over(packet, outer=4)
    found, decoder = decode(packet)
    assert (found, decoder.counters.malformed) == ([], 1)


def test_the_outer_length_bounds_the_inner_one() -> None:
    inner = bytearray(FOUR)
    struct.pack_into(">H", inner, 2, 60_000)
    struct.pack_into(">H", inner, 24, 60_000)
    [one], _ = decode(ip_over(bytes(inner), outer=4) + b"padding")
    assert one.payload == REQUEST


def test_an_inner_packet_of_another_version_than_promised_is_malformed() -> None:
    found, decoder = decode(ip_over(SIX, outer=4, carries=4))
    assert (found, decoder.counters.malformed) == ([], 1)


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(b"\x03\x03" + bytes(6) + FOUR, protocol=1),  # port unreachable
        ipv4(b"\x0b\x00" + bytes(6) + FOUR, protocol=1),  # time exceeded
        ipv6(b"\x01\x04" + bytes(6) + SIX, next_header=58),
        ip_over(ipv4(b"\x03\x03" + bytes(6) + FOUR, protocol=1), outer=6),
    ],
)
def test_sip_quoted_in_icmp_is_no_sip(packet: bytes) -> None:
    found, decoder = decode(packet)
    assert (found, decoder.counters.other_transport) == ([], 1)


def test_ipv6_extension_headers_end_nowhere_else() -> None:
    # An extension header's number in IPv4 is another protocol's.
    assert decode(ipv4(bytes([17, 0]) + bytes(6) + udp(REQUEST), protocol=60))[0] == []
    assert decode(ethernet(b""))[0] == []


@given(st.lists(st.sampled_from(["4", "6", "g"]), max_size=12), st.data())
def test_cut_or_altered_tunnels_raise_nothing(layers: list[str], data: st.DataObject) -> None:
    packet = FOUR
    for layer in layers:
        packet = gre_over(packet, outer=4) if layer == "g" else ip_over(packet, outer=int(layer))
    altered = bytearray(packet)
    for at in data.draw(st.lists(st.integers(0, len(packet) - 1), max_size=6)):
        altered[at] ^= data.draw(st.integers(1, 255))
    _, decoder = decode(bytes(altered[: data.draw(st.integers(0, len(packet)))]))
    assert decoder.counters.frames == 1
