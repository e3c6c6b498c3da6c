"""Calls of those who know a password ring, and are busy, or answered in the end."""

from __future__ import annotations

from typing import Any

import pytest
from support.lure_asks import (
    ATTACKER,
    OFFER,
    came,
    log_in,
    lure,
    read,
    request,
    statuses,
    tell,
    value,
)
from support.sip_packets import START, packed

from zt.honeynet.honeypot.lure.lure import Lure
from zt.sip.parse import parse
from zt.sip.tables import NEVER

ALWAYS = {"answered": (0, 0), "busy": (100, 0), "unanswered": (0, 100)}


def phone(fate: str = "answered", **settings: Any) -> Lure:
    """A lure of which every number fares alike."""
    busy, unanswered = ALWAYS[fate]
    return lure(busy=busy, unanswered=unanswered, **settings)


def dial(to: Lure, number: str = "00441234", **how: Any) -> list[str]:
    """Calls a number; gives what comes at once."""
    return log_in(to, "INVITE", number=number, branch="z9hG4bK-call", body=OFFER, **how)


def later(to: Lure, seconds: float) -> list[str]:
    """What comes by then."""
    return [late.payload.decode() for late in to.advance(START + round(seconds * 1_000_000))]


def acknowledge(to: Lure, tag: str, seconds: float) -> None:
    """An ACK for the call's final reply."""
    text = request("ACK", to="00441234", cseq=2, to_tag=tag, branch="z9hG4bK-call")
    assert tell(to, text, seconds) == []


def test_a_call_rings_and_is_answered_late() -> None:
    to = phone(ring=10)
    assert statuses(dial(to)) == [100]
    assert later(to, 0.3) == []
    assert statuses(later(to, 1)) == [180]
    assert later(to, 9) == []
    (answer,) = later(to, 31)
    assert read(answer).status == 200
    assert value(answer, "Content-Type") == "application/sdp"
    assert "\r\na=inactive\r\n" in answer


@pytest.mark.parametrize(("fate", "status"), [("busy", 486), ("unanswered", 480)])
def test_a_call_rings_in_vain(fate: str, status: int) -> None:
    to = phone(fate)
    dial(to)
    assert statuses(later(to, 1)) == [180]
    assert statuses(later(to, 100)) == [status]


def test_the_same_number_always_fares_alike_and_not_all_do() -> None:
    fates: dict[int, set[int]] = {}
    for number in range(40):
        to = lure(calls_of_one=100)
        for again in range(2):
            log_in(to, "INVITE", number=f"0044{number}", call=f"call-{again}", body=OFFER)
        later(to, 1)
        fates[number] = set(statuses(later(to, 100)))
    assert all(len(fate) == 1 for fate in fates.values())
    assert set.union(*fates.values()) == {200, 480, 486}


def test_a_call_is_not_begun_without_a_password() -> None:
    to = lure("freepbx")
    assert statuses(log_in(to, "INVITE", password="wrong", body=OFFER)) == [401]
    assert to.advance(NEVER) == []


def test_an_answer_is_repeated_until_it_is_acknowledged() -> None:
    to = phone(ring=1)
    dial(to)
    later(to, 1)
    times = [5.0, 5.5, 6.5, 8.5, 12.5, 16.5]
    tags = {read(answer).to_tag for time in times for answer in later(to, time + 0.001)}
    (tag,) = tags
    acknowledge(to, tag, 17)
    assert later(to, 30) == []
    assert to.sizes() == {"calls": 1}


def test_an_answer_that_nobody_acknowledges_is_given_up() -> None:
    to = phone(ring=1)
    dial(to)
    replies = [later(to, tenths / 10) for tenths in range(1, 600)]
    assert 8 <= sum(map(len, replies)) <= 14
    assert to.sizes() == {"calls": 0}
    assert to.deadline() == NEVER


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_refusal_is_not_repeated_over_a_connection(transport: str) -> None:
    to = phone("busy", ring=1)
    dial(to, transport=transport)
    found = [statuses(later(to, second)) for second in range(1, 60)]
    assert [one for some in found for one in some] == [180, 486]


def test_an_acknowledged_refusal_is_over() -> None:
    to = phone("busy", ring=1)
    dial(to)
    later(to, 1)
    (refusal,) = later(to, 5)
    acknowledge(to, read(refusal).to_tag, 5.2)
    assert later(to, 60) == []
    assert to.sizes() == {"calls": 0}


def test_a_call_can_be_hung_up_by_the_caller_only() -> None:
    to = phone(ring=1)
    dial(to)
    later(to, 1)
    (answer,) = later(to, 5)
    tag = read(answer).to_tag
    bye = request("BYE", to="00441234", cseq=3, to_tag=tag)
    assert statuses(tell(to, bye, 6, src="203.0.113.67")) == [481]
    assert statuses(tell(to, bye.replace(tag, "made-up"), 6)) == [481]
    assert statuses(tell(to, bye, 6)) == [200]
    assert statuses(tell(to, bye, 6)) == [481]


