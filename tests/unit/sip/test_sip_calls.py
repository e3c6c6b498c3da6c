"""Calls: forks, sessions, lost messages, and calls that began before the capture."""

from __future__ import annotations

from typing import Any

import pytest
from support.sip_dialogs import acknowledge, bye, call, exchange, run
from support.sip_packets import (
    CALLEE,
    OTHER_PHONE,
    PHONE,
    SERVER,
    Step,
    answer,
    ask,
    challenge,
    credentials,
    types,
)

from zt.errors import InputError
from zt.sip import Event, Limits, Timers

INVITE = ask("INVITE")
RINGING: list[Step] = call()[:3]
HOUR = 3_600


def in_call(at: float, method: str, status: int, n: int = 5, **more: Any) -> list[Step]:
    """A request of the caller inside the call."""
    return exchange(at, method, status, to_tag="callee", n=n, **more)


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


CASES: dict[str, tuple[list[Step], list[str]]] = {
    "an authenticated call is two events": (
        [
            *exchange(
                0, "INVITE", 407, answer_tag="p", response=[challenge("n1")], branch="z9hG4bK-a"
            ),
            (0.02, PHONE, SERVER, ask("ACK", branch="z9hG4bK-a", to_tag="p")),
            *call(1, n=2, extra=[credentials("n1", header="Proxy-Authorization")]),
            *bye(60),
        ],
        ["call-start", "call-end"],
    ),
    "what happens in a call is no news, whether it works or not": (
        [
            *call(),
            *in_call(3, "INVITE", 200, 2),
            *in_call(4, "INVITE", 491, 3),
            *in_call(5, "UPDATE", 200, 4),
            *in_call(6, "UPDATE", 422, 5),
            *in_call(7, "INFO", 200, 6),
            *in_call(8, "INFO", 415, 7),
            *in_call(9, "REFER", 202, 8),
            *in_call(10, "NOTIFY", 481, 10),
            *in_call(11, "MESSAGE", 200, 11),
        ],
        ["call-start"],
    ),
    "what happens while it rings is no news": (
        [
            *RINGING,
            *in_call(1, "PRACK", 200, 2),
            *in_call(1.2, "UPDATE", 491, 3),
            *in_call(1.4, "INFO", 500, 4),
        ],
        ["call-attempt"],
    ),
    "REFER outside a call has an outcome like any other": (
        exchange(0, "REFER", 603),
        ["other-failed"],
    ),
    "each callee who answers a forked INVITE has a call": (
        [
            *call(),
            (2.7, SERVER, PHONE, answer(INVITE, 200, tag="other-callee")),
            (2.8, PHONE, SERVER, acknowledge(to_tag="other-callee")),
            *exchange(3, "BYE", 200, to_tag="other-callee", n=2),
            *bye(60),
        ],
        ["call-start", "call-start", "call-end", "call-end"],
    ),
    "the same 2xx again is the same call, also when that is over": (
        [*call(), call()[3], *bye(4), (5, *call()[3][1:])],
        ["call-start", "call-end"],
    ),
    "several ring, one answers": (
        [
            *RINGING,
            (0.6, SERVER, PHONE, answer(INVITE, 183, tag="other-callee")),
            call()[3],
        ],
        ["call-start"],
    ),
    "moved": (exchange(0, "INVITE", 302), ["call-attempt"]),
    "server failure": (exchange(0, "INVITE", 503), ["call-attempt"]),
    "declined everywhere": (exchange(0, "INVITE", 603), ["call-attempt"]),
    "hung up while it rang": (
        [*RINGING, *bye(1), (1.1, SERVER, PHONE, answer(INVITE, 487, tag="callee"))],
        ["call-attempt"],
    ),
    "BYE after the call failed": (
        [*RINGING, (1, SERVER, PHONE, answer(INVITE, 486, tag="callee")), *bye(1.5, 481)],
        ["call-attempt"],
    ),
    "two BYEs that cross": (
        [*call(), *bye(9), *bye(9.1, 481, branch="z9hG4bK-second")],
        ["call-start", "call-end"],
    ),
    "a call that began before the capture": (bye(5), ["call-end"]),
    "the same, ended by the other side": (
        exchange(5, "BYE", 200, client=CALLEE, tag="callee", to_tag="caller"),
        ["call-end"],
    ),
    "the same, refreshed before it ends": (
        [*in_call(1, "INVITE", 200), *in_call(700, "INVITE", 200, 6), *bye(800)],
        ["call-end"],
    ),
    "somebody tries to end a call that is none": (bye(5, 481), ["other-failed"]),
    "somebody tries to end a call, and nobody answers": (bye(5)[:1], ["other-timeout"]),
    "the same, and the server asks for credentials that never come": (
        exchange(5, "BYE", 407, to_tag="callee", response=[challenge("n1")]),
        ["other-failed"],
    ),
    "the INVITE was lost": ([*call()[1:], *bye(60)], ["call-start", "call-end"]),
    "the INVITE was lost, and the 2xx goes to somebody else than the ACK comes from": (
        [*call(acknowledged=False)[1:], (3, OTHER_PHONE, SERVER, acknowledge())],
        [],
    ),
    "a 2xx alone is no call": ([call()[3]], []),
    "the 2xx was lost": ([*RINGING, call()[4], *bye(60)], ["call-start", "call-end"]),
    "the rejection was lost": (
        [*RINGING, (1, PHONE, SERVER, ask("ACK", branch="z9hG4bK-call-1-INVITE-1", to_tag="x"))],
        ["call-attempt"],
    ),
    "an ACK with an invented tag starts no call": (
        [*RINGING, (1, PHONE, SERVER, acknowledge(to_tag="invented"))],
        ["call-attempt"],
    ),
    "an ACK from elsewhere starts no call": (
        [*RINGING, (1, OTHER_PHONE, SERVER, acknowledge())],
        ["call-attempt"],
    ),
    "an ACK before any answer starts no call": (
        [(0, PHONE, SERVER, INVITE), (1, PHONE, SERVER, acknowledge())],
        ["call-attempt"],
    ),
    "the answer to the BYE was lost": ([*call(), bye(60)[0]], ["call-start", "call-end"]),
    "transactions that share Call-ID and CSeq": (
        [
            step
            for branch in ("z9hG4bK-a", "z9hG4bK-b", "z9hG4bK-c")
            for step in exchange(0, "MESSAGE", 404, branch=branch)
        ],
        ["other-failed"] * 3,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_calls(case: str) -> None:
    steps, expected = CASES[case]
    assert types(run(*steps, end=True)[0]) == expected


@pytest.mark.parametrize("case", CASES)
def test_retransmitted_calls_are_the_same_calls(case: str) -> None:
    steps, expected = CASES[case]
    doubled = [(at + late, *rest) for at, *rest in steps for late in (0.0, 0.002)]
    assert types(run(*doubled, end=True)[0]) == expected  # type: ignore[arg-type]


def test_a_call_says_how_long_it_rang_and_spoke() -> None:
    start, end = run(*call(), *bye(62.5))[0]
    assert (start["sip"]["pdd"], start["sip"]["ring_time"]) == (500, 2_000)
    assert (end["sip"]["pdd"], end["sip"]["ring_time"]) == (500, 2_000)
    assert (end["event"]["duration"], end["event"]["duration2"]) == (60, 62.5)
    assert (start["sip"]["fromtag"], start["sip"]["totag"]) == ("caller", "callee")
    assert (end["sip"]["fromtag"], end["sip"]["totag"]) == ("caller", "callee")
    assert end["sip"]["originator"] == "caller-terminated"


def test_an_attempt_says_how_long_it_rang_before_it_was_given_up() -> None:
    event = only(
        run(
            *RINGING,
            (7, PHONE, SERVER, ask("CANCEL", branch="z9hG4bK-call-1-INVITE-1")),
            (7.5, SERVER, PHONE, answer(INVITE, 487, tag="callee")),
        )[0]
    )
    assert (event["sip"]["pdd"], event["sip"]["ring_time"]) == (500, 7_000)
    assert event["event"]["reason"] == "cancelled"


def test_an_attempt_without_final_answer_says_what_the_last_one_was() -> None:
    event = only(run(*RINGING, until=999)[0])
    assert event["sip"]["response"] == {"last": 180}
    assert "ring_time" not in event["sip"]


def test_the_asserted_identity_is_reported_beside_the_claimed_one() -> None:
    asserted = 'P-Asserted-Identity: "Alice" <sip:+4930123@carrier.example>'
    event, _ = run(*call(extra=[asserted]), *bye(9))[0]
    assert event["sip"]["pai1"] == "sip:+4930123@carrier.example"


def test_a_call_without_bye_ends_by_time_out() -> None:
    events, probe = run(*call(), until=HOUR + 10)
    assert types(events) == ["call-start", "call-end"]
    end = events[1]
    assert end["@timestamp"] == "2026-01-01T01:00:02.500000Z"
    assert end["sip"]["originator"] == "timeout-terminated"
    assert end["sip"]["response"] == {"last": 200}
    assert end["event"]["duration"] == HOUR
    assert end["event"]["reason"] == "no sign of life, and no BYE"
    assert probe.stats.calls_timed_out == 1


def test_a_bye_after_the_time_out_is_no_second_end() -> None:
    assert types(run(*call(), *bye(2 * HOUR))[0]) == ["call-start", "call-end"]


def test_a_refused_bye_after_the_time_out_is_no_attack() -> None:
    assert types(run(*call(), *bye(2 * HOUR, 481))[0]) == ["call-start", "call-end"]


def test_whatever_is_accepted_in_a_call_shows_that_it_lives() -> None:
    steps = [*call(), *in_call(HOUR - 60, "UPDATE", 200)]
    assert types(run(*steps, until=2 * HOUR - 120)[0]) == ["call-start"]
    assert types(run(*steps, until=2 * HOUR)[0]) == ["call-start", "call-end"]


def test_what_is_refused_in_a_call_does_not() -> None:
    steps = [*call(), *in_call(HOUR - 60, "UPDATE", 491)]
    assert types(run(*steps, until=HOUR + 10)[0]) == ["call-start", "call-end"]


def test_a_session_timer_decides_when_a_call_is_dead() -> None:
    steps = call(session=600)
    assert types(run(*steps, until=620)[0]) == ["call-start"]
    assert types(run(*steps, until=640)[0]) == ["call-start", "call-end"]
    refreshed = [*steps, *in_call(500, "INVITE", 200, response=["Session-Expires: 1800"])]
    assert types(run(*refreshed, until=2_300)[0]) == ["call-start"]
    assert types(run(*refreshed, until=2_340)[0]) == ["call-start", "call-end"]


@pytest.mark.parametrize(("session", "seconds"), [(1, 120), (9_999_999_999, 24 * HOUR + 30)])
def test_a_session_timer_can_be_neither_tiny_nor_endless(session: int, seconds: int) -> None:
    steps = call(session=session)
    assert types(run(*steps, until=seconds)[0]) == ["call-start"]
    assert types(run(*steps, until=seconds + 5)[0]) == ["call-start", "call-end"]


def test_the_end_of_a_call_that_began_before_says_that_nothing_is_known_of_its_start() -> None:
    event = only(run(*bye(5))[0])
    assert event["sip"]["unmatched_invite"] is True
    assert "duration" not in event["event"]
    assert "originator" not in event["sip"]
    event = only(run(*in_call(1, "INVITE", 200), *bye(5))[0])
    assert event["sip"]["unmatched_invite"] is True
    assert "duration" not in event["event"]


def test_after_an_hour_no_call_can_have_begun_before_and_an_invented_tag_hides_none() -> None:
    early: list[Step] = [(0, PHONE, SERVER, b"\r\n")]
    assert types(run(*early, *in_call(HOUR - 1, "INVITE", 200))[0]) == []
    assert types(run(*early, *in_call(HOUR + 1, "INVITE", 200))[0]) == ["call-start"]


def test_a_call_whose_invite_was_lost_tells_what_the_other_messages_say() -> None:
    event, _ = run(*call()[1:], *bye(60))[0]
    assert event["event"] == {"reason": "the INVITE was not seen"}
    assert event["client"]["ip"] == PHONE
    assert event["sip"]["from"] == "sip:alice@pbx.example"
    assert event["sip"]["request"] == {"method": "INVITE"}


def test_a_flood_of_calls_that_nobody_acknowledges_leaves_others_alone() -> None:
    flood = [
        step
        for n in range(50)
        for step in call(10 + n / 100, call=f"flood-{n}", tag=f"t{n}", acknowledged=False)
    ]
    ordered = sorted([*call(), *flood], key=lambda step: step[0])
    events, probe = run(*ordered, *bye(60), limits=Limits(calls=10))
    assert types(events).count("call-end") == 1
    assert events[-1]["event"]["duration"] == 57.5
    assert probe.stats.calls_forgotten == 41


def test_a_flood_of_forged_requests_pushes_out_no_proven_client() -> None:
    proof = exchange(0, "REGISTER", 401, response=[challenge("n1")], call="login")
    ours = exchange(0.2, "INVITE", 200, call="ours", extra=[credentials("n1")])
    flood: list[Step] = [
        (0.2 + n / 100_000, OTHER_PHONE, SERVER, ask("INVITE", call=f"f{n}", tag=f"t{n}"))
        for n in range(500)
    ]
    events, probe = run(*proof, ours[0], *flood, ours[1], limits=Limits(transactions=20))
    assert types(events).count("call-start") == 1
    assert types(events).count("call-attempt") >= 479
    assert probe._rules.sizes()["transactions"] <= 5 * 20


def test_an_endless_fork_is_no_endless_number_of_calls() -> None:
    forks: list[Step] = [
        (3 + n / 100, SERVER, PHONE, answer(INVITE, 200, tag=f"fork-{n}")) for n in range(100)
    ]
    events, probe = run(*call(), *forks)
    assert types(events) == ["call-start"] * 16
    assert probe.stats.retransmissions == 85


def test_timers_can_be_set() -> None:
    timers = Timers(established=60, ringing=120, bye=5, request=7, invite=9)
    assert types(run(*call(), until=70, timers=timers)[0]) == ["call-start", "call-end"]
    for steps, reason in (
        (RINGING, "no final answer within 120 s"),
        (RINGING[:1], "no answer within 9 s"),
        ([(0, PHONE, SERVER, ask("OPTIONS"))], "no answer within 7 s"),
    ):
        event = only(run(*steps, until=200, timers=timers)[0])
        assert event["event"]["reason"] == reason
    end = run(*call(), bye(10)[0], until=16, timers=timers)[0][1]
    assert end["event"]["reason"] == "no answer within 5 s"


@pytest.mark.parametrize("seconds", [0, -1, 8 * 24 * HOUR])
def test_a_timer_that_makes_no_sense_is_refused(seconds: int) -> None:
    with pytest.raises(InputError, match="the timer ringing of the probe"):
        Timers(ringing=seconds)
