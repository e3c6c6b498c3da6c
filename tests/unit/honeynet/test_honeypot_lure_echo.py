"""What replies repeat is what came, can't break out of its line, and goes to nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.lure_asks import OFFER, SVMAP, came, log_in, lure, read, request, tell, value
from support.sip_mutations import Traffic, seeds

from zt.honeynet.honeypot.lure.lure import Lure
from zt.honeynet.honeypot.lure.personality import PERSONALITIES
from zt.honeynet.honeypot.lure.request import MAX_ECHO
from zt.sip import Datagram
from zt.sip.parse import claims_sip, parse

VIA = "SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK-4257845514;rport"
LURES = [lure(name) for name in PERSONALITIES.names()]


def check(honeypot: Lure, datagram: Datagram) -> int:
    """Answers a message, and looks at all that its replies must be; gives how many there are."""
    message = parse(datagram.payload)
    replies = honeypot.answer(message, datagram)
    if not datagram.connected and not message.credentials:
        assert len(replies) <= 1
        assert all(len(reply.payload) <= len(datagram.payload) for reply in replies)
    for reply in replies:
        payload = reply.payload
        answer = parse(payload)
        assert answer.error == ""
        assert b"\n" not in payload.replace(b"\r\n", b"")
        assert b"\r" not in payload.replace(b"\r\n", b"")
        assert (answer.call_id, answer.cseq) == (message.call_id, message.cseq)
        assert (answer.branch, answer.via) == (message.branch, message.via)
        assert answer.previous_branch == message.previous_branch
        assert (answer.from_uri, answer.from_tag) == (message.from_uri, message.from_tag)
        assert answer.to_uri == message.to_uri
        assert not message.to_tag or answer.to_tag == message.to_tag
        head, _, body = payload.partition(b"\r\n\r\n")
        assert len(head) <= MAX_ECHO + 2_048
        length = value(head.decode(errors="replace"), "Content-Length") or "0"
        assert int(length) == len(body)
    return len(replies)


@pytest.mark.parametrize("seed", range(3))
def test_hostile_messages_are_answered_right_or_not_at_all(seed: int) -> None:
    count = 0
    for at, datagram in enumerate(Traffic(seed, seeds()).datagrams(5_000)):
        if claims_sip(datagram.payload, 5060, 5060):
            count += check(LURES[at % len(LURES)], datagram)
    assert count > 500


TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)


@given(TEXT, TEXT, TEXT, TEXT, st.sampled_from(["OPTIONS", "REGISTER", "INVITE", "DANCE"]))
def test_any_text_in_what_is_repeated_comes_back_or_silences(
    via: str, name: str, call: str, rest: str, method: str
) -> None:
    text = request(method, extra=(f"X: {rest}",), body=OFFER)
    text = text.replace(";branch=", f";x={via};branch=").replace("<sip:101", f"{name}<sip:101")
    text = text.replace("call-1", f"call{call}")
    for transport in ("UDP", "TCP"):
        check(LURES[0], came(text.encode(), transport=transport))


@given(st.binary(max_size=400))
def test_no_bytes_at_all_raise(noise: bytes) -> None:
    for payload in (noise, SVMAP.encode().replace(b"sipvicious", noise), SVMAP.encode() + noise):
        check(LURES[0], came(payload))


@pytest.mark.parametrize("control", ["\r", "\x00", "\x0b", "\x1b", "\x7f", "\rX-Injected: 1\r"])
@pytest.mark.parametrize("place", ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "])
def test_control_characters_are_never_repeated(control: str, place: str) -> None:
    assert tell(lure(), SVMAP.replace(place, f"{place}x{control}"), transport="TCP") == []


def test_folded_headers_come_back_in_one_line() -> None:
    text = SVMAP.replace("Call-ID: ", "Call-ID:\r\n\t").replace(";rport", "\r\n  ;rport")
    (answer,) = tell(lure(), text, transport="TCP")
    assert value(answer, "Call-ID") == "634155774601350161413092"
    assert "\r\n " not in answer


def test_other_bytes_than_text_come_back_as_they_are() -> None:
    datagram = came(SVMAP.encode().replace(b'"sipvicious"', b'"\xff\xfe"'), transport="TCP")
    (reply,) = lure().answer(parse(datagram.payload), datagram)
    assert reply.payload.count(b'"\xff\xfe"') == 2


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        (VIA, f"{VIA[:-6]};received=203.0.113.66;rport=5061"),
        (VIA[:-6], VIA[:-6]),
        (VIA.replace("203.0.113.66", "10.0.0.1"), None),
        (VIA.replace(";rport", ";rport=1;received=192.0.2.1"), None),
        (VIA.replace(";branch", ";received=192.0.2.1;branch"), None),
        (VIA + ", SIP/2.0/UDP b;branch=z9hG4bK2;received=192.0.2.1", None),
    ],
)
def test_the_last_hop_learns_where_its_request_came_from(via: str, expected: str | None) -> None:
    (answer,) = tell(lure(), SVMAP.replace(VIA, via), transport="TCP")
    top, _, below = value(answer, "Via").partition(",")
    assert expected in (None, top)
    if expected is None:
        assert top.endswith(";received=203.0.113.66;rport=5061")
        assert "192.0.2.1" not in top
        assert ("192.0.2.1" in below) == ("," in via)


def test_all_hops_come_back_in_order() -> None:
    lower = "Via: SIP/2.0/TCP b;branch=z9hG4bK2\r\nv: SIP/2.0/UDP c;branch=z9hG4bK3\r\n"
    (answer,) = tell(lure(), SVMAP.replace("Max-", lower + "Max-", 1), transport="TCP")
    hops = [line for line in answer.split("\r\n") if line.startswith("Via: ")]
    assert [hop.partition("branch=")[2].partition(";")[0] for hop in hops] == [
        "z9hG4bK-4257845514",
        "z9hG4bK2",
        "z9hG4bK3",
    ]


def test_a_tag_in_the_uri_is_none_of_the_header() -> None:
    text = SVMAP.replace("<sip:100@1.1.1.1>\r\nF", "<sip:100@1.1.1.1;tag=x>\r\nF")
    (answer,) = tell(lure(), text, transport="TCP")
    assert read(answer).to_tag


def test_replies_of_calls_repeat_what_their_own_request_said() -> None:
    honeypot = lure("freepbx", busy=100, unanswered=0, ring=1)
    log_in(honeypot, "INVITE", user="100", password="100", number="0044", body=OFFER)
    (ringing,) = honeypot.advance(came("", 2).time)
    (busy,) = honeypot.advance(came("", 20).time)
    for late in (ringing, busy):
        answer = parse(late.payload)
        assert (answer.method, answer.cseq, answer.call_id) == ("INVITE", 2, "call-1")
