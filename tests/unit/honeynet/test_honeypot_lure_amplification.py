"""Nobody gets more bytes than he sent, unless his address is no mere claim."""

from __future__ import annotations

import pytest
from support.lure_asks import (
    OFFER,
    SCANS,
    SVWAR,
    came,
    credentials,
    log_in,
    lure,
    read,
    request,
    statuses,
    tell,
    value,
)

from zt.honeynet.honeypot.lure.personality import PERSONALITIES
from zt.honeynet.honeypot.lure.replies import Line, Rank, status_line, write
from zt.sip.parse import parse

METHODS = [
    *("ACK", "BYE", "CANCEL", "DANCE", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS"),
    *("PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"),
]
LEAN = {
    method: "\r\n".join(
        [
            f"{method} sip:101@a SIP/2.0",
            "v:SIP/2.0/UDP a;branch=z9hG4bK1;rport",
            "f:<sip:101@a>;tag=1",
            "t:<sip:101@a>",
            "i:1",
            f"CSeq:1 {method}",
            "\r\n",
        ]
    )
    for method in METHODS
}
FAT = {
    method: request(method, extra=tuple(f"X-Header-{n}: {'x' * 60}" for n in range(30)))
    for method in METHODS
}
BROKEN = {
    "version": SCANS["svmap"].replace("SIP/2.0\r\n", "SIP/9.9\r\n", 1),
    "method": SCANS["svmap"].replace("1 OPTIONS", "1 INVITE"),
}


@pytest.mark.parametrize("name", PERSONALITIES.names())
@pytest.mark.parametrize("kind", ["lean", "fat", "scans", "broken"])
def test_a_source_that_may_be_forged_gets_one_reply_of_no_more_bytes(name: str, kind: str) -> None:
    asks = {"lean": LEAN, "fat": FAT, "scans": SCANS, "broken": BROKEN}[kind]
    amplification = {}
    for what, text in asks.items():
        answers = tell(lure(name), text)
        assert len(answers) <= 1
        amplification[what] = sum(len(answer.encode()) for answer in answers) / len(text.encode())
    assert max(amplification.values()) <= 1, amplification


@pytest.mark.parametrize("name", PERSONALITIES.names())
@pytest.mark.parametrize("scan", sorted(set(SCANS) - {"the least"}))
def test_scanners_as_they_are_get_an_answer_all_the_same(name: str, scan: str) -> None:
    assert len(tell(lure(name), SCANS[scan])) == 1


@pytest.mark.parametrize("src", ["203.0.113.255", "9.9.9.9", "198.51.100.199"])
@pytest.mark.parametrize("name", PERSONALITIES.names())
def test_scanners_behind_a_private_address_get_an_answer_too(name: str, src: str) -> None:
    for text in SCANS.values():
        private = text.replace("203.0.113.66", "10.0.0.4")
        (answer,) = tell(lure(name), private, src=src) or [""]
        assert len(answer) <= len(private)
        if text is SVWAR:
            assert answer


def test_credentials_with_a_nonce_made_up_prove_nothing() -> None:
    honeypot = lure("freepbx")
    (asked,) = tell(honeypot, request("INVITE", body=OFFER))
    nonce = value(asked, "WWW-Authenticate").partition('nonce="')[2].partition('"')[0]
    header = credentials(asked, "INVITE").replace(nonce, "0" * len(nonce))
    text = request("INVITE", extra=(header,), body=OFFER)
    (answer,) = tell(honeypot, text)
    assert read(answer).status == 401
    assert len(answer) <= len(text)


def test_a_stranger_with_the_nonce_of_another_gets_no_more_than_he_sent() -> None:
    honeypot = lure("freepbx")
    (asked,) = tell(honeypot, request("INVITE", to="0044", of="100", body=OFFER))
    stranger = log_in(
        honeypot,
        "INVITE",
        answer_to=asked,
        user="100",
        password="100",
        number="0044",
        body=OFFER,
        src="203.0.113.99",
    )
    assert statuses(stranger) == [401]
    assert honeypot.sizes() == {"calls": 0}


def test_a_stranger_gets_nothing_late() -> None:
    honeypot = lure(busy=0, unanswered=0)
    for method in METHODS:
        datagram = came(request(method, body=OFFER))
        honeypot.answer(parse(datagram.payload), datagram)
    assert honeypot.advance(1 << 60) == []


def test_what_gives_way_first_leaves_first_and_nothing_needlessly() -> None:
    lines = [
        status_line(200),
        Line(b"Server: it\r\n", Rank.SOFTWARE),
        Line(b"Allow: all\r\n", Rank.ALLOW),
        Line(b"To: you\r\n", Rank.NAME, b"t: you\r\n"),
    ]
    whole = write(lines)
    assert whole is not None
    for room in range(len(whole), 0, -1):
        cut = write(lines, room=room)
        if cut is None:
            break
        assert len(cut) <= room
        assert (b"Allow" in cut) == (room >= len(whole))
        assert (b"Server" in cut) == (room >= len(whole) - 12 - 13)
        assert cut.startswith(b"SIP/2.0 200 ")
    assert cut is None
    assert room == len(b"SIP/2.0 200 \r\nt: you\r\nl: 0\r\n\r\n") - 1
