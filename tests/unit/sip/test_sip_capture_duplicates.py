"""What was captured twice counts once; what was sent twice counts twice."""

from __future__ import annotations

import struct

import pytest
from support.capture_packets import with_smaller_ttl
from support.sip_packets import ask, datagram, ethernet, ipv4, ipv6, udp

from zt.sip.capture import CaptureLimits, Decoder, Duplicates, Frame

REQUEST = ask("OPTIONS").encode()
PACKET = ipv4(udp(REQUEST))
HALF_A_SECOND = 500_000  # T1


def carried(*frames: tuple[int, bytes]) -> tuple[int, int]:
    """How many frames gave datagrams, and how many were copies."""
    decoder = Decoder()
    found = sum(len(decoder.feed(Frame(time, 1, data, False))) for time, data in frames)
    assert found == decoder.counters.carried
    return found, decoder.counters.duplicates


def with_identification(number: int) -> bytes:
    return PACKET[:4] + struct.pack(">H", number) + PACKET[6:]


def test_both_sides_of_a_router_are_one() -> None:
    behind = b"\x02" * 12 + b"\x08\x00" + with_smaller_ttl(PACKET)
    assert carried((0, ethernet(PACKET)), (300, behind)) == (1, 1)


def test_two_mirrors_with_and_without_tags_are_one() -> None:
    tagged = ethernet(PACKET, tags=[(0x8100, 7)])
    assert carried((0, ethernet(PACKET)), (9, tagged), (9, ethernet(PACKET))) == (1, 2)


def test_copies_may_come_before_their_original_in_a_merged_capture() -> None:
    assert carried((10_000, ethernet(PACKET)), (9_000, ethernet(PACKET))) == (1, 1)


@pytest.mark.parametrize("make", [ipv4, ipv6])
def test_a_retransmission_stays_visible(make: type) -> None:
    frame = ethernet(make(udp(REQUEST)), kind=0x0800 if make is ipv4 else 0x86DD)
    assert carried((0, frame), (HALF_A_SECOND, frame), (3 * HALF_A_SECOND, frame)) == (3, 0)


def test_another_identification_is_another_datagram() -> None:
    first, second = ethernet(with_identification(7)), ethernet(with_identification(8))
    assert carried((0, first), (100, second), (200, first), (300, second)) == (2, 2)


@pytest.mark.parametrize(
    "other",
    [
        ipv4(udp(REQUEST, src_port=5062)),
        ipv4(udp(REQUEST, dst_port=5062)),
        ipv4(udp(REQUEST[:-1] + b"x")),
        PACKET[:12] + PACKET[16:20] + PACKET[12:16] + PACKET[20:],
    ],
)
def test_anything_else_that_differs_is_another_datagram(other: bytes) -> None:
    assert carried((0, ethernet(PACKET)), (1, ethernet(other))) == (2, 0)


def test_the_same_datagram_in_and_around_a_tunnel_is_one() -> None:
    tunnel = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(PACKET), 0, 0, 64, 4, 0) + bytes(8)
    assert carried((0, ethernet(PACKET)), (50, ethernet(tunnel + PACKET))) == (1, 1)


def test_two_agents_report_one_message() -> None:
    duplicates = Duplicates()
    message = datagram(0, "203.0.113.5", "198.51.100.10", REQUEST)
    again = datagram(0.05, "203.0.113.5", "198.51.100.10", REQUEST)
    late = datagram(0.5, "203.0.113.5", "198.51.100.10", REQUEST)
    assert [duplicates.seen(one) for one in (message, again, late)] == [False, True, False]


def test_copies_over_a_change_of_generations_are_found() -> None:
    duplicates = Duplicates()
    for step in range(50):
        time = step * 0.09
        one = datagram(time, "203.0.113.5", "198.51.100.10", REQUEST + bytes([65 + step]))
        copy = datagram(time + 0.09, "203.0.113.5", "198.51.100.10", REQUEST + bytes([65 + step]))
        assert not duplicates.seen(one)
        assert duplicates.seen(copy)


def test_the_memory_for_copies_is_bounded() -> None:
    duplicates = Duplicates(CaptureLimits(duplicates=1_000))
    for number in range(10_000):
        duplicates.seen(datagram(0, "203.0.113.5", "198.51.100.10", b"%d" % number))
    assert len(duplicates) <= 1_000


def test_media_pass_unremembered() -> None:
    rtp = ethernet(ipv4(udp(b"\x80\x00" + bytes(160))))
    assert carried((0, rtp), (1, rtp)) == (2, 0)
