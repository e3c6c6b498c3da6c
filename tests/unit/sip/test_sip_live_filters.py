"""The kernel's filters, run on built packets by a machine that was written apart from them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bpf_machine import run
from support.filter_cases import OTHER, PACKETS, PORTS, SIP, TAGS, frame
from support.sip_packets import ipv4, ipv6, udp

from zt.errors import InputError
from zt.sip.live import DEFAULT_PORTS, bpf, filters
from zt.sip.live.filters import MAX_RANGES, SNAP_LENGTH

OUTGOING, LOOPBACK = 4, 772
IP_ONLY = [name for name, (kind, _, _) in PACKETS.items() if kind in (0x0800, 0x86DD)]

# The filters as installed: seen from an Ethernet interface, a raw one, and cooked.
ETHERNET = filters.sip(PORTS, link_header=14)
RAW = filters.sip(PORTS, link_header=0)
COOKED = filters.sip(PORTS, link_header=None)


def passes(program: bytes, packet: bytes, protocol: int = 0) -> bool:
    kept = run(program, packet, protocol=protocol)
    assert kept in (0, SNAP_LENGTH)
    return kept == SNAP_LENGTH


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("name", PACKETS)
def test_ethernet(name: str, tags: str) -> None:
    kind, packet, wanted = PACKETS[name]
    assert passes(ETHERNET, frame(kind, packet, TAGS[tags])) == wanted


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("name", PACKETS)
def test_cooked(name: str, tags: str) -> None:
    kind, packet, wanted = PACKETS[name]
    tagged = frame(kind, packet, TAGS[tags])
    protocol = int.from_bytes(tagged[12:14], "big")
    assert passes(COOKED, tagged[14:], protocol) == wanted


@pytest.mark.parametrize("name", IP_ONLY)
def test_cooked_without_the_tags_that_are_announced(name: str) -> None:
    _, packet, wanted = PACKETS[name]
    assert passes(COOKED, packet, 0x8100) == wanted


@pytest.mark.parametrize("name", IP_ONLY)
def test_raw(name: str) -> None:
    _, packet, wanted = PACKETS[name]
    assert passes(RAW, packet) == wanted


def test_more_tags_than_any_network_has_are_dropped() -> None:
    assert not passes(ETHERNET, frame(0x0800, ipv4(SIP), ((0x8100, 1),) * 4))


@pytest.mark.parametrize("link", [14, 0, None])
def test_all_ports(link: int | None) -> None:
    program = filters.sip(None, link_header=link)
    head = {14: frame(0x0800, b""), 0: b"", None: b""}[link]
    assert passes(program, head + ipv4(OTHER), 0x0800)
    assert not passes(program, head + ipv4(bytes(8), protocol=1), 0x0800)


def test_the_default_ports_are_those_of_sip() -> None:
    program = filters.sip(DEFAULT_PORTS, link_header=0)
    for port, wanted in ((5059, False), (5060, True), (5061, True), (5080, True), (5091, False)):
        assert passes(program, ipv4(udp(b"", 40_000, port))) == wanted


@pytest.mark.parametrize("program", [filters.everything(), filters.sip(None, link_header=0)])
def test_a_packet_of_a_loopback_interface_counts_once(program: bytes) -> None:
    packet = ipv4(SIP)
    assert run(program, packet, hardware=LOOPBACK)
    assert not run(program, packet, hardware=LOOPBACK, packet_type=OUTGOING)
    assert run(program, packet, packet_type=OUTGOING)


def test_everything_passes_without_a_filter() -> None:
    assert run(filters.everything(), b"anything") == SNAP_LENGTH
    assert run(filters.everything(), b"") == SNAP_LENGTH


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 30)), min_size=1, max_size=12),
    st.integers(1, 240),
    st.integers(1, 240),
    st.booleans(),
)
def test_any_ranges_pass_just_their_ports(
    ranges: list[tuple[int, int]], src: int, dst: int, six: bool
) -> None:
    ports = [(first, first + more) for first, more in ranges]
    wanted = any(first <= port <= last for first, last in ports for port in (src, dst))
    packet = ipv6(udp(b"", src, dst)) if six else ipv4(udp(b"", src, dst))
    assert passes(filters.sip(ports, link_header=0), packet) == wanted


@given(st.binary(max_size=120), st.sampled_from([0x0800, 0x86DD, 0x8100, 0x8864, 0x1234]))
def test_any_bytes_come_to_an_end(data: bytes, kind: int) -> None:
    for program in (ETHERNET, RAW, COOKED):
        passes(program, data, kind)
    passes(ETHERNET, bytes(12) + struct.pack(">H", kind) + data)


def test_the_largest_filter_fits_into_the_kernel() -> None:
    ports = [(number, number) for number in range(1, 2 * MAX_RANGES, 2)]
    program = filters.sip(ports, link_header=14)
    assert len(bpf.instructions(program)) < bpf.MAX_INSTRUCTIONS
    assert passes(program, frame(0x86DD, ipv6(udp(b"", 60_000, 2 * MAX_RANGES - 1))))
    assert not passes(program, frame(0x86DD, ipv6(udp(b"", 60_000, 2 * MAX_RANGES))))


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ([], "no ports"),
        ([(0, 5)], "no range"),
        ([(5061, 5060)], "no range"),
        ([(5060, 65_536)], "no range"),
        ([(n, n) for n in range(1, 2 * MAX_RANGES + 2, 2)], "too many"),
    ],
)
def test_ports_that_make_no_sense_are_an_error(ports: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        filters.sip(ports, link_header=14)


def test_a_jump_to_nowhere_is_an_error_of_the_program() -> None:
    program = bpf.Program()
    program.jump("nowhere")
    with pytest.raises(ValueError, match="no label nowhere"):
        program.assemble()


def test_a_jump_backwards_is_an_error_of_the_program() -> None:
    program = bpf.Program()
    program.label("back")
    program.jump("back")
    with pytest.raises(ValueError, match="backwards"):
        program.assemble()


def test_a_conditional_jump_that_goes_too_far_is_an_error_of_the_program() -> None:
    program = bpf.Program()
    program.test(bpf.IF_EQUAL, 1, "far")
    for _ in range(256):
        program.add(bpf.ADD, 1)
    program.label("far")
    program.add(bpf.RETURN, 0)
    with pytest.raises(ValueError, match="too far"):
        program.assemble()


def test_a_program_that_is_too_long_is_an_error() -> None:
    program = bpf.Program()
    for _ in range(bpf.MAX_INSTRUCTIONS + 1):
        program.add(bpf.RETURN, 0)
    with pytest.raises(ValueError, match="4097 instructions"):
        program.assemble()


def test_a_label_stands_once() -> None:
    program = bpf.Program()
    program.label("here")
    with pytest.raises(ValueError, match="twice"):
        program.label("here")
