"""Fragments of IPv4 and IPv6 packets: put together, whatever comes, and whoever attacks."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sip_packets import ask, ethernet, ipv4, ipv6, packed, udp

from zt.sip import Datagram
from zt.sip.capture import CaptureLimits, Decoder, Frame

REQUEST = ask("OPTIONS", extra=["X-Filler: " + "f" * 1_000]).encode()
WHOLE = udp(REQUEST)
SECOND = 1_000_000


def fragment(
    offset: int,
    data: bytes,
    *,
    more: bool = True,
    number: int = 9,
    src: str = "203.0.113.5",
    claims: int | None = None,
) -> bytes:
    """An Ethernet frame with a fragment of IPv4; `claims`: more bytes than it has."""
    packet = bytearray(ipv4(data, fragment=more << 13 | offset // 8))
    struct.pack_into(">HH", packet, 2, 20 + (len(data) if claims is None else claims), number)
    packet[12:16] = packed(src)
    return ethernet(bytes(packet))


def fragment6(offset: int, data: bytes, *, more: bool = True, number: int = 9) -> bytes:
    head = struct.pack(">BBHI", 17, 0, offset | more, number)
    return ethernet(ipv6(head + data, next_header=44), kind=0x86DD)


def feed(
    frames: Iterable[bytes], decoder: Decoder | None = None, time: int = 0
) -> tuple[list[Datagram], Decoder]:
    decoder = decoder or Decoder()
    found = [one for data in frames for one in decoder.feed(Frame(time, 1, data, False))]
    return found, decoder


def cuts(size: int = 400) -> list[tuple[int, bytes, bool]]:
    """The whole in fragments: offset, data, whether more follow."""
    starts = range(0, len(WHOLE), size)
    return [(at, WHOLE[at : at + size], at + size < len(WHOLE)) for at in starts]


@pytest.mark.parametrize("make", [fragment, fragment6])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_fragments_come_in_any_order(make: type, order: tuple[int, ...]) -> None:
    parts = cuts()
    assert len(parts) == 4
    found, decoder = feed(make(parts[n][0], parts[n][1], more=parts[n][2]) for n in order)
    assert [one.payload for one in found] == [REQUEST]
    assert not found[0].cut
    assert (decoder.counters.carried, decoder.counters.fragments) == (1, 3)
    assert decoder.counters.reassembled == 1


@pytest.mark.parametrize("make", [fragment, fragment6])
def test_a_fragment_that_comes_twice_changes_nothing(make: type) -> None:
    parts = cuts()
    found, decoder = feed(make(at, data, more=more) for at, data, more in parts + parts)
    assert [one.payload for one in found] == [REQUEST]
    assert decoder.counters.fragments_refused == 0


@pytest.mark.parametrize("make", [fragment, fragment6])
@pytest.mark.parametrize(
    "attack",
    [
        (392, b"x" * 16, True),  # over the end of the first, as in teardrop
        (8, b"x" * 8, True),  # inside of it
        (0, b"x" * 400, True),  # in its place
        (0, b"x" * 408, True),  # around it
        (1_600, b"x" * 8, True),  # behind the end
        (2_400, b"x" * 8, False),  # another end
        (800, b"x" * 8, False),  # an end before what came
        (800, b"x" * 13, True),  # no multiple of 8
        (65_528, b"x" * 16, False),  # behind the largest packet, as in the ping of death
        (800, b"", True),
    ],
)
def test_a_packet_that_contradicts_itself_is_dropped_whole(
    make: type, attack: tuple[int, bytes, bool]
) -> None:
    first, second, third, last = (make(at, data, more=more) for at, data, more in cuts())
    bad = make(attack[0], attack[1], more=attack[2])
    found, decoder = feed([first, last, second, bad, third])
    assert found == []
    # Neither what comes later, nor all of it again, makes a packet of it.
    assert feed([first, second, third, last], decoder)[0] == []
    assert decoder.counters.fragments_refused == 1
    assert decoder.counters.reassembled == 0


def test_packets_are_told_apart_by_identification_source_and_protocol() -> None:
    parts = cuts()
    frames = [
        fragment(at, data, more=more, number=number, src=src)
        for (at, data, more) in parts
        for number, src in [(9, "203.0.113.5"), (10, "203.0.113.5"), (9, "203.0.113.6")]
    ]
    found, decoder = feed(frames)
    assert sorted(one.src for one in found) == [packed("203.0.113.5")] * 2 + [packed("203.0.113.6")]
    assert decoder.counters.reassembled == 3


@pytest.mark.parametrize(("seconds", "expected"), [(29, 1), (31, 0)])
def test_what_is_late_by_the_captures_clock_is_too_late(seconds: int, expected: int) -> None:
    parts = [fragment(at, data, more=more) for at, data, more in cuts()]
    _, decoder = feed(parts[:-1])
    found, _ = feed(parts[-1:], decoder, time=seconds * SECOND)
    assert len(found) == expected
    assert decoder.counters.fragments_expired == 1 - expected


def test_an_identification_is_used_again_a_moment_after_its_packet() -> None:
    parts = [fragment(at, data, more=more) for at, data, more in cuts()]
    _, decoder = feed(parts)
    assert feed(parts, decoder, time=50_000)[0] == []  # a mirror's copy
    assert len(feed(parts, decoder, time=SECOND)[0]) == 1


def test_a_fragment_cut_by_the_snap_length_cuts_the_datagram() -> None:
    parts = cuts()
    frames = [fragment(at, data, more=more) for at, data, more in parts]
    frames[1] = fragment(parts[1][0], parts[1][1][:100], claims=400)
    [one], decoder = feed(frames)
    assert one.cut
    assert one.payload == REQUEST[: 400 - 8 + 100]
    assert decoder.counters.reassembled == 1


def test_a_tiny_first_fragment_hides_no_ports() -> None:
    found, _ = feed(fragment(at, data, more=more) for at, data, more in cuts(8))
    assert [(one.src_port, one.payload) for one in found] == [(5060, REQUEST)]


def test_endless_fragments_of_one_packet_are_bounded() -> None:
    # Every second piece of 8 bytes, so that nothing is ever complete.
    _, decoder = feed(fragment(at, b"x" * 8) for at in range(0, 65_528, 16))
    assert decoder.counters.fragments_refused == 1
    assert decoder.held < 1_000


def test_fragments_of_many_packets_are_bounded_in_bytes() -> None:
    limits = CaptureLimits(assembly_bytes=1_000_000)
    decoder = Decoder(limits)
    for number in range(3_000):
        src = f"10.0.{number >> 8}.{number & 255}"
        feed([fragment(0, b"x" * 1_400, src=src)], decoder)
        assert decoder.held <= 1_000_000
    assert decoder.counters.fragments_evicted > 2_000


def test_who_floods_pushes_out_only_himself() -> None:
    limits = CaptureLimits(assemblies=400, assembly_bytes=1_000_000)
    decoder = Decoder(limits)
    parts = [fragment(at, data, more=more, src="198.51.100.1") for at, data, more in cuts()]
    feed(parts[:-1], decoder)
    feed((fragment(0, b"x" * 1_400, number=n) for n in range(10_000)), decoder)
    assert decoder.counters.fragments_evicted > 9_000
    assert len(feed(parts[-1:], decoder)[0]) == 1


def test_ipv6_senders_of_one_network_share_their_share() -> None:
    decoder = Decoder(CaptureLimits(assemblies=80))
    first = fragment6(0, WHOLE[:1_000])
    for number in range(100):
        neighbour = bytearray(first)
        neighbour[14 + 8 + 15] = number
        feed([bytes(neighbour)], decoder)
    assert decoder.counters.fragments_evicted == 90


@given(
    st.lists(
        st.tuples(st.integers(0, 120), st.integers(0, 120), st.booleans(), st.integers(0, 1)),
        max_size=40,
    ),
    st.booleans(),
)
def test_any_fragments_raise_nothing(parts: list[tuple[int, int, bool, int]], six: bool) -> None:
    make = fragment6 if six else fragment
    found, decoder = feed(
        make(at * 8, WHOLE[at * 8 : at * 8 + size], more=more, number=number)
        for at, size, more, number in parts
    )
    assert decoder.counters.frames == decoder.counters.fragments + len(found) + (
        decoder.counters.malformed + decoder.counters.duplicates
    )


@given(st.integers(1, 60), st.integers(0, 1 << 30), st.integers(0, 3))
def test_any_cut_in_any_order_gives_the_datagram(eights: int, seed: int, copies: int) -> None:
    parts = [fragment(at, data, more=more) for at, data, more in cuts(eights * 8)]
    chance = random.Random(seed)
    frames = parts + chance.choices(parts, k=copies)
    chance.shuffle(frames)
    assert [one.payload for one in feed(frames)[0]] == [REQUEST]
