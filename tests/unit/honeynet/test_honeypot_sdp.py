"""The answer to an offer of media fits the offer, and takes no media."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.honeynet.honeypot.lure.sdp import Party, answer

PARTY = Party("198.51.100.7", "root", "Asterisk", 0x1234_5678_9ABC_DEF0)
HEAD = b"v=0\r\no=- 1 1 IN IP4 203.0.113.66\r\ns=-\r\nc=IN IP4 203.0.113.66\r\nt=0 0\r\n"


def media(*lines: bytes) -> list[bytes] | None:
    """The m= lines of the answer to an offer of these."""
    found = answer(HEAD + b"".join([line + b"\r\n" for line in lines]), PARTY)
    if found is None:
        return None
    return [line for line in found.split(b"\r\n") if line.startswith(b"m=")]


def test_the_first_audio_stream_is_taken_and_inactive() -> None:
    found = answer(HEAD + b"m=audio 6000 RTP/AVP 18 8 101\r\n", PARTY)
    assert found is not None
    assert found.count(b"a=inactive\r\n") == 1
    assert b"a=rtpmap:8 PCMA/8000\r\n" in found
    origin = b"v=0\r\no=root 305419896 305419896 IN IP4 198.51.100.7\r\n"
    assert found.startswith(origin + b"s=Asterisk\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n")


def test_codecs_are_those_of_the_offer_in_its_order() -> None:
    assert media(b"m=audio 6000 RTP/AVP 18 8 0 101") == [b"m=audio 10640 RTP/AVP 8 0"]
    assert media(b"m=audio 6000 RTP/AVP 0") == [b"m=audio 10640 RTP/AVP 0"]


def test_other_streams_are_refused_in_their_places() -> None:
    audio, video = b"m=audio 6000 RTP/AVP 0", b"m=video 5000 RTP/AVP 96"
    taken, refused = b"m=audio 10640 RTP/AVP 0", b"m=video 0 RTP/AVP 0"
    assert media(audio, video) == [taken, refused]
    assert media(video, audio) == [refused, taken]
    assert media(audio, audio) == [taken, b"m=audio 0 RTP/AVP 0"]


def test_without_an_offer_there_is_one() -> None:
    for offer in (b"", HEAD):
        found = answer(offer, PARTY)
        assert found is not None
        assert b"m=audio 10640 RTP/AVP 0 8\r\n" in found


@pytest.mark.parametrize(
    "line",
    [
        b"m=audio 6000 RTP/SAVP 0",
        b"m=audio 0 RTP/AVP 0",
        b"m=audio 6000 RTP/AVP 18",
        b"m=audio 6000 RTP/AVP 00",
        b"m=video 6000 RTP/AVP 0",
        b"m=audio x RTP/AVP 0",
        b"m=",
    ],
)
def test_what_is_not_understood_is_refused(line: bytes) -> None:
    assert media(line) is None


def test_more_streams_than_phones_have_are_refused() -> None:
    assert media(*[b"m=audio 6000 RTP/AVP 0"] * 5) is None


def test_an_ipv6_address_is_named_so() -> None:
    found = answer(b"", PARTY._replace(address="2001:db8::7"))
    assert found is not None
    assert b"c=IN IP6 2001:db8::7\r\n" in found


@given(st.binary(max_size=300))
def test_nothing_of_an_offer_but_known_words_comes_back(noise: bytes) -> None:
    for offer in (noise, b"m=audio 6000 RTP/AVP 0 " + noise, b"m=audio 6000 " + noise):
        found = answer(offer, PARTY)
        if found is not None:
            lines = found.split(b"\r\n")
            assert all(line[1:2] == b"=" for line in lines[:-1])
            assert lines[-1] == b""
            assert found.isascii()
            assert b"\r" not in b"".join(lines)
            assert b"\n" not in b"".join(lines)
