"""Cooked packets: IP is found whether the kernel left VLAN tags in front of it or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.filter_cases import TAGS
from support.sip_packets import ask, ethernet, ipv4, ipv6, udp

from zt.sip.capture import Datagram, Decoder, Frame
from zt.sip.live import cooked

REQUEST = ask("OPTIONS").encode()
PACKETS = {0x0800: ipv4(udp(REQUEST)), 0x86DD: ipv6(udp(REQUEST))}


def datagrams(frame: Frame) -> list[Datagram]:
    return Decoder().feed(frame)


@pytest.mark.parametrize("announced", ["the tag", "what is inside"])
@pytest.mark.parametrize("left", ["with tags", "without tags"])
@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("kind", PACKETS)
def test_ip_is_found(kind: int, tags: str, left: str, announced: str) -> None:
    tagged = ethernet(PACKETS[kind], kind, TAGS[tags])
    data = tagged[14:] if left == "with tags" else PACKETS[kind]
    protocol = int.from_bytes(tagged[12:14], "big") if announced == "the tag" else kind
    (datagram,) = datagrams(cooked.frame(1, protocol, data, cut=False))
    assert datagram.payload == REQUEST


@pytest.mark.parametrize("priority", range(8))
def test_a_tag_that_looks_like_ip_is_a_tag(priority: int) -> None:
    data = ethernet(PACKETS[0x0800], 0x0800, [(0x8100, priority << 13 | 0x505)])[14:]
    (datagram,) = datagrams(cooked.frame(1, 0x8100, data, cut=False))
    assert datagram.payload == REQUEST


def test_other_protocols_stay_what_they_are() -> None:
    frame = cooked.frame(1, 0x8864, b"session", cut=True)
    assert frame == Frame(1, 113, bytes(14) + b"\x88\x64session", True)


@given(st.integers(0, 65_535), st.binary(max_size=60))
def test_any_bytes_are_a_frame(protocol: int, data: bytes) -> None:
    frame = cooked.frame(1, protocol, data, cut=False)
    assert data.endswith(frame.data) or frame.data.endswith(data)
    datagrams(frame)
