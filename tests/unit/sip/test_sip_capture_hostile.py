"""Hostile frames of all kinds at once: nothing raises, nothing is counted twice, nothing grows."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.capture_packets import Timed, cooked, gre_over, ip_over, vlan
from support.capture_packets import ethernet as framed
from support.capture_streams import as_tcp, as_websocket
from support.capture_variants import fragmented, segmented
from support.sip_packets import answer, ask, ipv4, ipv6, udp

from zt.sip.capture import CaptureLimits, Decoder, Frame
from zt.sip.capture.ip import Skip
from zt.sip.capture.shares import SharedTable

SECOND = 1_000_000
HOUR = 3_600 * SECOND
OUTCOMES = ["carried", "cut_short", *(skip.value for skip in Skip)]

REQUEST, RESPONSE = ask("OPTIONS").encode(), answer(ask("OPTIONS"), 200).encode()
PACKETS = [
    Timed(n * 1_000, make(udp(data, 40_000, 5060)))
    for n in range(3)
    for make in (ipv4, ipv6)
    for data in (REQUEST, RESPONSE, b"\r\n\r\n", bytes(160))
]
TRAFFIC = [
    *PACKETS,
    *fragmented(PACKETS),
    *segmented(as_tcp(PACKETS)),
    *as_websocket(PACKETS),
    *fragmented(as_tcp(PACKETS)),
    *(Timed(t, ip_over(p, outer=6)) for t, p in fragmented(PACKETS)),
    *(Timed(t, gre_over(p, outer=4)) for t, p in PACKETS),
]
LINKS: list[tuple[int, Callable[[bytes], bytes]]] = [
    (1, framed),
    (1, vlan),
    (101, bytes),
    (276, lambda packet: framed(packet)[12:14] + bytes(18) + packet),
    (113, cooked),
    (7, bytes),
]


def hostile_frames(seed: int, count: int) -> Iterator[Frame]:
    """Real packets in disorder, altered, cut, and some of pure chance."""
    chance = random.Random(seed)
    time = 0
    for _ in range(count):
        link_type, frame = chance.choice(LINKS)
        data = bytearray(frame(chance.choice(TRAFFIC).data))
        for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 9])):
            data[chance.randrange(min(len(data), 120))] = chance.randrange(256)
        if chance.random() < 0.1:
            del data[chance.randrange(len(data)) :]
        if chance.random() < 0.02:
            data = bytearray(chance.randbytes(chance.randrange(200)))
        time += chance.choice([0, 1, 1_000, 10_000, SECOND, -5 * SECOND])
        yield Frame(max(0, time), link_type, bytes(data), chance.random() < 0.2)


@given(st.integers(0, 1 << 62))
def test_any_frames_raise_nothing_and_are_counted_once(seed: int) -> None:
    decoder = Decoder(CaptureLimits(assemblies=16, connections=16, handshakes=16, duplicates=64))
    for frame in hostile_frames(seed, 300):
        for one in decoder.feed(frame):
            assert len(one.src) == len(one.dst) in (4, 16)
            assert len(one.payload) <= 65_535
    decoder.finish()
    counts = asdict(decoder.counters)
    assert sum(counts[name] for name in OUTCOMES) == counts["frames"] == 300
    assert decoder.held < 2_000_000


def test_memory_stays_flat_whatever_comes() -> None:
    decoder = Decoder(CaptureLimits(assemblies=64, connections=64, handshakes=64, duplicates=256))
    for frame in hostile_frames(1, 5_000):
        decoder.feed(frame)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for frame in hostile_frames(2, 20_000):
            decoder.feed(frame)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 500_000


@pytest.mark.parametrize("wrong", [253_402_300_799_999_999, 0])
def test_a_clock_that_was_wrong_once_stops_no_expiry(wrong: int) -> None:
    decoder = Decoder()
    now = 1_000 * HOUR
    fragment, stream = next(fragmented(PACKETS)).data, as_tcp(PACKETS)[3].data[:200]
    for time in (now, wrong, now + SECOND):
        decoder.feed(Frame(time, 101, fragment, False))
        decoder.feed(Frame(time, 101, stream, True))
    assert decoder.held > 0
    decoder.feed(Frame(now + HOUR, 101, PACKETS[0].data, False))
    assert decoder.held == 0


def table(entries: int = 8, size: int = 1_000, share: int = 2) -> SharedTable[int, str]:
    return SharedTable(entries, size, share)


def test_an_owner_pushes_out_his_own_oldest_entry() -> None:
    shared = table()
    shared.add(0, "other", b"other", 0)
    for key in range(1, 7):
        shared.add(key, "mine", b"me", key)
    assert [key for key in range(7) if key in shared] == [0, 3, 4, 5, 6]
    assert shared.evicted == 2


def test_an_owner_has_a_share_of_the_bytes_only() -> None:
    shared = table()
    for key in range(3):
        shared.add(key, "mine", b"me", key)
        shared.resize(key, 240)
    assert (len(shared), shared.size, 0 in shared) == (2, 480, False)
    shared.resize(2, 600)  # more than the share, alone
    assert (len(shared), shared.size) == (0, 0)


def test_the_oldest_of_all_leaves_where_many_owners_fill_the_table() -> None:
    shared = table()
    for key in range(20):
        shared.add(key, "value", b"%d" % key, key)
        if 3 in shared:
            shared.touch(3, key)
    assert [key for key in range(20) if key in shared] == [3, *range(13, 20)]


def test_removed_entries_leave_nothing_behind() -> None:
    shared = table()
    for key in range(100):
        shared.add(key, "value", b"%d" % (key % 3), key)
        shared.resize(key, 10)
        shared.remove(key)
    shared.remove(5)
    assert (len(shared), shared.size, shared.evicted) == (0, 0, 0)
    assert not shared._owners
