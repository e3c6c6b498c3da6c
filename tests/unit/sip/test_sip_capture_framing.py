"""SIP messages in a stream of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sip_packets import answer, ask

from zt.sip.capture.tcp.framing import MAX_MESSAGE, SipFraming
from zt.sip.capture.tcp.reader import StreamReader
from zt.sip.capture.tcp.startline import MAX_LINE

BODY = b"v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\n\r\nINVITE me at home\r\n"
FIRST = ask("OPTIONS", n=1).encode()
SECOND = answer(ask("OPTIONS", n=1), 200).encode()
REST = b"\r\n\r\n"


def with_length(length: bytes, body: bytes = b"", name: bytes = b"Content-Length") -> bytes:
    head = ask("MESSAGE").encode().replace(b"Content-Length: 0", name + b": " + length)
    assert length in head
    return head + body


def read(*segments: bytes, lost: bool = False) -> list[tuple[bytes, bool]]:
    framing = SipFraming(lost=lost)
    segments = tuple(filter(None, segments))
    found = [(one.payload, one.cut) for data in segments for one in framing.feed(data)]
    assert framing.held <= MAX_MESSAGE + max(map(len, segments))
    return found


def whole(*messages: bytes) -> list[tuple[bytes, bool]]:
    return [(message, False) for message in messages]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_several_messages_in_any_segments(size: int) -> None:
    third = with_length(b"%d" % len(BODY), BODY)
    data = FIRST + third + SECOND + third + FIRST
    segments = [data[at : at + size] for at in range(0, len(data), size)]
    assert read(*segments) == whole(FIRST, third, SECOND, third, FIRST)


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length ", b"l", b"L\t"])
def test_the_length_in_long_and_compact_form(name: bytes) -> None:
    message = with_length(b" %d" % len(BODY), BODY, name)
    assert read(message + FIRST) == whole(message, FIRST)


def test_keep_alives_between_messages_are_nothing() -> None:
    assert read(b"\r\n\r\n" + FIRST + b"\r\n\r\n\r\n\r\n" + SECOND + b"\r\n") == whole(
        FIRST, SECOND
    )
    assert read(b"\r\n" * 100_000) == []


def test_bare_line_feeds_end_lines_too() -> None:
    bare = FIRST.replace(b"\r\n", b"\n")
    assert read(bare + SECOND) == whole(bare, SECOND)


@pytest.mark.parametrize("length", [b"", b"-5", b"0x10", b"12 13", b"\xb2", b"five"])
def test_without_a_usable_length_the_next_start_line_counts(length: bytes) -> None:
    message = with_length(length, BODY)
    head = message[: -len(BODY)]
    assert read(message + FIRST + SECOND) == whole(head, FIRST, SECOND)


def test_two_lengths_that_differ_are_none() -> None:
    head = with_length(b"3\r\nl: 5")
    assert read(head + b"body\r\n" + FIRST) == whole(head, FIRST)
    same = with_length(b"3\r\nl: 3")
    assert read(same + b"abc" + FIRST) == whole(same + b"abc", FIRST)


@pytest.mark.parametrize("length", [b"70000", b"999999999", b"9" * 400, b"0" * 20 + b"5"])
def test_an_absurd_length_is_not_waited_for(length: bytes) -> None:
    head = with_length(length)
    assert read(head, BODY, b"x" * 5_000 + b"\r\n" + FIRST) == [(head, True), (FIRST, False)]


def test_a_head_without_end_is_cut() -> None:
    endless = FIRST[:-4] + b"\r\nX: " + b"x" * 1_000_000 + b"\r\n" + SECOND
    found = read(*(endless[at : at + 1_400] for at in range(0, len(endless), 1_400)))
    assert [(payload[:20], cut) for payload, cut in found] == [
        (FIRST[:20], True),
        (SECOND[:20], False),
    ]
    assert len(found[0][0]) == MAX_MESSAGE


def test_the_middle_of_a_stream_begins_at_a_start_line() -> None:
    assert read(FIRST[50:] + SECOND + FIRST, lost=True) == whole(SECOND, FIRST)
    for at in range(len(FIRST)):
        assert read(FIRST[:at], FIRST[at:], lost=True) == whole(FIRST)


@pytest.mark.parametrize(
    "noise",
    [
        b"Via: SIP/2.0/TCP 203.0.113.5:5060;branch=z9hG4bK1\r\n",
        b"a SIP/2.0\r\n",
        b"SIP/2.0 banana\r\n",
        b"say INVITE sip:bob@pbx.example SIP/2.0 \xff\r\n",
        b"x" * (MAX_LINE + 9) + b" SIP/2.0\r\n",
    ],
)
def test_what_only_looks_like_a_start_line_is_passed_by(noise: bytes) -> None:
    assert read(noise, b"\r\n" + FIRST, lost=True) == whole(FIRST)


def test_rubbish_after_a_message_is_passed_by() -> None:
    assert read(FIRST + b"\x16\x03\x01 rubbish\r\nmore\r\n" + SECOND) == whole(FIRST, SECOND)


def test_lost_bytes_cut_their_message_only() -> None:
    framing = SipFraming()
    assert framing.feed(FIRST[:150]) == []
    assert framing.lose() == [(FIRST[:150], True)]
    assert framing.feed(FIRST[200:] + SECOND) == [(SECOND, False)]


@pytest.mark.parametrize(
    ("data", "foreign"),
    [
        (b"\x16\x03\x01\x02\x00", True),  # TLS
        (b"SSH-2.0-OpenSSH_9.2\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False),  # perhaps an upgrade
        (b"POST / HTTP/1.1\r\n", True),
        (b"OPTIONS * HTTP/1.1\r\n", True),
        (b"OPTIONS rtsp://a/b RTSP/1.0\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"NOTIFY /evt HTTP/1.1\r\n", True),
        (b"x" * 40, True),
        (b"EHLO mail.example\r\n", True),
        (b"EHLO " + b"m" * (MAX_LINE + 5), True),
        (b"INV", False),
        (b"INVITE sip:bob@pbx.exa", False),
        (b"", False),
        (b"\r\n\r\n", False),
        (b"S", False),
        (b"INVITE sip:bob@pbx.example\r\n", False),  # broken, but an event
        (b"INVITE sip:bob@pbx.example SIP/3.0\r\n", False),
    ],
)
def test_what_a_stream_speaks_is_known_by_its_first_bytes(data: bytes, foreign: bool) -> None:
    at_once, bytewise = StreamReader(), StreamReader()
    at_once.feed(data)
    for at in range(len(data)):
        bytewise.feed(data[at : at + 1])
    assert (at_once.foreign, bytewise.foreign) == (foreign, foreign)
    if foreign:
        assert (at_once.held, bytewise.held) == (0, 0)


@given(
    st.lists(st.sampled_from([FIRST, SECOND, BODY, b"\r\n", b"SIP/2.0 ", b"l: 9\r\n"])), st.data()
)
def test_any_bytes_in_any_segments_raise_nothing_and_stay_bounded(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts) + data.draw(st.binary(max_size=50))
    framing = SipFraming(lost=data.draw(st.booleans()))
    at = 0
    while at < len(stream):
        step = data.draw(st.integers(1, 700))
        if data.draw(st.integers(0, 9)) == 0:
            framing.lose()
        for payload, _ in framing.feed(stream[at : at + step]):
            assert payload
            assert payload in stream
        at += step


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(1, 400))
def test_messages_come_out_as_they_went_in(kinds: list[int], size: int) -> None:
    choice = [FIRST, SECOND, with_length(b"%d" % len(BODY), BODY), ask("BYE", n=7).encode()]
    messages = [choice[kind] for kind in kinds]
    data = b"\r\n".join(messages)
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == whole(*messages)
