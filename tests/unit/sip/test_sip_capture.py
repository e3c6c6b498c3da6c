"""Capture files and link layers: formats, byte orders, cuts, and hostile bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sip_packets import (
    AGENT,
    PHONE,
    SERVER,
    START,
    answer,
    ask,
    block,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    packed,
    pcap,
    section,
    stream,
    types,
    udp,
)

from zt.errors import CaptureError
from zt.sip import CaptureEvents, Datagram, Event, probe_capture
from zt.sip.capture import LINK_TYPES, Decoder, Frame, read_frames
from zt.sip.capture.ip import Skip
from zt.sip.capture.source import MAX_TIME

REQUEST = ask("OPTIONS").encode()
RESPONSE = answer(ask("OPTIONS"), 200).encode()
TCP_SYN = bytes(12) + b"\x50\x02" + bytes(6)
OUTCOMES = {"carried", "cut_short", *(skip.value for skip in Skip)}
FRAME = ethernet(ipv4(udp(REQUEST)))


def run(data: bytes) -> tuple[list[Event], CaptureEvents]:
    events = probe_capture(stream(data), name="test.pcap", agent=AGENT)
    return list(events), events


def decode(link_type: int, frame: bytes, *, cut: bool = False) -> tuple[list[Datagram], str]:
    """The datagrams in one frame, and the counter it is in."""
    decoder = Decoder()
    found = decoder.feed(Frame(7, link_type, frame, cut))
    counts = asdict(decoder.counters)
    assert counts["frames"] == 1
    [counted] = [name for name in OUTCOMES if counts[name]]
    return found, counted


def pcapng(order: str = "<", tsresol: int | None = None, ticks: int = START) -> bytes:
    return section(order) + interface(order, tsresol=tsresol) + enhanced(FRAME, ticks, order)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap(order: str, nano: bool) -> None:
    frames = list(read_frames(stream(pcap([FRAME, FRAME], order=order, nano=nano)), "x"))
    assert frames == [Frame(START, 1, FRAME, False), Frame(START + 1_000, 1, FRAME, False)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("tsresol", "ticks"),
    [
        (None, START),
        (6, START),
        (9, START * 1_000),
        (3, START // 1_000),
        (0, START // 1_000_000),
        (0x80 | 10, START // 1_000_000 << 10),
    ],
)
def test_pcapng(order: str, tsresol: int | None, ticks: int) -> None:
    frames = list(read_frames(stream(pcapng(order, tsresol, ticks)), "x"))
    assert frames == [Frame(START, 1, FRAME, False)]


def test_pcapng_sections_interfaces_and_other_blocks() -> None:
    data = (
        section("<")
        + interface("<")
        + interface("<", link_type=101, tsresol=9)
        + block(0x0BAD, bytes(100_000))
        + enhanced(FRAME, START)
        + enhanced(ipv4(udp(REQUEST)), START * 1_000, number=1)
        + block(3, struct.pack("<I", len(FRAME)) + FRAME)  # simple: the time of the one before
        + block(2, struct.pack("<HHIIII", 0, 0, START >> 32, START & 0xFFFFFFFF, 4, 9) + b"abcd")
        + section(">")
        + interface(">")
        + enhanced(FRAME, START + 5, ">")
    )
    frames = list(read_frames(stream(data), "x"))
    assert [(frame.time - START, frame.link_type, frame.cut) for frame in frames] == [
        (0, 1, False),
        (0, 101, False),
        (0, 1, False),
        (0, 1, True),
        (5, 1, False),
    ]


def test_pcapng_times_are_kept_within_reason() -> None:
    data = pcapng(tsresol=0, ticks=(1 << 64) - 1)
    assert [frame.time for frame in read_frames(stream(data), "x")] == [MAX_TIME]
    assert run(data)[0][0]["@timestamp"] == "9999-12-31T23:59:59.999999Z"


SLL = bytes(14) + b"\x08\x00"
SLL2 = b"\x08\x00" + bytes(18)
PPPOE = struct.pack(">BBHHH", 0x11, 0, 1, 30, 0x0021)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, FRAME),
        (1, ethernet(ipv4(udp(REQUEST)), tags=[(0x8100, 5)])),
        (1, ethernet(ipv4(udp(REQUEST)), tags=[(0x88A8, 5), (0x8100, 6)])),
        (1, ethernet(ipv4(udp(REQUEST)) + bytes(9))),  # padded
        (1, ethernet(PPPOE + ipv4(udp(REQUEST)), kind=0x8864)),
        (101, ipv4(udp(REQUEST))),
        (12, ipv4(udp(REQUEST))),
        (228, ipv4(udp(REQUEST))),
        (113, SLL + ipv4(udp(REQUEST))),
        (276, SLL2 + ipv4(udp(REQUEST))),
        (0, b"\x02\x00\x00\x00" + ipv4(udp(REQUEST))),
        (0, b"\x00\x00\x00\x02" + ipv4(udp(REQUEST))),
        (108, b"\x00\x00\x00\x02" + ipv4(udp(REQUEST))),
    ],
)
def test_link_types(link_type: int, frame: bytes) -> None:
    datagram = Datagram(7, packed(PHONE), 5060, packed(SERVER), 5060, REQUEST)
    assert decode(link_type, frame) == ([datagram], "carried")


def extension(kind: int, size: int = 8) -> Callable[[bytes], bytes]:
    """An IPv6 extension header that says what follows it is of the given kind."""
    return lambda payload: bytes([kind, size // 8 - 1]) + bytes(size - 2) + payload


@pytest.mark.parametrize(
    "packet",
    [
        ipv6(udp(REQUEST)),
        ipv6(extension(17)(udp(REQUEST)), next_header=0),
        ipv6(extension(60)(extension(17, 16)(udp(REQUEST))), next_header=43),
        ipv6(b"\x11\x04" + bytes(22) + udp(REQUEST), next_header=51),  # authentication
        ipv6(b"\x11\x00" + bytes(6) + udp(REQUEST), next_header=44),  # an atomic fragment
    ],
)
def test_ipv6(packet: bytes) -> None:
    [found], _ = decode(1, ethernet(packet, kind=0x86DD))
    assert (found.src, found.payload) == (packed("2001:db8::5"), REQUEST)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (ethernet(ipv4(udp(REQUEST), fragment=0x2000)), "fragments"),
        (ethernet(ipv4(udp(REQUEST), fragment=0x0001)), "fragments"),
        (ethernet(ipv6(b"\x11\x00\x00\x01" + bytes(40), next_header=44), 0x86DD), "fragments"),
        (ethernet(ipv4(TCP_SYN, protocol=6)), "tcp_without_data"),
        (ethernet(ipv4(bytes(20), protocol=1)), "other_transport"),
        (ethernet(bytes(28), kind=0x0806), "not_ip"),
        (ethernet(ipv4(udp(b"")[:6])), "malformed"),
        (ethernet(ipv4(bytes(8))), "malformed"),
        (ethernet(ipv6(bytes(200), next_header=0), 0x86DD), "malformed"),
        (FRAME[:20], "malformed"),
        (b"", "malformed"),
    ],
)
def test_frames_without_a_datagram(frame: bytes, why: str) -> None:
    assert decode(1, frame) == ([], why)


def test_a_datagram_cut_by_the_snap_length() -> None:
    [whole], _ = decode(1, FRAME[:-10], cut=True)
    assert whole.cut
    assert decode(1, FRAME[:30], cut=True) == ([], "cut_short")
    # Enough is left for an event; of the other one, too little to blame its sender.
    events, run_ = run(pcap([FRAME[:-4], FRAME[:90]]))
    assert types(events) == ["other-timeout"]
    assert (run_.stats.cut, run_.stats.cut_unusable) == (2, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"no capture at all", "not a capture file"),
        (b"\x1f\x8b\x08\x00", "a compressed file"),
        (pcap([])[:20], "cut off after packet 0"),
        (pcap([], link_type=105), "link type 105 is not supported"),
        (section() + interface(link_type=105) + enhanced(FRAME, 0), "link type 105"),
        (pcap([]) + struct.pack("<IIII", 0, 0, 1 << 31, 1 << 31), "damaged after packet 0"),
        (section()[:14], "cut off"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "without a byte order"),
        (section() + enhanced(FRAME, 0), "names interface 0"),
        (section() + struct.pack("<II", 6, 0xFFFFFFFC), "claims 4294967292 bytes"),
        (section() + struct.pack("<II", 6, 7), "claims 7 bytes"),
        (section() + interface() * 4_097, "more than 4096 interfaces"),
    ],
)
def test_unusable_captures(data: bytes, message: str) -> None:
    with pytest.raises(CaptureError, match=message) as failure:
        run(data)
    assert str(failure.value).startswith("test.pcap: ")
    assert failure.value.hint


@pytest.mark.parametrize("lost", [1, 30, 10 + len(ipv4(udp(RESPONSE)))])
def test_a_cut_capture_gives_its_events_first(lost: int) -> None:
    events = probe_capture(
        stream(pcap([FRAME, ethernet(ipv4(udp(RESPONSE)))])[:-lost]), name="x", agent=AGENT
    )
    assert next(events)["type"] == "other-timeout"
    with pytest.raises(CaptureError, match="cut off after packet 1"):
        next(events)


def test_every_frame_is_counted_once() -> None:
    frames = [
        FRAME,
        ethernet(ipv4(TCP_SYN, protocol=6)),
        ethernet(ipv4(bytes(20), protocol=1)),
        ethernet(ipv4(udp(b"x"), fragment=1)),
        ethernet(bytes(9), kind=0x0806),
        FRAME[:20],
    ]
    stats = run(pcap(frames))[1].stats
    counters = stats.capture
    assert counters.frames == len(frames) == 6
    assert (
        counters.carried,
        counters.tcp_without_data,
        counters.other_transport,
        counters.fragments,
        counters.not_ip,
        counters.malformed,
    ) == (1, 1, 1, 1, 1, 1)
    assert stats.as_dict()["events"] == {"other-timeout": 1}


def test_mixed_interfaces_are_counted_not_refused() -> None:
    data = section() + interface(link_type=105) + interface()
    data += enhanced(b"radio", START) + enhanced(FRAME, START, number=1)
    events, run_ = run(data)
    assert types(events) == ["other-timeout"]
    assert run_.stats.capture.unsupported_link == 1


@given(st.sampled_from(sorted(LINK_TYPES)), st.binary(max_size=120))
def test_decode_never_raises(link_type: int, data: bytes) -> None:
    decode(link_type, data)


@given(
    st.sampled_from(
        [
            pcap([FRAME, ethernet(ipv4(udp(RESPONSE)))]),
            pcapng() + enhanced(ethernet(ipv4(udp(RESPONSE))), START + 9),
            pcapng(">", 9),
        ]
    ),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=12),
    st.integers(0, 1 << 16),
)
def test_mutated_captures_raise_nothing_else(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    mutated = bytearray(data)
    for position, value in changes:
        mutated[position % len(mutated)] = value
    try:
        run(bytes(mutated[: length % len(mutated)]) if length % 3 else bytes(mutated))
    except CaptureError as error:
        assert error.hint  # noqa: PT017


@given(st.sampled_from([b"", *map(bytes.fromhex, ("d4c3b2a1", "0a0d0d0a"))]), st.binary())
def test_arbitrary_files_raise_nothing_else(magic: bytes, data: bytes) -> None:
    try:
        run(magic + data)
    except CaptureError as error:
        assert error.hint  # noqa: PT017
