"""SIP over WebSocket, from the upgrade to hostile frames."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.capture_streams import UPGRADE, UPGRADED, frame
from support.sip_packets import answer, ask

from zt.sip.capture.tcp.framing import MAX_MESSAGE
from zt.sip.capture.tcp.reader import StreamReader
from zt.sip.capture.tcp.websocket import WebSocketFraming, begins, upgrade

REQUEST = ask("OPTIONS").encode()
RESPONSE = answer(ask("OPTIONS"), 200).encode()


def read(data: bytes, size: int = 1_400) -> list[bytes]:
    framing = WebSocketFraming()
    found = []
    for at in range(0, len(data), size):
        found += [one.payload for one in framing.feed(data[at : at + size])]
        assert framing.held <= 2 * MAX_MESSAGE + size
    return found


@pytest.mark.parametrize("size", [1, 5, 1_400])
def test_an_upgrade_opens_both_directions(size: int) -> None:
    asked = UPGRADE + frame(REQUEST, masked=True)
    granted = UPGRADED + frame(RESPONSE, masked=False)
    for data, message in [(asked, REQUEST), (granted, RESPONSE)]:
        reader = StreamReader()
        found = [
            one for at in range(0, len(data), size) for one in reader.feed(data[at : at + size])
        ]
        assert found == [(message, False)]
        assert reader.transport == "WS"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (UPGRADE, True),
        (UPGRADED, True),
        (UPGRADE.replace(b"sip", b"chat"), False),
        (UPGRADE.replace(b"sip", b"chat, SIP ,other"), True),
        (UPGRADE.replace(b"sip", b"sipsomething"), False),
        (UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: h2c"), False),
        (UPGRADE.replace(b"Sec-WebSocket-Protocol: sip\r\n", b""), False),
        (UPGRADE.lower().replace(b"get", b"GET"), True),
        (UPGRADED.replace(b"101", b"403"), False),
    ],
)
def test_only_an_upgrade_to_sip_counts(head: bytes, expected: bool) -> None:
    assert upgrade(head) is expected
    reader = StreamReader()
    reader.feed(head)
    assert reader.foreign is not expected


def test_a_head_without_end_is_given_up() -> None:
    reader = StreamReader()
    for _ in range(100):
        reader.feed(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200)
    assert reader.foreign
    assert reader.held == 0


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("size", [1, 9, 5_000])
def test_a_message_in_several_frames_with_control_frames_between(masked: bool, size: int) -> None:
    data = (
        frame(REQUEST[:100], masked=masked, final=False)
        + frame(b"are you there?", masked=masked, opcode=9)
        + frame(REQUEST[100:101], masked=masked, opcode=0, final=False)
        + frame(b"", masked=masked, opcode=10)
        + frame(REQUEST[101:], masked=masked, opcode=0)
        + frame(b"\r\n\r\n", masked=masked)  # keep-alive
        + frame(RESPONSE, masked=masked, opcode=2)
    )
    assert read(data, size) == [REQUEST, RESPONSE]


def test_long_lengths_are_read() -> None:
    long = REQUEST[:-4] + b"\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"
    spelled = struct.pack(">BBQ", 0x81, 127, len(long)) + long
    assert read(frame(long, masked=True) + spelled) == [long, long]


def test_a_compressed_message_is_passed_by() -> None:
    compressed = bytes([0xC1]) + frame(b"x" * 300, masked=True)[1:]
    assert read(compressed + frame(REQUEST, masked=True)) == [REQUEST]


@pytest.mark.parametrize("size", [7, 1_400])
def test_a_message_that_is_too_long_is_passed_by_without_being_held(size: int) -> None:
    long = frame(b"x" * 200_000, masked=True)
    pieces = frame(b"x" * 60_000, masked=True, final=False)
    pieces += frame(b"y" * 60_000, masked=True, opcode=0, final=False)
    pieces += frame(b"z" * 60_000, masked=True, opcode=0)
    assert read(long + frame(REQUEST, masked=True), size) == [REQUEST]
    assert read(pieces + frame(REQUEST, masked=True), size) == [REQUEST]


@pytest.mark.parametrize(
    "broken",
    [
        frame(b"x" * 200, masked=True, opcode=9),  # a control frame has 125 bytes at most
        frame(b"x", masked=True, opcode=0),  # nothing to continue
        frame(b"x", masked=True, opcode=5),
        frame(b"x", masked=True, final=False) + frame(b"y", masked=True),
    ],
)
def test_what_breaks_the_protocol_ends_reading_until_a_frame_with_sip(broken: bytes) -> None:
    framing = WebSocketFraming()
    assert framing.feed(broken) == []
    assert framing.feed(b"rubbish") == []
    assert framing.held == 0
    assert framing.feed(frame(REQUEST, masked=True)) == [(REQUEST, False)]


def test_an_absurd_length_holds_nothing() -> None:
    framing = WebSocketFraming()
    framing.feed(struct.pack(">BBQ", 0x81, 127, (1 << 64) - 1))
    for _ in range(1_000):
        assert framing.feed(b"x" * 1_400) == []
    assert framing.held == 0


@pytest.mark.parametrize("masked", [True, False])
def test_the_middle_begins_at_a_frame_that_holds_sip(masked: bool) -> None:
    assert begins(frame(REQUEST, masked=masked))
    assert begins(frame(RESPONSE, masked=masked)[:400])
    assert not begins(frame(REQUEST, masked=masked)[1:])
    assert not begins(frame(b"x" * 500, masked=masked))
    assert not begins(frame(REQUEST, masked=masked, opcode=0))
    assert not begins(b"\x81")
    assert not begins(b"")


@given(st.lists(st.binary(max_size=200)), st.integers(1, 50), st.booleans())
def test_any_bytes_raise_nothing(parts: list[bytes], size: int, lost: bool) -> None:
    framing = WebSocketFraming(lost=lost)
    for part in parts:
        for at in range(0, len(part), size):
            framing.feed(part[at : at + size])
        framing.feed(frame(part, masked=True))
    assert framing.held <= 3 * MAX_MESSAGE


@given(
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=5),
    st.integers(1, 300),
)
def test_messages_come_out_as_they_went_in(cuts: list[tuple[int, bool]], size: int) -> None:
    data = b""
    for cut, masked in cuts:
        if cut < len(REQUEST):
            data += frame(REQUEST[:cut], masked=masked, final=False)
            data += frame(REQUEST[cut:], masked=masked, opcode=0)
        else:
            data += frame(REQUEST, masked=masked)
    assert read(data, size) == [REQUEST] * len(cuts)
