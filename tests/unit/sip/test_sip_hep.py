"""HEP messages: versions, agents' habits, keys, clocks, and hostile bytes."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hep_messages import PHONE6, REQUEST, SERVER6, chunks, v2, v3
from support.sip_packets import PHONE, SERVER, START, packed

from zt.sip import Datagram
from zt.sip.hep import HepCounters, HepDecoder, HepSettings
from zt.sip.hep.content import MAX_PAYLOAD
from zt.sip.hep.framing import Framing

ARRIVAL = START + 2_000  # two milliseconds on the way
EXPECTED = Datagram(START, packed(PHONE), 5060, packed(SERVER), 5070, REQUEST)
SECOND = 1_000_000
Make = Callable[..., bytes]


def decode(
    data: bytes, settings: HepSettings | None = None, arrival: int = ARRIVAL
) -> tuple[Datagram | None, dict[str, int]]:
    counters = HepCounters()
    datagram = HepDecoder(settings or HepSettings(), counters).decode(data, arrival)
    counted = {name: getattr(counters, name) for name in HepCounters.__slots__}
    return datagram, {name: value for name, value in counted.items() if value}


def datagram_of(data: bytes) -> Datagram:
    datagram, _ = decode(data)
    assert datagram is not None
    return datagram


def refused(data: bytes, settings: HepSettings | None = None) -> str:
    datagram, counted = decode(data, settings)
    assert datagram is None
    assert counted.pop("messages") == 1
    ((name, number),) = counted.items()
    assert number == 1
    return name


def without(*kinds: int) -> bytes:
    return v3(chunk for chunk in chunks() if chunk[1] not in kinds)


def replaced(kind: int, value: bytes) -> bytes:
    return v3((vendor, k, value if k == kind else b) for vendor, k, b in chunks())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(v3(chunks()), id="Kamailio, version 3"),
        pytest.param(v2(), id="Kamailio, version 2"),
        pytest.param(v2(length_with_time=True), id="FreeSWITCH, version 2"),
        pytest.param(v2(order=">", length_with_time=True), id="version 2 of a big-endian machine"),
        pytest.param(v3(sorted(chunks(), key=lambda chunk: -chunk[1])), id="chunks in any order"),
        pytest.param(
            v3([*chunks()[:-1], (0, 14, b"secret"), (0, 17, b"call-1"), chunks()[-1]]),
            id="Asterisk, with key and correlation id",
        ),
        pytest.param(
            v3([(0x0009, 15, b"no SIP"), *chunks(), (0x0003, 3, b"?"), (0, 500, b"new")]),
            id="chunks of vendors, and unknown ones",
        ),
        pytest.param(v3([*chunks(), (0, 18, b"\0\7"), (0, 19, b"node")]), id="VLAN and node name"),
        pytest.param(v3(chunks()) + b"\0\0", id="bytes behind the end"),
        pytest.param(
            v3([*chunks()[:-1], (0, 16, gzip.compress(REQUEST))]), id="payload under gzip"
        ),
        pytest.param(
            v3([*chunks()[:-1], (0, 16, zlib.compress(REQUEST))]), id="OpenSIPS, payload under zlib"
        ),
        pytest.param(without(1, 11, 12), id="no family, payload type and agent"),
    ],
)
def test_each_agent_gives_the_same_datagram(data: bytes) -> None:
    datagram, counted = decode(data)
    assert datagram == EXPECTED
    assert counted == {"messages": 1, "datagrams": 1}


@pytest.mark.parametrize("make", [lambda **o: v3(chunks(**o)), v2, lambda **o: v2(**o, family=30)])
def test_ipv6(make: Make) -> None:
    datagram = datagram_of(make(src=PHONE6, dst=SERVER6))
    assert (datagram.src, datagram.dst) == (packed(PHONE6), packed(SERVER6))
    assert datagram.payload == REQUEST


@pytest.mark.parametrize("make", [lambda **o: v3(chunks(**o)), v2])
def test_a_mapped_address_is_the_ipv4_address(make: Make) -> None:
    datagram = datagram_of(make(src=f"::ffff:{PHONE}", dst=f"::ffff:{SERVER}"))
    assert (datagram.src, datagram.dst) == (EXPECTED.src, EXPECTED.dst)


def test_a_mapped_address_stays_beside_one_that_is_not() -> None:
    datagram = datagram_of(v3(chunks(src=f"::ffff:{PHONE}", dst=SERVER6)))
    assert (datagram.src, datagram.dst) == (packed(f"::ffff:{PHONE}"), packed(SERVER6))


def test_version_1_has_the_time_of_its_arrival() -> None:
    datagram, counted = decode(v2(version=1))
    assert datagram == msgspec.structs.replace(EXPECTED, time=ARRIVAL)
    assert counted["clock_corrected"] == 1


@pytest.mark.parametrize(
    ("protocol", "via", "transport"),
    [
        (17, "UDP", "UDP"),
        (6, "TCP", "TCP"),
        (132, "SCTP", "SCTP"),
        (22, "TLS", "TLS"),
        (22, "WSS", "WSS"),
        (22, "ws", "WS"),
        (6, "WSS", "WSS"),
        (17, "WSS", "UDP"),  # what a message says of itself makes no UDP sender proven
        (99, "TCP", "UDP"),
    ],
)
def test_transports(protocol: int, via: str, transport: str) -> None:
    payload = REQUEST.replace(b"SIP/2.0/UDP", f"SIP / 2.0 / {via}".encode())
    for data in (v3(chunks(payload, protocol=protocol)), v2(payload, protocol=protocol)):
        datagram = datagram_of(data)
        assert datagram.transport == transport
        assert datagram.connected is (transport != "UDP")


@pytest.mark.parametrize(
    ("late", "believed"),
    [(0, True), (-4, True), (-6, False), (299, True), (301, False), (86_400 * 365, False)],
)
def test_an_absurd_time_gives_way_to_that_of_the_arrival(late: int, believed: bool) -> None:
    said = ARRIVAL - late * SECOND
    for data in (v3(chunks(time=said)), v2(time=said)):
        datagram, counted = decode(data)
        assert datagram is not None
        assert datagram.time == (said if believed else ARRIVAL)
        assert counted.get("clock_corrected", 0) == (not believed)


@pytest.mark.parametrize(
    "data", [without(9), without(9, 10), replaced(10, struct.pack(">I", SECOND)), replaced(9, b"")]
)
def test_without_a_sound_time_that_of_the_arrival_counts(data: bytes) -> None:
    assert datagram_of(data).time == ARRIVAL


@pytest.mark.parametrize("kind", [5, 34, 100, 0x56])
def test_other_payloads_are_counted_and_dropped(kind: int) -> None:
    assert refused(v3(chunks(b"{}", payload_type=kind))) == "other_payload"
    assert refused(v3([(0, 11, bytes([kind])), (0, 15, b"a log line")])) == "other_payload"


@pytest.mark.parametrize("data", [v3([(0, 13, b"\0\x1e")]), v3([]), v3(chunks(b"")), v2(b"")])
def test_keep_alives_are_counted_and_dropped(data: bytes) -> None:
    assert refused(data) == "other_payload"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\1", id="version 1 alone"),
        pytest.param(b"HEP3", id="magic alone"),
        pytest.param(b"HEP3\0\5", id="length shorter than the header"),
        pytest.param(b"HEP4" + v3(chunks())[4:], id="another version"),
        pytest.param(b"\3" + v2()[1:], id="version 3 of old"),
        pytest.param(REQUEST, id="plain SIP"),
        pytest.param(v2(family=7), id="unknown family"),
        pytest.param(v2(family=10), id="family and length disagree"),
        pytest.param(v2()[:27], id="cut in the time"),
        pytest.param(v3(chunks())[:60], id="cut in the chunks"),
        pytest.param(v3([(0, 3, b"abc"), *chunks()[3:]]), id="an address of three bytes"),
        pytest.param(without(3), id="no source"),
        pytest.param(without(4), id="no destination"),
        pytest.param(v3([*chunks(), (0, 5, packed(PHONE6))]), id="addresses of both families"),
        pytest.param(v3([*chunks()[:-1], (0, 16, b"no gzip")]), id="compressed in no way we know"),
        pytest.param(
            v3([*chunks()[:-1], (0, 16, gzip.compress(REQUEST)[:-9])]), id="gzip cut short"
        ),
        pytest.param(
            v3(chunks()).replace(b"\0\x0c\0\x0a", b"\0\x0c\0\x05"), id="a chunk of five bytes"
        ),
        pytest.param(b"HEP3\0\x0c\0\0\0\1\0\5", id="a chunk shorter than its header"),
        pytest.param(b"HEP3\0\x0b\0\0\0\1\0", id="half of a chunk's header"),
        pytest.param(v3([*chunks(), *[(9, 1, b"")] * 250]), id="hundreds of chunks"),
    ],
)
def test_what_contradicts_itself_is_malformed(data: bytes) -> None:
    assert refused(data) == "malformed"


def test_a_payload_that_the_agent_cut_is_cut() -> None:
    datagram = datagram_of(v3(chunks())[:-100])
    assert datagram.cut
    assert datagram.payload == REQUEST[:-100]


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(MAX_PAYLOAD + 1))
    assert refused(v3([*chunks()[:-1], (0, 16, bomb)])) == "oversized"


def test_the_largest_compressed_payload_is_taken() -> None:
    payload = REQUEST + bytes(MAX_PAYLOAD - len(REQUEST))
    assert datagram_of(v3([*chunks()[:-1], (0, 16, gzip.compress(payload))])).payload == payload


def test_a_compressed_payload_of_another_kind_is_not_unpacked() -> None:
    data = v3([*chunks(payload_type=5)[:-1], (0, 16, gzip.compress(bytes(MAX_PAYLOAD + 1)))])
    assert refused(data) == "other_payload"


@pytest.mark.parametrize("key", [None, b"", b"wrong", b"secret-longer", b"secre"])
def test_a_message_without_the_key_is_refused(key: bytes | None) -> None:
    settings = HepSettings(key=b"secret")
    extra = [] if key is None else [(0, 14, key)]
    assert refused(v3([*chunks(), *extra]), settings) == "unauthorised"


def test_a_message_with_the_key_is_taken() -> None:
    datagram, _ = decode(v3([*chunks(), (0, 14, b"secret")]), HepSettings(key=b"secret"))
    assert datagram == EXPECTED


@pytest.mark.parametrize("data", [v2(), v2(version=1)])
def test_versions_that_carry_no_key_are_refused_where_one_is_needed(data: bytes) -> None:
    assert refused(data, HepSettings(key=b"secret")) == "unauthorised"


def test_the_key_does_not_show() -> None:
    assert "secret" not in repr(HepSettings(key=b"secret"))


def test_what_two_agents_mirror_counts_once() -> None:
    counters = HepCounters()
    decoder = HepDecoder(HepSettings(), counters)
    assert decoder.decode(v3(chunks()), ARRIVAL) == EXPECTED
    assert decoder.decode(v2(time=START + 900), ARRIVAL) is None
    assert decoder.decode(v3(chunks(time=START + SECOND // 2)), ARRIVAL) is not None  # sent again
    assert (counters.datagrams, counters.duplicates, counters.messages) == (2, 1, 3)


messages = st.one_of(
    st.binary(max_size=400),
    st.binary(max_size=400).map(lambda data: b"HEP3" + data),
    st.binary(max_size=60).map(lambda data: b"\2\x10\2\x11" + data),
    st.lists(
        st.tuples(st.sampled_from([0, 0, 0, 9]), st.integers(0, 20), st.binary(max_size=40)),
        max_size=20,
    ).map(v3),
    st.builds(
        lambda data, at, bytes_: data[:at] + bytes_ + data[at + len(bytes_) :],
        st.sampled_from([v3(chunks()), v2(), v3([*chunks()[:-1], (0, 16, gzip.compress(b"x"))])]),
        st.integers(0, 200),
        st.binary(max_size=8),
    ),
)


@given(messages)
def test_any_bytes_give_a_datagram_or_one_reason(data: bytes) -> None:
    datagram, counted = decode(data)
    assert counted.pop("messages") == 1
    counted.pop("clock_corrected", None)
    if datagram is None:
        assert list(counted.values()) == [1]
        assert "datagrams" not in counted
    else:
        assert counted == {"datagrams": 1}
        assert len(datagram.src) == len(datagram.dst)
        assert len(datagram.src) in (4, 16)
        assert 0 < len(datagram.payload) <= MAX_PAYLOAD
        assert 0 <= datagram.src_port <= 65_535
        assert ARRIVAL - 300 * SECOND <= datagram.time <= ARRIVAL + 5 * SECOND


# --- streams


def test_messages_are_found_in_a_stream_however_it_is_cut() -> None:
    wanted = [v3(chunks()), v3([]), v3(chunks(b"x" * 3_000)), v3(chunks())]
    stream = b"".join(wanted)
    for size in (1, 2, 5, 7, 100, 1_000, len(stream)):
        framing = Framing()
        found: list[bytes] = []
        for at in range(0, len(stream), size):
            found += framing.feed(stream[at : at + size])
        assert found == wanted
        assert not framing.broken


@pytest.mark.parametrize("bad", [b"HEP4\0\x20", b"X", b"HEP3\0\0", b"HEP3\0\5", v2()])
def test_a_stream_out_of_step_is_broken_after_what_came_before(bad: bytes) -> None:
    framing = Framing()
    assert framing.feed(v3(chunks()) + bad) == [v3(chunks())]
    assert framing.broken


@given(st.lists(st.binary(max_size=300), max_size=20), st.booleans())
def test_any_stream_is_taken_within_bounds(pieces: list[bytes], begin_well: bool) -> None:
    framing = Framing()
    if begin_well:
        framing.feed(b"HEP3")
    for piece in pieces:
        for message in framing.feed(piece):
            assert message.startswith(b"HEP3")
        assert len(framing._rest) <= 65_535
        assert not (framing.broken and framing._rest)
