"""Messages in a stream: where they end, what ends the stream, and how little is held of them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.listening import request
from support.sip_mutations import Mutator, seeds

from zt.honeynet.honeypot.listen.framing import Found, ServerFraming
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.sip.capture.tcp.framing import SipFraming

LIMITS = ListenLimits(head_bytes=2_000, message_bytes=3_000)
BODY = request("INVITE", "with-body", body="v=0\r\n")
PLAIN = request(call="plain")


def feed(*pieces: bytes) -> tuple[list[Found], ServerFraming]:
    framing = ServerFraming(LIMITS)
    return [one for piece in pieces for one in framing.feed(piece)], framing


def whole(*payloads: bytes) -> list[Found]:
    return [Found(payload, cut=False) for payload in payloads]


def test_messages_end_where_their_content_length_says() -> None:
    found, framing = feed(PLAIN + BODY + PLAIN)
    assert found == whole(PLAIN, BODY, PLAIN)
    assert (framing.held, framing.broken) == (0, False)


@given(st.lists(st.integers(0, len(PLAIN + BODY + PLAIN)), max_size=12))
def test_it_does_not_matter_how_a_stream_is_cut_into_pieces(cuts: list[int]) -> None:
    stream = PLAIN + BODY + PLAIN
    edges = [0, *sorted(cuts), len(stream)]
    found, _ = feed(*(stream[a:b] for a, b in pairwise(edges)))
    assert found == whole(PLAIN, BODY, PLAIN)


def test_a_message_may_come_byte_by_byte() -> None:
    found, _ = feed(*(bytes([byte]) for byte in BODY))
    assert found == whole(BODY)


def test_ordinary_streams_are_cut_as_the_probe_cuts_them() -> None:
    stream = b"".join(request(body="x" * n) for n in range(9))
    assert [one.payload for one in SipFraming().feed(stream)] == [
        one.payload for one in feed(stream)[0]
    ]


@pytest.mark.parametrize("length", ["", "Content-Length: many\r\n", "l: 4\r\nl: 5\r\n"])
def test_a_message_whose_length_is_unknown_has_no_body(length: str) -> None:
    head = PLAIN.replace(b"Content-Length: 0\r\n", length.encode())
    found, framing = feed(head + PLAIN)
    assert found == whole(head, PLAIN)
    assert not framing.broken


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x03\x00\x00\x13\x0e\xe0",
        b"OPTIONS sip:a SIP/2.0\r\nX: " + b"a" * 2_000,
        b"A" * 2_001,
        BODY.replace(b"Content-Length: 5", b"Content-Length: 99999"),
        BODY.replace(b"Content-Length: 5", b"Content-Length: 99999999999999999999"),
    ],
)
def test_what_is_no_sip_or_too_long_ends_the_stream(stream: bytes) -> None:
    found, framing = feed(stream)
    assert [one.cut for one in found] == [True]
    assert stream.startswith(found[0].payload)
    assert (framing.broken, framing.held) == (True, 0)
    assert framing.feed(PLAIN) == []


def test_what_came_before_the_end_is_given() -> None:
    found, framing = feed(PLAIN + b"\x00\x01\x02")
    assert found == [*whole(PLAIN), Found(b"\x00\x01\x02", cut=True)]
    assert framing.broken


@pytest.mark.parametrize(
    ("pieces", "pings"),
    [
        ([b"\r\n\r\n"], 1),
        ([b"\r\n", b"\r\n"], 1),
        ([b"\r", b"\n\r", b"\n"], 1),
        ([b"\r\n"], 0),
        ([b"\r\n\r\n\r\n\r\n"], 2),
        ([PLAIN + b"\r\n\r\n"], 1),
        ([BODY, b"\r\n\r\n" + PLAIN], 1),
        ([b"\r\n" + PLAIN + b"\r\n"], 0),
    ],
)
def test_two_line_ends_between_messages_are_a_ping(pieces: list[bytes], pings: int) -> None:
    found, framing = feed(*pieces)
    assert framing.pings == pings
    assert framing.held == 0
    assert [one for one in found if one.cut] == []


def test_whatever_comes_little_is_held_and_nothing_raises() -> None:
    mutator = Mutator(10, seeds())
    chance = random.Random(10)
    for _ in range(300):
        framing = ServerFraming(LIMITS)
        stream = b"".join(mutator.message() for _ in range(6))
        at = 0
        while at < len(stream):
            size = chance.choice((1, 7, 500, 4_000))
            for one in framing.feed(stream[at : at + size]):
                assert len(one.payload) <= LIMITS.message_bytes
            at += size
            assert framing.held <= LIMITS.message_bytes