def test_a_cancelled_call_is_terminated() -> None:
    to = phone()
    dial(to)
    assert statuses(later(to, 1)) == [180]
    cancel = request("CANCEL", to="00441234", cseq=2, branch="z9hG4bK-call")
    assert statuses(tell(to, cancel.replace("z9hG4bK-call", "z9hG4bK-other"), 2)) == [481]
    done, terminated = tell(to, cancel, 2)
    assert (read(done).status, read(done).method) == (200, "CANCEL")
    assert (read(terminated).status, read(terminated).method) == (487, "INVITE")
    acknowledge(to, read(terminated).to_tag, 2.1)
    assert later(to, 100) == []


def test_an_answered_call_cannot_be_cancelled() -> None:
    to = phone(ring=1)
    dial(to)
    later(to, 1)
    later(to, 5)
    cancel = request("CANCEL", to="00441234", cseq=2, branch="z9hG4bK-call")
    assert statuses(tell(to, cancel, 6)) == [200]


def test_a_repeated_invite_gets_the_last_reply_again() -> None:
    to = phone()
    (asked,) = tell(to, request("INVITE", to="00441234", body=OFFER))
    once = log_in(to, "INVITE", answer_to=asked, number="00441234", branch="z9hG4bK-call")
    again = log_in(to, "INVITE", answer_to=asked, number="00441234", branch="z9hG4bK-call")
    assert once == again
    (ringing,) = later(to, 1)
    assert log_in(to, "INVITE", answer_to=asked, number="00441234", branch="z9hG4bK-call") == [
        ringing
    ]
    assert to.sizes() == {"calls": 1}


def test_a_call_that_is_held_or_resumed_is_answered_again() -> None:
    to = phone(ring=1)
    dial(to)
    later(to, 1)
    (answer,) = later(to, 5)
    tag = read(answer).to_tag
    again = request(
        "INVITE", to="00441234", cseq=3, to_tag=tag, body=OFFER, extra=("X: " + "x" * 400,)
    )
    assert statuses(tell(to, again, 6)) == [200]
    assert statuses(tell(to, again.replace(tag, "made-up"), 6)) == [481]


def test_one_source_has_no_more_calls_than_its_share() -> None:
    to = phone(calls_of_one=3)
    found = [statuses(dial(to, call=f"call-{n}")) for n in range(5)]
    assert found == [[100]] * 3 + [[486]] * 2
    assert statuses(dial(to, src="203.0.113.67")) == [100]


def test_an_ipv6_network_is_one_source() -> None:
    to = phone(calls_of_one=2)
    found = [statuses(dial(to, src=f"2001:db8::{n}")) for n in range(1, 4)]
    assert found == [[100], [100], [486]]


def test_the_oldest_call_gives_way() -> None:
    to = phone(calls=4, calls_of_one=1)
    for n in range(10):
        assert statuses(dial(to, src=f"203.0.113.{n}")) == [100]
    assert to.sizes() == {"calls": 4}
    ringing = to.advance(START + 1_000_000)
    assert [late.to.src[3] for late in ringing] == [6, 7, 8, 9]


def test_late_replies_go_where_the_call_came_from() -> None:
    to = phone()
    text = request("INVITE", to="00441234", body=OFFER)
    elsewhere = "203.0.113.200"
    text = text.replace(f"Via: SIP/2.0/UDP {ATTACKER}", f"Via: SIP/2.0/UDP {elsewhere}")
    (asked,) = tell(to, text)
    dial(to, answer_to=asked)
    (late,) = to.advance(START + 1_000_000)
    assert (late.to.src, late.to.src_port, late.to.dst_port) == (packed(ATTACKER), 5061, 5060)
    assert late.to.payload == b""


def test_numbers_of_no_digits_are_not_found() -> None:
    to = phone()
    (asked,) = tell(to, request("INVITE", body=OFFER))
    text = log_in(to, "INVITE", answer_to=asked, number="", body=OFFER)
    assert statuses(text) == [404]


def test_media_that_a_pbx_would_not_take_are_refused() -> None:
    to = phone()
    video = OFFER.replace("m=audio 6000 RTP/AVP 0 8 101", "m=audio 6000 RTP/SAVP 0")
    assert statuses(log_in(to, "INVITE", number="0044", body=video)) == [488]


def test_an_answered_call_is_forgotten_in_the_end() -> None:
    to = phone(ring=1, call_life=600)
    dial(to)
    later(to, 1)
    (answer,) = later(to, 5)
    acknowledge(to, read(answer).to_tag, 5.1)
    assert later(to, 600) == []
    assert to.sizes() == {"calls": 1}
    assert later(to, 606) == []
    assert to.sizes() == {"calls": 0}


def test_a_challenge_alone_leaves_nothing_behind() -> None:
    to = phone()
    for n in range(2_000):
        datagram = came(request("INVITE", call=f"call-{n}"))
        to.answer(parse(datagram.payload), datagram)
    assert to.sizes() == {"calls": 0}
