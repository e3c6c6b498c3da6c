"""What the probe promises, scenario by scenario: how many messages, how many events."""

from __future__ import annotations

from support.sip_dialogs import bye, call, exchange, run
from support.sip_packets import PHONE, SERVER, Step, ask, challenge, credentials, types


def authenticated_call(number: int, at: float) -> list[Step]:
    """INVITE 407 ACK, INVITE 100 180 200 ACK, BYE 407, BYE 200: 12 messages."""
    name, nonce = f"call-{number}", f"n{number}"
    answer_to = f"Proxy-Authorization: {credentials(nonce).partition(': ')[2]}"
    asked = [challenge(nonce, header="Proxy-Authenticate")]
    branch = f"z9hG4bK-first-{number}"
    return [
        *exchange(at, "INVITE", 407, answer_tag="p", response=asked, branch=branch, call=name),
        (at + 0.02, PHONE, SERVER, ask("ACK", branch=branch, to_tag="p", call=name)),
        *call(at + 1, n=2, extra=[answer_to], call=name),
        *exchange(at + 60, "BYE", 407, to_tag="callee", n=8, call=name, response=asked),
        *exchange(at + 60.1, "BYE", 200, to_tag="callee", n=9, call=name, extra=[answer_to]),
    ]


def test_an_authenticated_call_of_twelve_messages_is_two_events() -> None:
    steps = authenticated_call(1, 0)
    assert len(steps) == 12
    events, probe = run(*steps, end=True)
    assert types(events) == ["call-start", "call-end"]
    assert all(event["client"]["proven"] for event in events)
    assert probe.stats.requests + probe.stats.responses == 12


def test_a_hundred_calls_at_once_are_two_hundred_events() -> None:
    steps = [step for n in range(100) for step in authenticated_call(n, n / 50)]
    steps.sort(key=lambda step: step[0])
    events = run(*steps, end=True)[0]
    assert len(events) == 200
    starts = {event["sip"]["call_id"] for event in events if event["type"] == "call-start"}
    ends = {event["sip"]["call_id"] for event in events if event["type"] == "call-end"}
    assert len(starts) == 100
    assert starts == ends


def test_a_hundred_and_twenty_keep_alives_by_register_are_one_event() -> None:
    asked = [challenge("n1")]
    steps = exchange(0, "REGISTER", 401, response=asked)
    for n in range(120):
        steps += exchange(0.1 + 30 * n, "REGISTER", 200, n=n + 2, extra=[credentials("n1")])
    assert types(run(*steps, end=True)[0]) == ["reg-new"]


def test_a_day_of_polling_is_one_event() -> None:
    steps = [
        step
        for n in range(2_880)
        for step in exchange(30 * n, "OPTIONS", 200, n=n + 1, call=f"c{n}")
    ]
    events, probe = run(*steps, end=True)
    assert types(events) == ["other-ok"]
    assert probe.stats.keep_alives == 2_879


def test_retransmissions_are_absorbed() -> None:
    steps = [*call(), *bye(9)]
    often = [(at + late / 10, *rest) for at, *rest in steps for late in range(7)]
    often.sort(key=lambda step: step[0])
    events, probe = run(*often, end=True)  # type: ignore[arg-type]
    assert types(events) == ["call-start", "call-end"]
    assert probe.stats.retransmissions >= 6 * 4


def test_ten_thousand_requests_of_a_flood_are_ten_thousand_outcomes_for_the_throttle() -> None:
    flood: list[Step] = [
        (n / 1_000, PHONE, SERVER, ask("OPTIONS", n=n + 1, call=f"c{n}")) for n in range(10_000)
    ]
    events, probe = run(*flood, end=True)
    assert types(events) == ["other-timeout"] * 10_000
    assert probe.stats.keep_alives == 0
